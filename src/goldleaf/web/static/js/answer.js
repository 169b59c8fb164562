// The page where people answer: one item, its labels, and the proof beside them.
import { get } from "./api.js";
import { boot, task } from "./boot.js";
import { Desk } from "./desk.js";
import { h, icon, part, put } from "./dom.js";
import { listen } from "./events.js";
import { isText, looksLikeCode, show } from "./item.js";
import { ACTS, elsewhere, sign, SIGN } from "./keys.js";
import { Labels } from "./labels.js";
import { ProofCard } from "./proof_card.js";
import { say, sayRefused } from "./toasts.js";
import { counted } from "./words.js";
import { Watch } from "./watch.js";

const desk = new Desk(boot.user.name, task.name, preload);
const labels = new Labels(part("labels"), task.labels, (name) => answer({ answer: "label", label: name }));
const proof = new ProofCard(part("proof"), task);
const watch = new Watch();
const extra = { comment: null, flag: false };
const buttons = {};
let out = null; // said once that the person is logged out
let code = null; // as text or as code, once the person has chosen

function answer(reply) {
  const question = desk.question;
  if (!question) return;
  const suggested = question.suggestion !== null && question.suggestion !== undefined;
  part("said").textContent = `${reply.label ?? { cant_tell: "Can’t tell", skip: "Skipped" }[reply.answer]}. Next item.`;
  const { comment, flag } = extra;
  desk.answer({ label: null, ...reply }, { seconds: watch.read(), suggested, comment, flag });
}

async function undo() {
  if (await desk.undo()) return;
  say("There is no answer to take back.");
}

const acts = {
  undo,
  skip: () => answer({ answer: "skip" }),
  cant_tell: () => answer({ answer: "cant_tell" }),
  comment: openComment,
  flag: () => setFlag(!extra.flag),
  help: openHelp,
  search: () => labels.search(),
};

// -- what is shown

function draw() {
  const { question } = desk;
  Object.assign(extra, { comment: null, flag: false });
  setFlag(false);
  setComment(null);
  labels.reset(question ?? {});
  enable(question !== null);
  put(part("note"), note(question));
  part("note").hidden = !part("note").hasChildNodes();
  const stage = part("item");
  put(stage, question ? show(question.item, { code }) : idle());
  stage.scrollTop = 0;
  stage.dataset.question = question?.id ?? "";
  stage.dataset.behind = Math.max(desk.ready.length - 1, 0);
  buttons.code.hidden = !(question && isText(question.item));
  if (question && isText(question.item)) buttons.code.setAttribute("aria-pressed", String(code ?? looksLikeCode(String(question.item.content[task.text] ?? ""))));
  if (labels.field && labels.field === document.activeElement) labels.field.blur();
  watch.start();
}

function note(question) {
  if (question?.answer) return h("p", {}, "Your answer is taken back. Answer again.");
  if (question && question.kind !== "review" && desk.past.length === 0 && desk.status?.me?.answers === 0) return welcome();
  if (question?.kind !== "review") return null;
  return [h("p", {}, "For review: people differ here."), h("ul", { class: "row" }, (question.opinions ?? []).map((one) =>
    h("li", { class: "tag" }, h("span", {}, h("bdi", { class: "user" }, one.person), ": ", h("b", {}, h("bdi", { class: "user" }, one.label ?? "can’t tell"))))))];
}

/** Over the very first item: what to do here, in one look. */
function welcome() {
  const how = labels.typed ? "type a part of its name, then Enter" : "press its key, or click it";
  return h("p", {}, "Which label fits? ", matchMedia("(pointer: coarse)").matches ? "Tap it" : how[0].toUpperCase() + how.slice(1),
    ". The next one comes at once, and Undo takes your last answer back.");
}

