// The proof: what is proven now, how it came about, and what is left.
import { get, post } from "./api.js";
import { boot, task } from "./boot.js";
import { axis, chart, uPlot } from "./chart.js";
import { vars } from "./colours.js";
import { h, part, put } from "./dom.js";
import { confirm } from "./confirm.js";
import { listen } from "./events.js";
import { visible } from "./item.js";
import { purposeWords, sampling } from "./proof_card.js";
import { showSources } from "./sources.js";
import { say, sayRefused } from "./toasts.js";
import { ago, count, minutes, moment, percentUp } from "./words.js";

const MOST_ROWS = 30;
const FRESH = 4000; // at most this often is the curve fetched anew while people answer

let status = boot.status;
let curve = [];
let fetched = 0;

function drawHead() {
  const { bound, certified, error, confidence, end } = status;
  const proven = bound < 1;
  const statement = end?.text ?? (proven ? `At most ${percentUp(bound)} of the labels are wrong` : "Nothing is proven yet");
  const state = certified ? ["good", "Proven"] : end ? ["warn", "Ended without the target"] : status.stage === "audit" ? ["gold", "The proof is under way"] : ["", "Learning first"];
  put(part("head"),
    h("div", { class: "stack tight" }, h("p", { class: "row" }, h("span", { class: `tag ${state[0]}` }, state[1]), h("span", { class: "soft small" }, `Target: at most ${percentUp(error)} wrong, with ${Math.round(1000 * confidence) / 10} % confidence`)), h("h1", { class: "statement" }, statement)),
    boot.user.role === "admin" && status.stage !== "training" ? h("div", { class: "row" },
      h("button", { type: "button", class: "button", onclick: certify, disabled: !proven }, "Write the certificate"),
      h("button", { type: "button", class: "button plain", onclick: retrain }, "Train again")) : null);
}

async function retrain(event) {
  const button = event.target;
  const sure = await confirm("Train again?", [
    "The proof so far is given up. Its answers stay and teach the next model, so nothing that people did is lost.",
    "The next proof must be a little stricter, because it is another try: it will take more answers."], "Train again");
  if (!sure) return;
  button.disabled = true;
  try {
    const { retrained } = await post("/api/retrain", {}, { seconds: 120 });
    say(retrained ? "A new round of training begins." : "There is no proof to give up yet.");
    await fetchProgress();
  } catch (error) {
    sayRefused(error);
  }
  button.disabled = false;
}

async function certify(event) {
  const button = event.target;
  button.disabled = true;
  try {
    const reply = await post("/api/certify", {}, { seconds: 120 });
    say("The certificate and its report are written.", { keep: true, act: ["Read the report", () => location.assign(reply.report)] });
  } catch (error) {
    sayRefused(error);
  }
  button.disabled = false;
}

function drawFigures() {
  const { human_answers: given, forecast, items, labeled_by_machine: machine, training } = status;
  const left = status.end ? 0 : forecast?.answers ?? null;
  const figures = [
    [count(given), given === 1 ? "answer by people" : "answers by people"],
    [left === null ? "–" : count(left), left === null ? "still to go: known once the proof begins" : "answers still to go, about"],
    [status.end ? "0" : forecast?.minutes !== null && forecast?.minutes !== undefined ? minutes(forecast.minutes) : "–", "of one person’s time left"],
    [machine === null || machine === undefined ? "–" : count(machine), `of ${count(items)} items labeled by the machine`],
  ];
  put(part("figures"), figures.map(([value, words]) => h("div", { class: "figure" }, h("b", {}, value), h("span", {}, words))),
    training?.running ? h("p", { class: "soft small training" }, "The model is being trained; answering goes on.") : null);
}

function drawClasses() {
  const rows = status.classes ?? [];
  const each = rows.some((row) => row.bound !== null && row.bound !== undefined);
  const most = Math.max(1, ...rows.map((row) => row.human + (row.machine ?? 0)));
  put(part("classes"), h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Labels" }, h("table", { class: "classes" },
    h("thead", {}, h("tr", {}, h("th", {}, "Label"), h("th", { class: "number" }, "By people"), h("th", { class: "number" }, "By machine"), h("th", { class: "share" }, h("span", { class: "unseen" }, "Share")), each && h("th", { class: "number" }, "Proven error"))),
    h("tbody", {}, rows.map((row, index) => h("tr", { vars: vars(index) },
      h("th", { scope: "row" }, h("a", { class: "tag-link", href: `/items?label=${encodeURIComponent(row.name)}` }, h("span", { class: "swatch" }), h("bdi", { class: "user" }, row.name))),
      h("td", { class: "number" }, count(row.human)), h("td", { class: "number" }, row.machine === null ? "–" : count(row.machine)),
      h("td", { class: "share" }, h("span", { class: "meter label-meter", vars: { "--share": String((row.human + (row.machine ?? 0)) / most) } }, h("i"))),
      each && h("td", { class: "number" }, row.bound === null || row.bound >= 1 ? "–" : percentUp(row.bound), row.certified && h("span", { class: "proved" }, " ✓", h("span", { class: "unseen" }, " proven")))))))));
}

// -- charts

