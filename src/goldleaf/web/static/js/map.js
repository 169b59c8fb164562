// All items as points on a plane: like lies near like. Coloured by label or by how sure the machine is.
import { get } from "./api.js";
import { boot, task } from "./boot.js";
import { css, vars } from "./colours.js";
import { h, icon, part, put } from "./dom.js";
import { openStory } from "./story.js";
import { sayRefused } from "./toasts.js";
import { count, percent } from "./words.js";

const AGAIN = 2000;
const NEAR = 14; // CSS pixels from a point at which it counts as meant
const MARGIN = 24;

const canvas = h("canvas", { tabindex: "0", role: "img", "aria-label": "The items as points; the items page lists them as a table" });
const tip = h("div", { class: "map-tip card small", hidden: true });
const state = { data: null, by: "label", only: null, scale: 1, x: 0, y: 0, drag: null, moved: false };

async function load() {
  try {
    const data = await get("/api/map");
    if (!data.ready) {
      put(part("frame"), h("div", { class: "empty" }, h("h2", {}, "The map is being drawn"), h("p", {}, "The items need their vectors first. It appears here by itself.")));
      return setTimeout(load, AGAIN);
    }
    state.data = data;
    begin();
  } catch (error) {
    sayRefused(error);
  }
  return undefined;
}

function begin() {
  const { points } = state.data;
  part("about").textContent = `${count(points)} of ${count(task.items)} items; like lies near like.`;
  put(part("frame"), canvas, tip, h("div", { class: "image-tools" }, tool("minus", "Smaller", () => zoom(1 / 1.4)), tool("plus", "Larger", () => zoom(1.4)), tool("fit", "Show all", fit)));
  drawTools();
  drawLegend();
  new ResizeObserver(draw).observe(part("frame"));
  document.addEventListener("goldleaf:theme", draw);
  draw();
}

const tool = (name, label, act) => h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick: act }, icon(name));

// -- drawing

function size() {
  return [canvas.clientWidth, canvas.clientHeight];
}

function project(index) {
  const [wide, tall] = size();
  const side = Math.min(wide, tall) / 2 - MARGIN;
  const stretch = Math.max(1, (wide / 2 - MARGIN) / side);
  const { data, scale, x, y } = state;
  return [wide / 2 + x + data.x[index] * side * Math.min(stretch, 1.6) * scale, tall / 2 + y - data.y[index] * side * scale];
}

function draw() {
  const { data } = state;
  const [wide, tall] = size();
  if (!data || !wide) return;
  const ratio = devicePixelRatio || 1;
  [canvas.width, canvas.height] = [wide * ratio, tall * ratio];
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const radius = Math.min(6, (data.points > 2000 ? 2.4 : 3.4) * Math.sqrt(state.scale));
  for (const [colour, indices] of groups()) {
    pen.fillStyle = colour;
    pen.globalAlpha = 0.75;
    for (const index of indices) dot(pen, index, radius);
  }
  pen.globalAlpha = 1;
  pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink");
  pen.lineWidth = 1.3;
  data.human.forEach((human, index) => human && shown(index) && ring(pen, index, radius + 1.2));
}

function dot(pen, index, radius) {
  const [x, y] = project(index);
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
}

function ring(pen, index, radius) {
  const [x, y] = project(index);
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.stroke();
}

const shown = (index) => state.only === null || state.data.label[index] === state.only;

/** Indices of points by their colour, so that the pen changes colour a few times only. */
function groups() {
  const style = getComputedStyle(document.documentElement);
  const quiet = style.getPropertyValue("--quiet");
  const out = new Map();
  const colours = task.labels.map((_, index) => css(index, style));
  for (let index = 0; index < state.data.points; index += 1) {
    if (!shown(index)) continue;
    const label = state.data.label[index];
    const colour = state.by === "label" ? (label < 0 ? quiet : colours[label]) : sureness(state.data.probability[index], style) ?? quiet;
    if (!out.has(colour)) out.set(colour, []);
    out.get(colour).push(index);
  }
  return out;
}

/** From gold, unsure, to blue, sure, in ten steps. */
function sureness(probability, style) {
  if (probability === null || probability === undefined) return null;
  const step = Math.round(10 * Math.max(0, Math.min(1, (probability - 0.3) / 0.7))) / 10;
  return `color-mix(in oklab, ${style.getPropertyValue("--machine")} ${100 * step}%, ${style.getPropertyValue("--gold")})`;
}

