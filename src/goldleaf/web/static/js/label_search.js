// Finding a label by a few letters.

const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const words = (text) => plain(text).replace(/[_\-/.:]+/g, " ");

/** The labels that fit `typed`, best first: begins with it, a word begins with it, holds it, every word of it holds. */
export function find(labels, typed) {
  const wanted = words(typed).trim();
  if (!wanted) return labels;
  const scored = labels.map((label, index) => ({ label, index, score: fit(label, wanted) }));
  return scored.filter((one) => one.score < 9).sort((a, b) => a.score - b.score || a.index - b.index).map((one) => one.label);
}

function fit(label, wanted) {
  const name = words(label.name);
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  if (name.includes(` ${wanted}`)) return 2;
  if (name.includes(wanted)) return 3;
  if (wanted.split(/\s+/).every((word) => name.includes(word))) return 4;
  return label.description && words(label.description).includes(wanted) ? 5 : 9;
}
