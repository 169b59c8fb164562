// A question before something that cannot be taken back.
import { h } from "./dom.js";

/** Asks `title`; resolves to whether the person pressed the button named `verb`. */
export function confirm(title, text, verb) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "confirm-title", onclose: () => { dialog.remove(); resolve(dialog.returnValue === "yes"); } },
      h("form", { method: "dialog", class: "stack" }, h("h2", { id: "confirm-title" }, title), text.map((line) => h("p", {}, line)),
        h("div", { class: "row end" }, h("button", { class: "button", value: "no" }, "Cancel"), h("button", { class: "button first", value: "yes" }, verb))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
