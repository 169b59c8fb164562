// A colour for each label: by its place in the task, which never changes, so that it is the same on every page.

const HUES = [255, 45, 150, 350, 90, 300, 195, 20, 120, 275, 65, 220];
const GOLDEN = 137.508;

/** The hue and the shift in lightness of the label at `index`; twelve hues by hand, then as far apart as can be. */
export function tone(index) {
  const hue = index < HUES.length ? HUES[index] : (HUES[0] + (index - HUES.length + 0.5) * GOLDEN) % 360;
  return { hue, shift: [0, -0.07, 0.06][Math.floor(index / HUES.length) % 3] };
}

/** As custom properties for `.swatch` and its kin. */
export function vars(index) {
  const { hue, shift } = tone(index);
  return { "--hue": String(hue), "--shift": String(shift) };
}

/** As one CSS colour in the page's present theme, for a canvas. */
export function css(index, style = getComputedStyle(document.documentElement)) {
  const { hue, shift } = tone(index);
  return `oklch(${Number(style.getPropertyValue("--label-l")) + shift} ${style.getPropertyValue("--label-c")} ${hue})`;
}