function idle() {
  if (desk.state === "done") return done(desk.status);
  const words = desk.lost ? ["The server cannot be reached", "Your answers are kept here. This page goes on by itself as soon as the server is back."]
    : ["One moment", desk.message ?? "The next questions are being chosen. They appear here by themselves."];
  return h("div", { class: "empty" }, h("h2", {}, words[0]), h("p", {}, words[1]));
}

function done(status) {
  const certified = status?.end?.how === "certified" || status?.certified;
  return h("div", { class: "empty done" },
    h("p", { class: "done-mark", "aria-hidden": "true" }, certified ? "✓" : "–"),
    h("h2", {}, certified ? "Done: the target is proven" : "Done: there is nothing left to ask"),
    h("p", { class: "done-text user" }, status?.end?.text ?? ""),
    h("div", { class: "row" }, h("a", { class: "button first", href: "/progress" }, "See the proof"), h("a", { class: "button", href: "/items" }, "Look through the items")));
}

function enable(on) {
  labels.enable(on);
  for (const name of ["skip", "cant_tell", "comment", "flag", "code"]) buttons[name].disabled = !on;
}

function preload({ item }) {
  if (!item.image) return;
  const picture = new Image();
  picture.src = item.image;
  picture.decode().catch(() => {}); // a broken one is said where it is shown
}

// -- comment, flag, help

function setFlag(on) {
  extra.flag = on;
  buttons.flag?.setAttribute("aria-pressed", String(on));
}

function setComment(text) {
  extra.comment = text || null;
  buttons.comment?.setAttribute("aria-pressed", String(Boolean(text)));
}

function openComment() {
  if (!desk.question) return;
  const field = h("textarea", { id: "comment", dir: "auto", maxlength: "2000", value: extra.comment ?? "" });
  const keep = () => {
    setComment(field.value.trim());
    dialog.close();
    dialog.remove(); // at once, so that the next key is the page's
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); keep(); }
  });
  const dialog = open("Comment", h("div", { class: "field" }, h("label", { for: "comment" }, "It goes with your answer to this item."), field),
    h("div", { class: "row end" }, h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Cancel"), h("button", { type: "button", class: "button first", onclick: keep }, "Keep")));
  field.focus();
}

function openHelp() {
  const described = task.labels.filter((label) => label.description);
  const rows = [["digits, letters", labels.typed ? "search the labels; Enter takes the first" : "the labels"], ...Object.entries(SIGN).filter(([name]) => name !== "search" || labels.field).map(([name, key]) => [key, NAMES[name]])];
  open("How to answer",
    task.guidelines ? h("div", { class: "guidelines user", dir: "auto" }, task.guidelines) : h("p", { class: "soft" }, "This project has no guidelines. They would be shown from guidelines.md in the project’s folder."),
    described.length ? h("section", {}, h("h3", {}, "Labels"), h("dl", { class: "meanings" }, described.map((label) => h("div", {}, h("dt", { class: "user" }, label.name), h("dd", { class: "user" }, label.description))))) : null,
    h("section", { class: "key-help" }, h("h3", {}, "Keys"), h("dl", { class: "meanings" }, rows.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what))))));
}

const NAMES = { undo: "take back the last answer (also Backspace)", skip: "leave this one for later", cant_tell: "can’t tell", comment: "comment", flag: "flag for the admin", search: "search the labels", help: "this help" };

function open(title, ...body) {
  const dialog = h("dialog", { class: "stack", "aria-label": title, onclose: () => dialog.remove(), onclick: (event) => event.target === dialog && dialog.close() },
    h("div", { class: "row dialog-head" }, h("h2", {}, title), h("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"))), ...body);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// -- buttons and keys

function act(name, symbol, text, key) {
  const toggles = name === "flag" || name === "comment" || name === "code";
  return (buttons[name] = h("button", { type: "button", class: "button plain act", "data-act": name, "aria-pressed": toggles ? "false" : null, onclick: () => acts[name]() },
    icon(symbol), h("span", {}, text), key && h("kbd", { "aria-hidden": "true" }, key)));
}

