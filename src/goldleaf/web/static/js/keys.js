// Which key does what on the page where people answer. Labels have the digits and letters; the rest has signs and arrows.

export const ACTS = { ArrowLeft: "undo", Backspace: "undo", ArrowRight: "skip", "?": "cant_tell", "+": "comment", "!": "flag", "/": "search", F1: "help" };
export const SIGN = { undo: "←", skip: "→", cant_tell: "?", comment: "+", flag: "!", search: "/", help: "F1" };

/** The digit or letter of a key press, or null: on a keyboard that has digits only with Shift, the key without it too. */
export function sign(event) {
  if (/^[a-z0-9]$/i.test(event.key)) return event.key.toLowerCase();
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code ?? "");
  return digit && !event.shiftKey ? digit[1] : null;
}

/** Whether the press belongs to a field, a dialog or the browser, and not to the page. */
export function elsewhere(event) {
  const { target } = event;
  if (event.defaultPrevented || event.isComposing || event.altKey) return true;
  return target instanceof Element && target.closest("input, textarea, select, dialog, [contenteditable]") !== null;
}
