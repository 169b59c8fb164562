// The labels to answer with: a button and a key for each; with many of them a list that can be searched.
import { vars } from "./colours.js";
import { h, put } from "./dom.js";
import { find } from "./label_search.js";

const SEARCHED_FROM = 13; // fewer fit on a screen, each with its key

export class Labels {
  /** `choose(name)` is called with the label that was picked, by pointer, key or search. */
  constructor(root, labels, choose) {
    Object.assign(this, { labels, choose, shown: labels, at: 0, marks: {} });
    this.list = h("div", { class: "label-list", role: "group", "aria-label": "Labels" });
    this.byKey = new Map(labels.filter((label) => label.key).map((label) => [label.key, label]));
    this.field = labels.length < SEARCHED_FROM ? null : this.#search();
    root.classList.toggle("many", this.field !== null);
    put(root, this.field && this.#searchBox(), this.list);
    this.#show();
  }

  /** Whether any letter begins a search: there are more labels than keys. */
  get typed() {
    return this.field !== null && this.byKey.size === 0;
  }

  withKey(key) {
    return this.byKey.get(key) ?? null;
  }

  /** For the next question: nothing searched, and what was answered or suggested before is marked. */
  reset({ answer = null, suggestion = null } = {}) {
    this.marks = { answer, suggestion };
    if (this.field) this.field.value = "";
    this.filter("");
  }

  enable(on) {
    for (const button of this.list.children) button.disabled = !on;
    if (this.field) this.field.disabled = !on;
  }

  search(first = "") {
    if (!this.field) return;
    this.field.focus();
    if (first) {
      this.field.value += first;
      this.filter(this.field.value);
    }
  }

  filter(typed) {
    this.shown = find(this.labels, typed);
    this.at = 0;
    this.#show();
  }

  #search() {
    return h("input", {
      type: "search", id: "label-search", autocomplete: "off", spellcheck: "false", dir: "auto", enterkeyhint: "done",
      placeholder: `Search ${this.labels.length} labels`, role: "combobox", "aria-expanded": "true", "aria-controls": "label-list",
      oninput: (event) => this.filter(event.target.value), onkeydown: (event) => this.#pressed(event),
    });
  }

  #searchBox() {
    this.list.id = "label-list";
    this.list.setAttribute("role", "listbox");
    return h("div", { class: "label-search" }, h("label", { for: "label-search", class: "unseen" }, "Search the labels"), this.field,
      this.typed ? null : h("kbd", { "aria-hidden": "true" }, "/"));
  }

  #pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step && this.shown.length) this.#move(Math.max(0, Math.min(this.shown.length - 1, this.at + step)));
    else if (event.key === "Enter" && this.shown.length) this.choose(this.shown[this.at].name);
    else if (event.key === "Escape" || (event.key === "Backspace" && !this.field.value && event.repeat === false)) {
      if (this.field.value === "" && event.key === "Backspace") return; // undo is the page's
      this.field.value = "";
      this.filter("");
      this.field.blur();
    } else return;
    event.preventDefault();
  }

  #move(to) {
    this.list.children[this.at]?.removeAttribute("data-at");
    this.at = to;
    this.#point();
  }

  #point() {
    const button = this.list.children[this.at];
    if (!button || !this.field) return;
    button.dataset.at = "";
    this.field.setAttribute("aria-activedescendant", button.id);
    const { offsetTop: top, offsetHeight: height } = button;
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    else if (top + height > this.list.scrollTop + this.list.clientHeight) this.list.scrollTop = top + height - this.list.clientHeight;
  }

  #show() {
    put(this.list, this.shown.map((label) => this.#button(label)));
    if (!this.shown.length) put(this.list, h("p", { class: "soft small none" }, "No label fits. Esc shows all."));
    this.list.scrollTop = 0;
    if (this.field?.value) this.#point();
    else this.field?.removeAttribute("aria-activedescendant");
  }

  #button(label) {
    const { answer, suggestion } = this.marks;
    const was = answer?.label === label.name;
    const option = this.field !== null;
    return h("button", {
      type: "button", class: "label", id: `label-${label.colour}`, title: label.description ?? null, vars: vars(label.colour), "data-label": label.name,
      role: option ? "option" : null, "aria-selected": option ? String(was) : null, "aria-pressed": option ? null : String(was),
      "aria-keyshortcuts": label.key ?? null, onclick: () => this.choose(label.name),
    },
    h("span", { class: "swatch" }),
    h("span", { class: "label-text" }, h("bdi", { class: "user" }, label.name), label.description && !option && h("small", { class: "user" }, label.description),
      suggestion?.label === label.name && h("span", {}, h("span", { class: "tag gold" }, `suggested, ${Math.round(100 * suggestion.probability)} %`))),
    was && h("span", { class: "tag" }, "yours"),
    label.key && h("kbd", {}, label.key));
  }
}
