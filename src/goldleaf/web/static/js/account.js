// One's own account: the password, from the menu of every page.
import { change } from "./api.js";
import { h } from "./dom.js";
import { say } from "./toasts.js";

const secret = (id, kind, more = {}) => h("input", { id, type: "password", autocomplete: kind, maxlength: "1000", ...more });
const field = (text, input, hint) => h("div", { class: "field" }, h("label", { for: input.id }, text), input, hint && h("p", { class: "soft small" }, hint));

function open() {
  const old = secret("old-password", "current-password");
  const fresh = secret("new-password", "new-password", { required: true, minlength: "8" });
  const trouble = h("p", { class: "notice bad user", role: "alert", hidden: true });
  const send = h("button", { type: "submit", class: "button first" }, "Change");
  const save = async (event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      await change("/api/password", { old: old.value || null, new: fresh.value });
      dialog.close();
      say("Your password is changed.");
    } catch (error) {
      trouble.textContent = [error.what ?? "The server cannot be reached.", error.next].filter(Boolean).join(" ");
      trouble.hidden = false;
    }
    send.disabled = false;
  };
  const dialog = h("dialog", { "aria-labelledby": "password-title", onclose: () => dialog.remove() },
    h("form", { class: "stack", onsubmit: save }, h("h2", { id: "password-title" }, "Change your password"), trouble,
      field("Old password", old, "Leave it empty if you came by a link and have none."), field("New password", fresh, "At least 8 characters."),
      h("div", { class: "row end" }, h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Cancel"), send)));
  document.body.append(dialog);
  dialog.showModal();
  old.focus();
}

for (const button of document.querySelectorAll("[data-password]")) {
  button.addEventListener("click", () => {
    button.closest("details").open = false;
    open();
  });
}
for (const menu of document.querySelectorAll(".menu")) {
  document.addEventListener("click", (event) => menu.contains(event.target) || (menu.open = false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
document.querySelector(".bar nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }); // on a phone it may lie beyond the edge
