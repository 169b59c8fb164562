// The proof beside the questions: how far the proven error has fallen, and what is still needed.
import { vars } from "./colours.js";
import { h, put, svg } from "./dom.js";
import { count, counted, minutes, percentUp } from "./words.js";

const FEW_LABELS = 9;
const OPEN_LABELS = 5;
const WIDE = 240;
const TALL = 56;

export class ProofCard {
  constructor(root, task) {
    Object.assign(this, { root, task, curve: [], last: null, status: null });
  }

  /** The bounds so far, `[{answers, bound}]`. */
  setCurve(curve) {
    this.curve = curve.filter((point) => point.bound < 1);
    this.#draw();
  }

  setStatus(status) {
    this.status = { ...status, me: status.me ?? this.status?.me ?? null, draws: status.draws === undefined ? this.status?.draws ?? null : status.draws };
    const last = this.curve.at(-1);
    if (status.bound < 1 && (!last || status.human_answers > last.answers)) this.curve.push({ answers: status.human_answers, bound: status.bound });
    this.#draw();
  }

  /** What was saved last and, now that it is answered, why it had been asked. */
  setLast(saved) {
    this.last = saved;
    this.#draw();
  }

  #draw() {
    if (!this.status) return;
    put(this.root, head(this.status), this.curve.length > 1 ? spark(this.curve, this.status.error) : null, forecast(this.status), this.#classes(), this.#last());
  }

  #classes() {
    const { classes } = this.status;
    if (!classes?.length || classes.length > FEW_LABELS) return null;
    const most = Math.max(1, ...classes.map((one) => one.human));
    return h("details", { class: "by-label", open: this.openClasses ?? classes.length <= OPEN_LABELS, ontoggle: (event) => (this.openClasses = event.target.open) },
      h("summary", {}, "Answers by label"),
      h("ul", {}, classes.map((one, index) => h("li", { vars: { ...vars(index), "--share": String(one.human / most) } },
        h("bdi", { class: "user" }, one.name), h("span", { class: "meter label-meter" }, h("i")), h("span", { class: "number" }, count(one.human)),
        one.bound === null || one.bound === undefined || one.bound >= 1 ? null : h("span", { class: one.certified ? "small proved" : "small soft" }, `≤ ${percentUp(one.bound)}`)))));
  }

  #last() {
    if (!this.last) return null;
    const { saved, colour } = this.last;
    const said = saved.answer === "label" ? [h("span", { class: "swatch", vars: vars(colour) }), h("bdi", { class: "user" }, saved.label)] : [{ cant_tell: "can’t tell", skip: "skipped" }[saved.answer]];
    return h("p", { class: "last small" }, h("span", { class: "soft" }, "Last: "), h("b", {}, said), saved.reason && h("span", { class: "soft" }, ` ${purposeWords(saved.purpose)}: ${saved.reason}`));
  }
}

/** "audit", "training" … as a person would say it. */
export const purposeWords = (purpose) => ({ training: "To learn", audit: "For the proof", census: "For the proof", repeat: "A second opinion", review: "A review" })[purpose] ?? purpose ?? "";

function head(status) {
  const proven = status.bound < 1;
  return h("div", { class: "proof-now" },
    h("div", {}, h("span", { class: "proof-number", "data-proven": proven ? "" : null }, proven ? percentUp(status.bound) : "–"),
      h("span", { class: "soft small" }, status.certified ? "proven error: the target is reached" : proven ? "proven error" : "nothing is proven yet")),
    h("div", {}, h("span", { class: "proof-target" }, percentUp(status.error)), h("span", { class: "soft small" }, "target")));
}

function forecast(status) {
  if (status.end) return null;
  const left = status.forecast?.answers ?? null;
  const share = left === null ? 0 : status.human_answers / Math.max(1, status.human_answers + left);
  return h("div", { class: "proof-left" },
    h("div", { class: "meter", role: "progressbar", "aria-label": "Answers given of those needed", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(Math.round(100 * share)), vars: { "--share": String(share) } }, h("i")),
    h("p", { class: "small" }, h("b", {}, counted(status.human_answers, "answer")), left === null
      ? h("span", { class: "soft" }, " so far; learning first, then the proof")
      : h("span", { class: "soft" }, `, about ${count(left)} to go`, minutesLeft(status.forecast))),
    sampling(status) && h("p", { class: "small soft sampling" }, `Sample for the proof: ${count(status.draws.done)} of ${count(status.draws.all)}. The proven error drops when it is complete.`));
}

/** Whether an even sample is under way, before whose end hardly anything can be proven. */
export const sampling = ({ draws, end }) => Boolean(draws && !end && draws.done < draws.all);

const minutesLeft = (forecast) => (forecast.minutes === null || forecast.minutes === undefined ? "" : ` (${minutes(forecast.minutes)})`);

/** The falling bound, small; the full chart is on its own page. */
function spark(curve, target) {
  const first = curve[0].answers, span = Math.max(1, curve.at(-1).answers - first);
  const top = Math.max(target * 1.5, ...curve.map((point) => Math.min(1, point.bound)));
  const x = (answers) => (WIDE * (answers - first)) / span;
  const y = (share) => 2 + (TALL - 4) * (1 - share / top);
  const step = Math.max(1, Math.ceil(curve.length / WIDE));
  const kept = curve.filter((_, index) => index % step === 0 || index === curve.length - 1);
  const path = kept.map((point, index) => `${index ? "L" : "M"}${x(point.answers).toFixed(1)} ${y(point.bound).toFixed(1)}`).join("");
  return svg("svg", { class: "spark", viewBox: `0 0 ${WIDE} ${TALL}`, preserveAspectRatio: "none", role: "img", "aria-label": `The proven error fell from ${percentUp(curve[0].bound)} to ${percentUp(curve.at(-1).bound)}; the target is ${percentUp(target)}` },
    svg("line", { class: "spark-target", x1: 0, x2: WIDE, y1: y(target), y2: y(target) }), svg("path", { class: "spark-line", d: path }));
}