acts.code = () => {
  code = buttons.code.getAttribute("aria-pressed") !== "true";
  const { comment, flag } = extra;
  const started = watch.read();
  draw();
  watch.start(started);
  setComment(comment);
  setFlag(flag);
};

put(part("acts"), act("undo", "undo", "Undo", SIGN.undo), act("cant_tell", "unsure", "Can’t tell", SIGN.cant_tell), act("skip", "skip", "Skip", SIGN.skip),
  act("comment", "comment", "Comment", SIGN.comment), act("flag", "flag", "Flag", SIGN.flag), act("code", "wrap", "Code"), act("help", "help", "Guidelines", SIGN.help));
part("item").tabIndex = 0;

document.addEventListener("keydown", (event) => {
  const inSearch = event.target === labels.field;
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && !elsewhere(event)) return pressed(event, undo);
  if (event.ctrlKey || event.metaKey || (elsewhere(event) && !(inSearch && searchLetsGo(event)))) return undefined;
  const name = ACTS[event.key];
  if (name && !(name === "search" && !labels.field)) return event.repeat ? event.preventDefault() : pressed(event, acts[name]);
  if (inSearch) return undefined;
  const key = sign(event);
  const label = key && labels.withKey(key);
  if (label) return event.repeat ? event.preventDefault() : pressed(event, () => labels.choose(label.name));
  const scroll = { ArrowDown: 60, ArrowUp: -60, PageDown: 400, PageUp: -400, " ": event.shiftKey ? -400 : 400 }[event.key];
  if (scroll && (event.key !== " " || document.activeElement === document.body)) return pressed(event, () => part("item").scrollBy({ top: scroll }));
  if (labels.typed && event.key.length === 1 && event.key.trim()) labels.search(); // the field takes the letter itself
  return undefined;
});

function pressed(event, run) {
  event.preventDefault();
  run();
}

/** In an empty search field the signs and arrows still are the page's. */
function searchLetsGo(event) {
  return labels.field.value === "" && !event.defaultPrevented && event.key in ACTS && event.key !== "/";
}

// -- the wires

desk.addEventListener("question", draw);
desk.addEventListener("status", (event) => setStatus(event.detail.status));
desk.addEventListener("saved", (event) => {
  const { saved } = event.detail;
  proof.setLast({ saved, colour: task.labels.findIndex((label) => label.name === saved.label) });
});
desk.addEventListener("refused", (event) => {
  const { error } = event.detail;
  if (error.status === 401) out ??= say("You are logged out. Your answers are kept here.", { keep: true, act: ["Log in", () => location.assign(`/login?next=${encodeURIComponent(location.pathname)}`)] });
  else if (error.status === 409) say(`${error.what} Yours was not counted.`);
  else sayRefused(error);
});
desk.addEventListener("link", () => {
  const waiting = desk.outbox.letters.length;
  const bad = desk.lost || desk.outbox.troubled;
  part("item").dataset.behind = Math.max(desk.ready.length - 1, 0);
  const chip = part("link");
  chip.hidden = !bad;
  chip.textContent = waiting ? `No connection: ${counted(waiting, "answer")} kept here` : "No connection";
  if (bad && !desk.question) draw();
});

function setStatus(status) {
  const before = desk.status;
  desk.status = { ...status, draws: status.draws ?? before?.draws ?? null, me: status.me ?? before?.me ?? null };
  proof.setStatus(status);
  if (desk.state === "done" && !desk.question && before?.end?.text !== status.end?.text) draw();
}

listen({ status: setStatus, questions: () => desk.ready.length < 2 && desk.fetch(), open: () => desk.outbox.troubled && desk.outbox.hurry() });
addEventListener("online", () => desk.fetch());
get("/api/progress").then((reply) => proof.setCurve(reply.curve), () => {}); // the chart grows from here on without it
desk.begin(boot.first ?? null);
if (!desk.question) draw();
