// What the cheaper sources are worth: how much they vote on, how far they agree, how often people say they are right.
import { get } from "./api.js";
import { h, put } from "./dom.js";
import { count, counted } from "./words.js";

const share = (value) => `${(100 * value).toFixed(1)}\u00a0%`;
const HEAD = [["Source", ""], ["Votes", "items it has an opinion of"], ["Covers", "share of all items"], ["Overlaps", "share of all items where another source votes too"],
  ["Conflicts", "share of all items where another source says otherwise"], ["Right, random", "of the answered items that were drawn at random"], ["Likely between", "95 % interval of its accuracy, from these"], ["Right, all", "of all items that people have answered; many were asked because they are hard"],
  ["Without it", "how much more often the majority of the others would be wrong"]];

/** Draws the section into `frame`. */
export async function showSources(frame) {
  const reply = await get("/api/sources", { seconds: 120 });
  put(frame, h("section", { class: "panel" }, h("h2", {}, "Sources"), reply.sources.length ? [lead(reply), table(reply), troubles(reply)]
    : h("p", { class: "soft" }, "No rule, LLM or earlier model has voted. They can save answers: ", h("code", {}, "goldleaf vote"), " asks them, and this is where they are compared with people.")));
}

function lead({ answers }) {
  return h("p", { class: "soft" }, answers ? `Votes teach the machine and never count as answers. People have answered ${counted(answers, "item")}; the interval rests on those drawn at random, as the others were asked because they are hard.`
    : "Votes teach the machine and never count as answers. How often they are right is known once people have answered.");
}

function table({ sources, total }) {
  return [h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Sources" }, h("table", { class: "sources" },
    h("thead", {}, h("tr", {}, HEAD.map(([name, what], index) => h("th", { class: index ? "number" : null, title: what || null }, name)))),
    h("tbody", {}, sources.map((one) => h("tr", {},
      h("th", { scope: "row" }, h("bdi", { class: "user" }, one.name)), h("td", { class: "number" }, count(one.votes)),
      [one.coverage, one.overlap, one.conflict].map((value) => h("td", { class: "number" }, share(value))),
      h("td", { class: "number" }, one.drawn ? `${count(one.drawn_right)} of ${count(one.drawn)}` : "–"),
      h("td", { class: "number" }, one.drawn ? interval(one) : "–"),
      h("td", { class: "number" }, one.answered ? `${count(one.right)} of ${count(one.answered)}` : "–"),
      h("td", { class: "number" }, one.removed === null ? "–" : `${one.removed > 0 ? "+" : one.removed < 0 ? "−" : ""}${share(Math.abs(one.removed))}`)))))),
    total > sources.length && h("p", { class: "small soft" }, `The first ${count(sources.length)} of ${count(total)}.`)];
}

const interval = ({ low, high }) => `${Math.floor(100 * low)}–${Math.ceil(100 * high)}\u00a0%`;

function troubles({ troubles: found, paid }) {
  return [...found.map((one) => h("details", { class: "notice warn small trouble" },
    h("summary", {}, h("bdi", { class: "user" }, one.name), ": ", [one.errors && `failed on ${counted(one.errors, "item")} in its last run`, one.invalid && `${counted(one.invalid, "answer")} named no label`].filter(Boolean).join("; ")),
    h("ul", {}, one.problems.map(([item, what]) => h("li", { class: "user" }, `${item}: ${what}`))))),
  ...Object.entries(paid).map(([name, cost]) => h("p", { class: "small soft" }, h("bdi", { class: "user" }, name), `: ${cost.toPrecision(3)} paid in all`))];
}
