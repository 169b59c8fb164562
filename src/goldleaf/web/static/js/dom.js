// Elements are made here and nowhere else. What people wrote goes in as text nodes and never as markup.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "open", "textContent", "tabIndex"]);

/**
 * An element. `props`: `on*` are listeners, `data` a dataset, `vars` CSS custom properties, the rest attributes.
 * Children are elements, texts or null; a text is never parsed.
 */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "vars") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (PROPERTIES.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Puts `children` in the place of whatever `parent` held. */
export function put(parent, ...children) {
  parent.replaceChildren(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return parent;
}

/** The one element with this `data-part` inside `root`. */
export function part(name, root = document) {
  const found = root.querySelector(`[data-part="${name}"]`);
  if (!found) throw new Error(`the page has no part ${name}`);
  return found;
}

const ICONS = {
  undo: "M9 7 4.500 11.500 9 16M5 11.500h8.500a5 5 0 0 1 0 10H11",
  skip: "M5 5l8 7-8 7zM18 5v14",
  unsure: "M9 9.200a3 3 0 1 1 4.200 2.750c-.8.400-1.200 1-1.200 2.050M12 17.500v.1M12 2.500a9.500 9.500 0 1 0 0 19 9.500 9.500 0 0 0 0-19",
  comment: "M4 5h16v11H10l-4 4v-4H4z",
  flag: "M6 21V4M6 4.500h11l-2.500 4 2.500 4H6",
  help: "M4 5.500c3-1 5.500-.8 8 1 2.500-1.800 5-2 8-1V19c-3-1-5.500-.8-8 1-2.500-1.800-5-2-8-1zM12 6.500V20",
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  theme: "M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z",
  wrap: "M4 6h16M4 12h13a3 3 0 0 1 0 6h-4m2-2-2 2 2 2M4 18h4",
};

/** A line icon; it is decoration, so the button around it needs a name. */
export function icon(name) {
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}
