// All items, a page at a time: search, filters, and each item's story in a drawer.
import { get } from "./api.js";
import { boot, task } from "./boot.js";
import { h, part, put } from "./dom.js";
import { visible } from "./item.js";
import { labelTag, openStory } from "./story.js";
import { count, counted, percent } from "./words.js";

const SIZE = 50;
const TYPING = 200;
const NAMES = ["search", "label", "by", "person", "flagged", "answer", "min", "max", "sort"];
const SORTS = [["position", "In order"], ["probability", "Least sure first"], ["-probability", "Surest first"], ["recent", "Answered last first"]];

let offset = Number(boot.query?.offset ?? 0) || 0;
let running = null;
let timer = 0;

// -- filters

const fields = {
  search: h("input", { type: "search", id: "f-search", placeholder: "Search the items", dir: "auto", autocomplete: "off" }),
  label: choice("f-label", [["", "any label"], ...task.labels.map((label) => [label.name, label.name])]),
  by: choice("f-by", [["", "by anyone"], ["human", "by people"], ["machine", "by the machine"], ["none", "no label yet"]]),
  person: choice("f-person", [["", "any person"], ...(boot.people ?? []).map((name) => [name, name])]),
  answer: choice("f-answer", [["", "any answer"], ["cant_tell", "can’t tell"], ["skip", "skipped"]]),
  sort: choice("f-sort", SORTS),
  flagged: h("input", { type: "checkbox", id: "f-flagged" }),
  min: bound("f-min", "0"),
  max: bound("f-max", "1"),
};
const TITLES = { search: "Search", label: "Label", by: "Labeled", person: "Person", answer: "Answer", sort: "Order", flagged: "Flagged only", min: "From", max: "to" };

function choice(id, options) {
  return h("select", { id }, options.map(([value, text]) => h("option", { value }, text)));
}

function bound(id, placeholder) {
  return h("input", { id, type: "number", min: "0", max: "1", step: "0.01", placeholder, inputmode: "decimal" });
}

function drawFilters() {
  const field = (name, kind = "field") => h("div", { class: kind }, h("label", { for: `f-${name}` }, TITLES[name]), fields[name]);
  const check = h("label", { class: "check small" }, fields.flagged, " ", TITLES.flagged);
  const sure = boot.blind ? null : h("fieldset", { class: "field sure" }, h("legend", { class: "small soft" }, "Probability"), h("div", { class: "row" }, h("label", { class: "unseen", for: "f-min" }, "Probability from"), fields.min, h("span", { class: "soft" }, "–"), h("label", { class: "unseen", for: "f-max" }, "Probability to"), fields.max));
  const people = (boot.people ?? []).length ? field("person") : null;
  put(part("filters"), field("search", "field search"), field("label"), field("by"), people, field("answer"), sure, field("sort"), check,
    h("button", { type: "button", class: "button plain", onclick: clear }, "Clear"));
  for (const name of NAMES) {
    const value = boot.query?.[name];
    if (name === "flagged") fields.flagged.checked = Boolean(Number(value ?? 0));
    else if (value !== undefined && value !== null) fields[name].value = value;
    const event = name === "search" || name === "min" || name === "max" ? "input" : "change";
    fields[name].addEventListener(event, () => { clearTimeout(timer); timer = setTimeout(() => load(0), event === "input" ? TYPING : 0); });
  }
  part("filters").addEventListener("submit", (event) => { event.preventDefault(); load(0); });
}

function clear() {
  for (const name of NAMES) {
    if (name === "flagged") fields[name].checked = false;
    else fields[name].value = name === "sort" ? "position" : "";
  }
  load(0);
}

function query() {
  const wanted = new URLSearchParams();
  for (const name of NAMES) {
    const value = name === "flagged" ? (fields.flagged.checked ? "1" : "") : fields[name].value.trim();
    if (value && !(name === "sort" && value === "position")) wanted.set(name, value);
  }
  if (offset) wanted.set("offset", offset);
  return wanted;
}

// -- the table

