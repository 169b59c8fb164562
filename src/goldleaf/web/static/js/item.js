// What an item looks like: a text, code, an image, or the cells of a table row. Nothing of it is ever parsed as HTML.
import { get } from "./api.js";
import { task } from "./boot.js";
import { h, put } from "./dom.js";
import { viewer } from "./image.js";
import { characters } from "./words.js";

const MORE = 100_000;
const STEERS = /[\u202d\u202e]|\p{Cc}/gu; // overrides of the reading direction, and controls
const LET_BE = new Set(["\n", "\t", "\r"]);

/** The element that shows `item`; `code`: true or false to show texts as code or not, null to guess. */
export function show(item, { code = null } = {}) {
  const names = inOrder(Object.keys(item.content));
  if (item.image) return h("div", { class: "item image" }, viewer(item.image, `Item ${item.position + 1}`), rest(item, names.filter((name) => name !== task?.image)));
  if (task?.modality === "table" || names.length > 1) return h("div", { class: "item row-card" }, cells(item, names));
  const [name] = names;
  return h("div", { class: "item text" }, long(item, name, code));
}

/** The columns as the data has them: JSON on its way here may have sorted them. */
function inOrder(names) {
  const fields = task?.fields ?? [];
  return [...fields.filter((name) => names.includes(name)), ...names.filter((name) => !fields.includes(name))];
}

/** Whether the item is a text that could be shown as code. */
export const isText = (item) => !item.image && task?.modality === "text";

function rest(item, names) {
  return names.length ? cells(item, names) : null;
}

function cells(item, names) {
  return h("dl", { class: "cells" }, names.map((name) => h("div", { class: wide(item.content[name]) ? "cell wide" : "cell" },
    h("dt", { class: "user", dir: "auto" }, name), h("dd", {}, cell(item, name)))));
}

const wide = (value) => typeof value === "string" && value.length > 60;

function cell(item, name) {
  const value = item.content[name];
  if (value === null || value === undefined || value === "") return h("span", { class: "soft" }, value === "" ? "empty" : "no value");
  if (typeof value === "number") return h("span", {}, String(value));
  if (typeof value === "string") return long(item, name, false, "cell-text");
  return h("span", { class: "user mono" }, typeof value === "boolean" ? String(value) : JSON.stringify(value));
}

/** A text in full length: what is there at once, and more of it when asked. */
function long(item, name, code, kind = "prose") {
  const text = String(item.content[name] ?? "");
  const asCode = code ?? (kind === "prose" && looksLikeCode(text));
  const tag = asCode ? "pre" : "div";
  const piece = (part) => h(tag, { class: `${asCode ? "code" : kind} user`, dir: asCode ? "ltr" : "auto", tabindex: asCode ? "0" : null }, visible(part));
  const whole = item.truncated?.[name] ?? 0;
  if (!text) return h("p", { class: "soft" }, "This text is empty.");
  const box = h("div", { class: "pieces" }, piece(text));
  const shown = whole ? [...text].length : 0; // the server counts characters, not UTF-16 units
  if (whole > shown) box.append(more(item, name, shown, whole, piece));
  return box;
}

/** A button that fetches the next stretch of a text. */
function more(item, name, from, total, piece) {
  const words = () => `Show more: ${characters(total)} in all`;
  const foot = h("p", { class: "more" });
  const button = h("button", { type: "button", class: "button" }, words());
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const query = new URLSearchParams({ field: name, offset: from, length: MORE });
      const reply = await get(`/api/items/${item.position}/text?${query}`);
      from += [...reply.text].length;
      foot.before(piece(reply.text));
      if (from >= total || !reply.text) return foot.remove();
      put(button, `Show more: ${characters(total - from)} left`);
    } catch (error) {
      put(button, "That did not work. Try again");
    }
    button.disabled = false;
  });
  foot.append(button);
  return foot;
}

/** Text nodes, with marks in the place of characters that would reorder or hide what is read. */
export function visible(text) {
  const out = [];
  let from = 0;
  for (const match of text.matchAll(STEERS)) {
    if (LET_BE.has(match[0])) continue;
    const name = `U+${match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    out.push(text.slice(from, match.index), h("span", { class: "steer", title: "An unseen character that changes how the text is read" }, name));
    from = match.index + match[0].length;
  }
  return [...out, text.slice(from)];
}

/** Several lines, of which most are indented or end as statements do. */
export function looksLikeCode(text) {
  const lines = text.slice(0, 4000).split("\n").filter((line) => line.trim());
  if (lines.length < 3) return false;
  const coded = lines.filter((line) => /^( {2,}|\t)\S|[;{}]\s*$|^\s*(def|class|import|from|return|function|const|let|var|public|#include|SELECT)\b.*[(){};:=]/.test(line));
  return coded.length / lines.length > 0.5;
}
