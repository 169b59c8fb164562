// One item and everything that was said of it, in a drawer beside a table or map, or on a page of its own.
import { get, post } from "./api.js";
import { task } from "./boot.js";
import { vars } from "./colours.js";
import { h, icon, part, put } from "./dom.js";
import { show } from "./item.js";
import { purposeWords } from "./proof_card.js";
import { sayRefused, say } from "./toasts.js";
import { moment, percent } from "./words.js";

const place = new Map((task?.labels ?? []).map((label, index) => [label.name, index]));

/** A label with its colour, as a pill. */
export function labelTag(name, { answer = "label" } = {}) {
  if (name === null || name === undefined) return h("span", { class: "tag soft" }, h("span", { class: "swatch none" }), { cant_tell: "can’t tell", skip: "skipped", retracted: "taken back" }[answer] ?? "no label");
  return h("span", { class: "tag" }, h("span", { class: "swatch", vars: vars(place.get(name) ?? 0) }), h("bdi", { class: "user" }, name));
}

/** Opens the item at `position` in the page's drawer; `changed(position)` is called after a correction, flag or comment. */
export async function openStory(position, changed = () => {}) {
  const drawer = part("drawer");
  const body = h("div", { class: "stack" }, h("p", { class: "soft" }, "One moment…"));
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => drawer.close() }, icon("close"));
  put(drawer, h("div", { class: "drawer-head row" }, h("h2", {}, `Item ${position + 1}`), h("a", { class: "small", href: `/items/${position}` }, "Its own page"), close), body);
  drawer.onclick = (event) => event.target === drawer && drawer.close();
  if (!drawer.open) drawer.showModal();
  try {
    drawStory(body, await get(`/api/items/${position}`), () => changed(position));
  } catch (error) {
    put(body, h("p", { class: "notice bad user" }, error.what ?? "The server cannot be reached."));
  }
}

/** Draws the reply of GET /api/items/{position} into `body`, with what may be done about it. */
export function drawStory(body, reply, changed = () => {}) {
  const { item } = reply;
  const again = async () => {
    drawStory(body, await get(`/api/items/${item.position}`), changed);
    changed();
  };
  put(body,
    h("div", { class: "story-item card" }, show(item)),
    h("div", { class: "row" }, reply.label === null && reply.by === "machine" ? null : labelTag(reply.label, { answer: reply.by === "human" ? "cant_tell" : "label" }), byWhom(reply), reply.flagged && h("span", { class: "tag warn" }, "flagged")),
    reply.may_correct ? correct(item, reply, (next) => { drawStory(body, next, changed); changed(); }) : null,
    notes(item, reply, again),
    columns(item.columns),
    h("section", { class: "stack tight" }, h("h2", { class: "story-head" }, "Its story"), reply.story.length ? h("ol", { class: "story" }, reply.story.map(entry)) : h("p", { class: "soft small" }, "Nothing has been said of it yet.")));
}

function byWhom({ by, person, probability }) {
  if (by === "human") return h("span", { class: "soft small" }, "answered by ", h("bdi", { class: "user" }, person ?? "a person"));
  if (by === "machine") return h("span", { class: "soft small" }, probability === null ? "labeled by the machine; its label is hidden while the proof is under way" : `by the machine, ${percent(probability)} sure`);
  return h("span", { class: "soft small" }, "");
}

function correct(item, reply, done) {
  const open = reply.label === null;
  const select = h("select", { id: "correct" }, open && h("option", { value: "", disabled: true, selected: true }, "choose…"), task.labels.map((label) => h("option", { value: `=${label.name}`, selected: label.name === reply.label }, label.name)), h("option", { value: "?" }, "can’t tell"));
  const button = h("button", { type: "button", class: "button", onclick: () => send() }, open ? "Save" : "Correct");
  async function send() {
    if (!select.value) return select.focus();
    button.disabled = true;
    try {
      const answer = select.value === "?" ? { answer: "cant_tell", label: null } : { answer: "label", label: select.value.slice(1) };
      const { story } = await post("/api/correct", { position: item.position, ...answer, comment: null });
      say(open ? "Saved." : "Corrected. The ledger keeps both.");
      return done(story);
    } catch (error) {
      button.disabled = false;
      return sayRefused(error);
    }
  }
  return h("div", { class: "row act-row" }, h("label", { for: "correct", class: "small soft" }, open ? "Label it" : "Correct the label"), select, button);
}

function notes(item, reply, done) {
  const field = h("input", { id: "note", placeholder: "Comment", dir: "auto", maxlength: "2000", "aria-label": "Comment" });
  const send = async (kind, text) => {
    try {
      await post("/api/notes", { position: item.position, kind, text });
      await done();
    } catch (error) {
      sayRefused(error);
    }
  };
  return h("form", { class: "row act-row", onsubmit: (event) => { event.preventDefault(); if (field.value.trim()) send("comment", field.value.trim()); } },
    field, h("button", { type: "submit", class: "button" }, "Add"),
    h("button", { type: "button", class: "button", "aria-pressed": String(Boolean(reply.flagged)), onclick: () => send(reply.flagged ? "unflag" : "flag", "") }, icon("flag"), reply.flagged ? "Flagged" : "Flag"));
}

function columns(values) {
  const names = Object.keys(values ?? {});
  if (!names.length) return null;
  return h("details", { class: "small" }, h("summary", { class: "soft" }, "Its other columns"), h("dl", { class: "meanings" }, names.map((name) => h("div", {}, h("dt", { class: "user" }, name), h("dd", { class: "user" }, values[name] === null ? "no value" : String(values[name]))))));
}

function entry(one) {
  const who = one.who && h("b", {}, h("bdi", { class: "user" }, one.who));
  const said = {
    import: () => ["Imported"],
    question: () => [purposeWords(one.purpose), one.reason && `: ${one.reason}`],
    prediction: () => [who ?? "The machine", " says ", labelTag(one.label), one.probability !== null && one.probability !== undefined && ` ${percent(one.probability)}`],
    vote: () => [who, " votes ", labelTag(one.label), one.probability !== null && ` ${percent(one.probability)}`],
    answer: () => [who ?? "A person", one.answer === "retracted" ? " took the answer back" : [" answered ", labelTag(one.label, one)], one.replaces && h("span", { class: "soft" }, " instead of the answer before"), one.suggestion && h("span", { class: "soft" }, " with a suggestion in view")],
    comment: () => [who, ": ", h("q", { class: "user" }, one.text)],
    flag: () => [who ?? "A person", " flagged it"],
    unflag: () => [who ?? "A person", " took the flag away"],
  }[one.kind]?.() ?? [one.kind];
  const took = one.kind === "answer" && one.seconds ? ` · ${Math.round(10 * one.seconds) / 10} s` : "";
  return h("li", { class: one.kind }, h("p", {}, said), h("p", { class: "soft small" }, one.at ? moment(one.at) : "", took));
}
