// An image to look at closely: fits at first, small ones by whole pixels; wheel, pinch, drag, buttons and keys.
import { h, icon, put } from "./dom.js";

const LARGEST = 40;
const SMALL_SIDE = 560; // a small image is enlarged to at most about this many CSS pixels
const STEP = 1.25;

/** The viewer of the image at `url`; `what` describes it for who cannot see it. */
export function viewer(url, what) {
  const picture = h("img", { alt: what, draggable: "false", decoding: "async" });
  const frame = h("div", { class: "image-frame", tabindex: "0", role: "group", "aria-label": "Image. Plus and minus zoom, 0 fits, arrows move." }, picture);
  const share = h("output", { class: "small soft", "aria-label": "Enlargement" });
  const tools = h("div", { class: "image-tools" },
    tool("minus", "Smaller", () => view.by(1 / STEP)), share, tool("plus", "Larger", () => view.by(STEP)), tool("fit", "Fit the image", () => view.fit()));
  const whole = h("div", { class: "image-view" }, frame, tools);
  const view = new View(frame, picture, share);
  picture.addEventListener("load", () => view.fit());
  picture.addEventListener("error", () => put(whole, broken()), { once: true });
  picture.src = url;
  new ResizeObserver(() => view.fit()).observe(frame);
  return whole;
}

/** In the place of an image that the browser cannot read. */
export function broken() {
  return h("div", { class: "image-broken", role: "img", "aria-label": "The image cannot be shown" },
    h("p", {}, "This image cannot be shown."), h("p", { class: "soft small" }, "The file is missing or damaged. Answer “can’t tell”, or flag it."));
}

const tool = (name, label, act) => h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick: act }, icon(name));

class View {
  constructor(frame, picture, share) {
    Object.assign(this, { frame, picture, share, scale: 1, x: 0, y: 0, fitted: 1, touched: false, pointers: new Map(), spread: 0 });
    frame.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    frame.addEventListener("pointerdown", (event) => this.#down(event));
    frame.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, (event) => this.#up(event));
    frame.addEventListener("dblclick", (event) => (this.touched ? this.fit() : this.by(3, event.offsetX, event.offsetY)));
    frame.addEventListener("keydown", (event) => this.#key(event));
  }

  fit() {
    const { naturalWidth: width, naturalHeight: height } = this.picture;
    const { clientWidth: room, clientHeight: tall } = this.frame;
    if (!width || !room || !tall) return;
    const most = Math.min(room / width, tall / height);
    this.fitted = this.scale = most < 2 ? Math.min(1, most) : wholePixels(Math.min(most, Math.max(1, SMALL_SIDE / Math.max(width, height))));
    this.x = (room - width * this.scale) / 2;
    this.y = (tall - height * this.scale) / 2;
    this.touched = false;
    this.#draw();
  }

  /** Enlarges by `factor` around a point of the frame, its middle by default. */
  by(factor, x = this.frame.clientWidth / 2, y = this.frame.clientHeight / 2) {
    const scale = Math.min(LARGEST, Math.max(this.fitted / 4, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.touched = true;
    this.#draw();
  }

  #draw() {
    const { style, naturalWidth: width, naturalHeight: height } = this.picture;
    style.width = `${width * this.scale}px`;
    style.height = `${height * this.scale}px`;
    style.transform = `translate(${Math.round(this.x)}px, ${Math.round(this.y)}px)`;
    style.imageRendering = this.scale * devicePixelRatio >= 2 ? "pixelated" : "auto";
    this.share.value = `${Math.round(100 * this.scale)} %`;
  }

  #wheel(event) {
    event.preventDefault();
    this.by(Math.exp(-Math.max(-100, Math.min(100, event.deltaY)) / 300), ...this.#point(event));
  }

  #point(event) {
    const box = this.frame.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #down(event) {
    this.frame.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.#point(event));
    this.spread = 0;
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#point(event);
    this.pointers.set(event.pointerId, now);
    const points = [...this.pointers.values()];
    if (points.length === 2) {
      const spread = Math.hypot(points[0][0] - points[1][0], points[0][1] - points[1][1]);
      if (this.spread) this.by(spread / this.spread, (points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2);
      this.spread = spread;
      return;
    }
    this.x += now[0] - before[0];
    this.y += now[1] - before[1];
    this.touched = true;
    this.#draw();
  }

  #up(event) {
    this.pointers.delete(event.pointerId);
    this.spread = 0;
  }

  #key(event) {
    const move = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (move && this.touched) {
      this.x += move[0];
      this.y += move[1];
      this.#draw();
    } else if (event.key === "+" || event.key === "=") this.by(STEP);
    else if (event.key === "-") this.by(1 / STEP);
    else if (event.key === "0" && this.touched) this.fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** The scale at which one pixel of the image is a whole number of the screen's. */
function wholePixels(scale) {
  const ratio = devicePixelRatio || 1;
  return Math.max(1, Math.floor(scale * ratio)) / ratio;
}