const drawCurve = chart(part("curve"), (colours) => {
  const points = curve.filter((point) => point.bound < 1);
  const top = Math.max(2 * status.error, ...points.map((point) => point.bound));
  const from = points[0]?.answers ?? 0;
  const to = Math.max(points.at(-1)?.answers ?? 1, status.end ? 0 : status.human_answers + (status.forecast?.answers ?? 0), from + 1);
  const target = { draw: [(plot) => drawTarget(plot, colours)] };
  return [{
    scales: { x: { time: false, range: [from, to] }, y: { range: [0, Math.min(1, 1.05 * top)] } },
    axes: [axis(colours, count, { space: 70 }), axis(colours, (value) => `${Math.round(1000 * value) / 10} %`, { size: 60 })],
    series: [{}, { stroke: colours.machine, width: 2, fill: `${colours.machine}18`, points: { show: points.length === 1 } }],
    hooks: target,
  }, [points.map((point) => point.answers), points.map((point) => point.bound)]];
});

function drawTarget(plot, colours) {
  const { ctx, bbox } = plot;
  const y = plot.valToPos(status.error, "y", true);
  ctx.save();
  ctx.strokeStyle = colours.gold;
  ctx.lineWidth = 1.5 * uPlot.pxRatio;
  ctx.setLineDash([6 * uPlot.pxRatio, 5 * uPlot.pxRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

function drawPace(hours) {
  if (!hours.length) return put(part("pace"), h("p", { class: "soft" }, "No answers yet."));
  const at = hours.map((one) => Date.parse(one.hour) / 1000);
  const whole = [at[0] - 1800, at.at(-1) + 1800]; // of one hour alone uPlot would make days
  return chart(part("pace"), (colours) => [{
    height: 200, cursor: { show: false },
    scales: { x: { time: true, range: () => whole }, y: { range: (_, __, high) => [0, Math.max(5, high)] } },
    axes: [axis(colours, (value) => new Date(1000 * value).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" }), { grid: { show: false }, space: 60, incrs: [1, 2, 4, 8, 24, 168].map((many) => 3600 * many) }), axis(colours, count, { size: 44, space: 45 })],
    series: [{}, { fill: colours.gold, paths: uPlot.paths.bars({ size: [0.6, 40] }), points: { show: false } }],
  }, [at, hours.map((one) => one.answers)]]);
}

async function fetchProgress(first = false) {
  fetched = performance.now();
  const reply = await get("/api/progress");
  curve = reply.curve;
  drawLead();
  drawCurve();
  if (first) drawPace(reply.per_hour);
}

function drawLead() {
  const points = curve.filter((point) => point.bound < 1);
  part("curve-lead").textContent = sampling(status) ? "People check an even sample of the machine’s labels. The proven error drops at once when the whole sample is answered, not before; from there it falls with each further answer."
    : points.length ? `It falls with each answer of the proof, from ${percentUp(points[0].bound)} to ${percentUp(points.at(-1).bound)} so far; the dashed line is the target, ${percentUp(status.error)}.`
    : status.stage === "training" ? "The machine learns from the first answers. Then the proof begins, and its bound is drawn here."
    : "Its course is not drawn for this kind of proof; what is proven stands above and in the table of labels.";
  put(part("sample"), status.draws && !status.end ? sample(status.draws) : null);
  part("curve").hidden = !points.length;
  const table = part("curve-table");
  table.hidden = !points.length;
  const step = Math.max(1, Math.ceil(points.length / MOST_ROWS));
  put(table.querySelector("div"), h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "Answers"), h("th", { class: "number" }, "Proven error"))),
    h("tbody", {}, points.filter((_, index) => index % step === 0 || index === points.length - 1).map((point) => h("tr", {}, h("td", {}, count(point.answers)), h("td", { class: "number" }, percentUp(point.bound)))))));
}

function sample({ done, all }) {
  return h("div", { class: "sample" },
    h("p", { class: "small" }, h("b", {}, `${count(done)} of ${count(all)}`), h("span", { class: "soft" }, " answers of the sample")),
    h("div", { class: "meter", role: "progressbar", "aria-label": "Answers of the sample", "aria-valuemin": "0", "aria-valuemax": String(all), "aria-valuenow": String(done), vars: { "--share": String(done / Math.max(1, all)) } }, h("i")));
}

async function fetchHistory() {
  const { answers } = await get("/api/history?limit=12");
  const index = new Map(task.labels.map((label, at) => [label.name, at]));
  put(part("history"), answers.length ? h("ul", { class: "history" }, answers.map((one) => h("li", {},
    h("a", { href: `/items/${one.item}` }, h("bdi", { class: "user excerpt" }, one.excerpt ? visible(one.excerpt) : `Item ${one.item + 1}`)),
    h("span", { class: "tag" }, h("span", { class: one.label ? "swatch" : "swatch none", vars: one.label ? vars(index.get(one.label) ?? 0) : {} }), h("bdi", { class: "user" }, one.label ?? { cant_tell: "can’t tell", skip: "skipped" }[one.answer] ?? one.answer)),
    h("span", { class: "soft small", title: moment(one.at) }, [purposeWords(one.purpose), ago(one.at)].filter(Boolean).join(" · ")))))
    : h("p", { class: "soft" }, "You have not answered yet. ", h("a", { href: "/" }, "Begin"), "."));
}

function drawStatus(next) {
  status = { ...next, draws: next.draws === undefined ? status.draws : next.draws };
  const used = (name) => part(name).contains(document.activeElement); // a button in use keeps its focus
  if (!used("head")) drawHead();
  drawFigures();
  if (!used("classes")) drawClasses();
  drawLead();
}

drawStatus(status);
fetchProgress(true).catch(sayRefused);
fetchHistory().catch(sayRefused);
if (boot.user.role !== "annotator") showSources(part("sources")).catch(sayRefused);
listen({
  status: (next) => {
    drawStatus(next);
    if (performance.now() - fetched > FRESH) fetchProgress().catch(() => {}); // the next news tries again
  },
});
