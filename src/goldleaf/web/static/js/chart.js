// Charts by uPlot, in the page's own colours, drawn anew when those change.
import uPlot from "../vendor/uPlot.esm.js";
import { put } from "./dom.js";

const TALL = 260;

/** The page's colours by name, as they are now. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(["ink", "soft", "rule", "gold", "machine", "card"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** Draws `make(colours, size)` = [options, data] into `frame`, again at each change of width or theme. */
export function chart(frame, make) {
  let plot = null;
  let width = 0;
  const draw = () => {
    const room = frame.clientWidth;
    if (!room) return;
    plot?.destroy();
    width = room;
    const [options, data] = make(colours());
    put(frame);
    plot = new uPlot({ width: room, height: TALL, legend: { show: false }, cursor: { points: { size: 7 } }, ...options }, data, frame);
  };
  new ResizeObserver(() => frame.clientWidth !== width && draw()).observe(frame);
  document.addEventListener("goldleaf:theme", draw);
  draw();
  return draw;
}

/** An axis in the page's look; `say` makes a tick's text. */
export function axis(colours, say, more = {}) {
  return { stroke: colours.soft, font: "13px system-ui, sans-serif", grid: { stroke: colours.rule, width: 1 }, ticks: { show: false }, values: (_, values) => values.map((value) => (value === null ? "" : say(value))), ...more };
}

export { uPlot };