async function load(from = offset, { quiet = false } = {}) {
  offset = Math.max(0, from);
  running?.abort();
  const mine = (running = new AbortController());
  const wanted = query();
  history.replaceState(null, "", wanted.size ? `?${wanted}` : location.pathname);
  wanted.set("limit", SIZE);
  try {
    const reply = await get(`/api/items?${wanted}`, { signal: mine.signal });
    draw(reply, quiet);
    if (!reply.ready) timer = setTimeout(() => load(offset, { quiet: true }), 2000);
  } catch (error) {
    if (mine.signal.aborted) return;
    part("found").textContent = "";
    put(part("pager"));
    put(part("table"), h("div", { class: "empty" }, h("h2", {}, error.code === "not_ready" ? "The index is being built" : "That did not work"), h("p", { class: "user" }, error.what ?? "The server cannot be reached."), h("button", { type: "button", class: "button", onclick: () => load() }, "Try again")));
    if (error.code === "not_ready") timer = setTimeout(() => load(), Math.max(1000, error.after));
  }
}

function draw(reply, quiet) {
  const { total, items } = reply;
  part("found").textContent = total ? `${counted(total, "item")}${reply.ready ? "" : ", the index is being built"}` : "";
  const to = reply.offset + items.length;
  put(part("pager"), total > SIZE ? [
    h("span", { class: "soft small" }, `${count(reply.offset + 1)}–${count(to)}`),
    h("button", { type: "button", class: "button", disabled: reply.offset === 0, onclick: () => load(reply.offset - SIZE) }, "Back"),
    h("button", { type: "button", class: "button", disabled: to >= total, onclick: () => load(reply.offset + SIZE) }, "Next")] : []);
  if (!items.length) return put(part("table"), h("div", { class: "empty" }, h("h2", {}, "No item fits"), h("p", {}, "Take a filter away to see more.")));
  const columns = task.modality === "table" ? task.fields.slice(0, 6) : null;
  put(part("table"), h("table", { class: "items" }, head(columns), h("tbody", {}, items.map((one) => row(one, columns)))));
  if (!quiet) part("table").scrollTop = 0;
  return undefined;
}

function head(columns) {
  return h("thead", {}, h("tr", {}, h("th", { class: "number place" }, "No."), columns ? columns.map((name) => h("th", {}, h("bdi", { class: "user" }, name))) : h("th", {}, "Item"), h("th", {}, "Label"), h("th", { class: "number" }, "Probability"), h("th", {}, "By"), h("th", {}, h("span", { class: "unseen" }, "Notes"))));
}

function row(one, columns) {
  const open = () => openStory(one.position, () => load(offset, { quiet: true }));
  const content = columns ? columns.map((name) => h("td", { class: "user cut" }, visible(String(one.cells?.[name] ?? "–"))))
    : h("td", {}, h("div", { class: "item-cell" }, one.image && thumb(one.image), h("bdi", { class: "user excerpt" }, one.excerpt ? visible(one.excerpt) : one.image ? "" : "empty")));
  return h("tr", { onclick: (event) => !event.target.closest("a, button") && open() },
    h("td", { class: "number place" }, h("button", { type: "button", class: "place-button", "aria-label": `Item ${one.position + 1}`, onclick: open }, count(one.position + 1))),
    content, h("td", {}, one.label === null && one.by !== "human" ? h("span", { class: "soft" }, one.by === "machine" ? "hidden for now" : "–") : labelTag(one.label, { answer: one.answer ?? "cant_tell" })),
    h("td", { class: "number" }, one.probability === null ? h("span", { class: "soft" }, "–") : percent(one.probability)),
    h("td", {}, one.by === "human" ? h("bdi", { class: "user cut by" }, one.person ?? "a person") : one.by === "machine" ? h("span", { class: "soft" }, "machine") : h("span", { class: "soft" }, "–")),
    h("td", { class: "marks small" }, one.flagged && h("span", { class: "tag warn" }, "flag"), one.comments ? h("span", { class: "soft" }, counted(one.comments, "comment")) : null));
}

function thumb(url) {
  const picture = h("img", { class: "thumb", loading: "lazy", alt: "", width: "48", height: "48", src: `${url}?size=thumb` });
  picture.addEventListener("error", () => picture.replaceWith(h("span", { class: "thumb none", title: "This image cannot be shown" }, "?")));
  return picture;
}

drawFilters();
load(offset);
