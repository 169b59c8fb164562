// People, for admins: who may do what, how they are doing, and links for them to come in by.
import { change, get, post } from "./api.js";
import { boot } from "./boot.js";
import { h, part, put } from "./dom.js";
import { say, sayRefused } from "./toasts.js";
import { ago, count, counted, moment, percent } from "./words.js";

const ROLES = [["annotator", "Annotator: answers"], ["reviewer", "Reviewer: also decides where people differ"], ["admin", "Admin: everything"]];
const dialog = part("dialog");

function draw({ people, me }) {
  const head = ["Name", "Role", "Answers", "Seconds each", "Agreement", "Estimated accuracy", "Last seen", ""];
  put(part("people"), h("table", { class: "people" }, h("thead", {}, h("tr", {}, head.map((name, index) => h("th", { class: index > 1 && index < 6 ? "number" : null }, name || h("span", { class: "unseen" }, "Actions"))))),
    h("tbody", {}, people.map((one) => row(one, me)))));
}

const none = () => h("span", { class: "soft" }, "–");

function row(one, me) {
  const { agreement } = one;
  return h("tr", { class: one.active || !one.role ? null : "away" },
    h("th", { scope: "row" }, h("bdi", { class: "user" }, one.name), one.name === me && h("span", { class: "soft small" }, " you"), one.role && !one.active && [" ", h("span", { class: "tag" }, "closed")]),
    h("td", {}, one.role ?? h("span", { class: "soft" }, one.name === me ? "admin, at this machine" : "no account")), h("td", { class: "number" }, count(one.answers)),
    h("td", { class: "number" }, one.seconds_per_answer === null ? none() : one.seconds_per_answer.toFixed(1)),
    h("td", { class: "number", title: agreement ? `${agreement.agree} of ${counted(agreement.pairs, "answer")} given by others too` : null }, agreement?.pairs ? [percent(agreement.share), h("span", { class: "soft small" }, ` of ${count(agreement.pairs)}`)] : none()),
    h("td", { class: "number" }, one.accuracy === null ? none() : percent(one.accuracy)),
    h("td", { title: one.last ? moment(one.last) : null }, one.last ? ago(one.last) : none()),
    h("td", { class: "number" }, h("button", { type: "button", class: "button", "aria-label": `Change ${one.name}`, onclick: () => edit(one, me), hidden: !one.role }, "Change")));
}

async function again() {
  draw(await get("/api/people"));
}

/** Runs `work`, says what the server refuses, and shows the table anew. */
async function doing(work) {
  try {
    const reply = await work();
    await again();
    return reply;
  } catch (error) {
    sayRefused(error);
    return null;
  }
}

function select(role) {
  return h("select", { id: "role" }, ROLES.map(([value, text]) => h("option", { value, selected: value === role }, text)));
}

function open(title, ...body) {
  put(dialog, h("form", { class: "stack", method: "dialog" }, h("h2", { id: "dialog-title" }, title), ...body));
  if (!dialog.open) dialog.showModal();
}

function password() {
  return h("input", { id: "password", type: "password", autocomplete: "new-password", minlength: "8", maxlength: "1000" });
}

const field = (id, text, input) => h("div", { class: "field" }, h("label", { for: id }, text), input);
const cancel = () => h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Cancel");

function add() {
  const name = h("input", { id: "name", required: true, dir: "auto", maxlength: "100", autocomplete: "off" });
  const role = select("annotator");
  const secret = password();
  const send = h("button", { type: "button", class: "button first" }, "Add");
  send.addEventListener("click", async () => {
    if (!name.reportValidity() || !secret.reportValidity()) return;
    const reply = await doing(() => post("/api/people", { name: name.value.trim(), role: role.value, password: secret.value || null }));
    if (reply) showLink(reply.link, name.value.trim());
  });
  open("Add a person", field("name", "Name", name), field("role", "Role", role), field("password", "Password (not needed with a link)", secret), h("div", { class: "row end" }, cancel(), send));
  name.focus();
}

function edit(one, me) {
  const role = select(one.role);
  const secret = password();
  const path = `/api/people/${encodeURIComponent(one.name)}`;
  const put_ = async (body) => { if (await doing(() => change(path, body))) dialog.close(); };
  const save = h("button", { type: "button", class: "button first", onclick: () => secret.reportValidity() && put_({ ...(role.value === one.role ? {} : { role: role.value }), ...(secret.value ? { password: secret.value } : {}) }) }, "Save");
  const link = h("button", { type: "button", class: "button", onclick: async () => { const reply = await doing(() => post(`${path}/link`, {})); if (reply) showLink(reply.link, one.name); } }, "New link");
  const shut = h("button", { type: "button", class: "button", onclick: () => put_({ active: !one.active }) }, one.active ? "Close the account" : "Open it again");
  open(one.name, field("role", "Role", role), field("password", one.has_password ? "New password" : "Password", secret), h("div", { class: "row" }, link, one.name === me ? null : shut), h("div", { class: "row end" }, cancel(), save));
}

function showLink(url, name) {
  const box = h("input", { id: "link", value: url, readonly: true, onfocus: (event) => event.target.select() });
  const copy = h("button", { type: "button", class: "button first", onclick: async () => {
    try {
      await navigator.clipboard.writeText(url);
      say("Copied.");
    } catch {
      box.select(); // without a secure address the browser lets nobody else copy
    }
  } }, "Copy");
  open(`A link for ${name}`, h("p", { class: "soft" }, "Whoever opens it answers under this name. It is shown only now; a new one makes it void."), field("link", "Link", box), h("div", { class: "row end" }, copy, h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Done")));
}

part("add").addEventListener("click", add);
draw(boot.people);
