// A word at the edge of the page. It goes by itself unless something is to be done about it.
import { h, part } from "./dom.js";

const CALM = 5000;

/** Says `text`; `act` is `[name, function]` for a button; `bad` stays until it is closed. Returns how to take it away. */
export function say(text, { act = null, bad = false, keep = bad } = {}) {
  const away = () => toast.remove();
  const button = act && h("button", { type: "button", onclick: () => { away(); act[1](); } }, act[0]);
  const close = keep && !act && h("button", { type: "button", onclick: away }, "Close");
  const toast = h("div", { class: bad ? "toast bad" : "toast" }, h("span", { class: "user" }, text), button, close);
  const shelf = part("toasts");
  while (shelf.childElementCount >= 3) shelf.firstElementChild.remove();
  shelf.append(toast);
  if (!keep) setTimeout(away, CALM);
  return away;
}

/** What the server refused, in its own words. */
export const sayRefused = (error) => say([error.what ?? "The server cannot be reached.", error.next].filter(Boolean).join(" "), { bad: true });
