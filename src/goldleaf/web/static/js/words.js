// How figures and times are said, the same on every page.

const WHOLE = new Intl.NumberFormat("en-GB");

export const count = (value) => WHOLE.format(Math.round(value));

/** "1 answer", "1,200 answers". */
export const counted = (value, one, many = `${one}s`) => `${count(value)} ${Math.round(value) === 1 ? one : many}`;

/** A proven share in percent, rounded up: what is shown claims no more than what is proven. */
export const percentUp = (share) => `${Math.ceil(share * 1000 - 1e-9) / 10}\u00a0%`;

/** A share in percent, to the nearest whole. */
export const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

export function minutes(value) {
  if (value < 1) return "under a minute";
  if (value < 90) return counted(value, "minute");
  return `${WHOLE.format(Math.round(value / 6) / 10)} hours`;
}

const AGO = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" });
const STEPS = [["day", 86400], ["hour", 3600], ["minute", 60]];

/** "3 minutes ago". */
export function ago(iso) {
  const seconds = (new Date(iso) - Date.now()) / 1000;
  for (const [unit, size] of STEPS) if (Math.abs(seconds) >= size) return AGO.format(Math.round(seconds / size), unit);
  return "just now";
}

/** The moment in full, for a tooltip. */
export const moment = (iso) => new Date(iso).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** "950 characters", "12,000 characters", "2.0 million characters". */
export function characters(value) {
  if (value < 1000) return counted(value, "character");
  if (value < 950_000) return `${count(Math.round(value / 1000) * 1000)} characters`;
  return `${(value / 1e6).toFixed(1)} million characters`;
}