// -- tools and legend

function drawTools() {
  const choose = (by, text) => h("button", { type: "button", class: "button", "aria-pressed": String(state.by === by), onclick: () => { state.by = by; drawTools(); drawLegend(); draw(); } }, text);
  put(part("tools"), h("span", { class: "soft small" }, "Colour"), choose("label", "Label"), boot.blind ? null : choose("sure", "Confidence"));
}

function drawLegend() {
  const counts = task.labels.map(() => 0);
  state.data.label.forEach((label) => label >= 0 && (counts[label] += 1));
  const people = h("p", { class: "small soft" }, "A ring: answered by a person.");
  if (state.by !== "label") return put(part("legend"), h("div", { class: "ramp" }, h("span", { class: "ramp-bar" }), h("p", { class: "row small soft" }, h("span", {}, "unsure"), h("span", {}, "sure"))), people);
  return put(part("legend"), h("ul", {}, task.labels.map((label, index) => counts[index] > 0 && h("li", {}, h("button", { type: "button", class: "legend-button", "aria-pressed": String(state.only === index), onclick: () => only(index) },
    h("span", { class: "swatch", vars: vars(index) }), h("bdi", { class: "user" }, label.name), h("span", { class: "soft small number" }, count(counts[index])))))), people);
}

function only(index) {
  state.only = state.only === index ? null : index;
  drawLegend();
  draw();
}

// -- looking around

function nearest(x, y) {
  let best = null;
  let least = NEAR ** 2;
  for (let index = 0; index < state.data.points; index += 1) {
    if (!shown(index)) continue;
    const [px, py] = project(index);
    const far = (px - x) ** 2 + (py - y) ** 2;
    if (far < least) [best, least] = [index, far];
  }
  return best;
}

function zoom(factor, x = size()[0] / 2, y = size()[1] / 2) {
  const scale = Math.max(1, Math.min(60, state.scale * factor));
  const [cx, cy] = [x - size()[0] / 2, y - size()[1] / 2];
  state.x = cx - ((cx - state.x) * scale) / state.scale;
  state.y = cy - ((cy - state.y) * scale) / state.scale;
  state.scale = scale;
  draw();
}

function fit() {
  Object.assign(state, { scale: 1, x: 0, y: 0 });
  draw();
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-Math.max(-100, Math.min(100, event.deltaY)) / 250), event.offsetX, event.offsetY);
}, { passive: false });
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  Object.assign(state, { drag: [event.clientX, event.clientY], moved: false });
});
canvas.addEventListener("pointermove", (event) => {
  if (!state.drag) return hover(event);
  const [dx, dy] = [event.clientX - state.drag[0], event.clientY - state.drag[1]];
  if (!state.moved && Math.hypot(dx, dy) < 4) return undefined;
  state.moved = true;
  state.drag = [event.clientX, event.clientY];
  state.x += dx;
  state.y += dy;
  draw();
  return undefined;
});
canvas.addEventListener("pointerup", (event) => {
  const still = state.drag && !state.moved;
  state.drag = null;
  const index = still ? nearest(event.offsetX, event.offsetY) : null;
  if (index !== null) openStory(state.data.position[index]);
});
canvas.addEventListener("pointerleave", () => (tip.hidden = true));
canvas.addEventListener("keydown", (event) => {
  const move = { ArrowLeft: [50, 0], ArrowRight: [-50, 0], ArrowUp: [0, 50], ArrowDown: [0, -50] }[event.key];
  if (move) {
    state.x += move[0];
    state.y += move[1];
    draw();
  } else if (event.key === "+") zoom(1.4);
  else if (event.key === "-") zoom(1 / 1.4);
  else if (event.key === "0") fit();
  else return;
  event.preventDefault();
});

function hover(event) {
  const index = nearest(event.offsetX, event.offsetY);
  tip.hidden = index === null;
  canvas.style.cursor = index === null ? "grab" : "pointer";
  if (index === null) return;
  const { label, probability, position } = state.data;
  const name = label[index] < 0 ? "no label" : task.labels[label[index]].name;
  put(tip, `Item ${count(position[index] + 1)}: `, h("bdi", { class: "user" }, name), probability[index] === null ? "" : `, ${percent(probability[index])}`);
  tip.style.left = `${Math.min(event.offsetX + 14, size()[0] - 180)}px`;
  tip.style.top = `${event.offsetY + 14}px`;
}

load();
