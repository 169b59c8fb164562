// Which questions lie ready here, which was answered last, and what is on its way to the server.
import { get, post, Refused } from "./api.js";
import { Outbox, shelf } from "./outbox.js";

const AHEAD = 3; // the one on the screen and two behind it
const WAIT = 2000;
const REMEMBERED = 200;

/**
 * Events: `question` when another one is to be shown (or none: see `state`), `status` {status}, `saved` {saved},
 * `refused` {error, question}, `link` when the connection or the outbox changed.
 */
export class Desk extends EventTarget {
  constructor(user, project, load = () => {}) {
    super();
    Object.assign(this, { load, ready: [], past: [], known: new Map(), state: "wait", message: null, settled: new Map(), clock: 0, asking: null, timer: 0, lost: false });
    this.outbox = new Outbox((letter) => this.#send(letter), `${project}.${user}`, shelf());
    this.outbox.addEventListener("sent", (event) => this.#sent(event.detail));
    this.outbox.addEventListener("refused", (event) => this.#refused(event.detail));
    this.outbox.addEventListener("state", () => this.#tell("link"));
    addEventListener("pagehide", () => this.#leave());
    addEventListener("pageshow", (event) => event.persisted && this.fetch());
  }

  get question() {
    return this.ready[0] ?? null;
  }

  /** The reply that came with the page; letters of an earlier visit may still be on their way. */
  begin(reply) {
    if (reply) this.#take(reply, 0);
    if (!reply || this.ready.length < 2) this.fetch();
  }

  answer(reply, extra = {}) {
    const question = this.ready.shift();
    if (!question) return;
    this.past.push({ question, reply });
    if (this.past.length > REMEMBERED) this.past.shift();
    this.outbox.add({ kind: "answer", question: question.id, body: { question: question.id, ...reply, ...extra } });
    this.#tell("question");
    if (this.ready.length < 2) this.fetch();
  }

  /** Shows the question answered last once more and takes its answer back. False: none is known here. */
  async undo() {
    const last = this.past.pop();
    if (!last) return this.#undoThere();
    const { question, reply } = last;
    this.ready = [{ ...question, answer: reply }, ...this.ready.filter((one) => one.id !== question.id)];
    if (!this.outbox.recall(question.id)) this.outbox.add({ kind: "undo", question: question.id, body: { question: question.id } });
    this.#tell("question");
    return true;
  }

  async #undoThere() {
    try {
      const reply = await post("/api/undo", { ahead: AHEAD });
      this.ready = this.ready.filter((one) => one.id !== reply.undone.question);
      this.#take(reply, this.clock, true);
      return true;
    } catch (error) {
      if (!(error instanceof Refused && error.status === 409)) this.#tell("refused", { error, question: null });
      return false;
    }
  }

  /** Asks for more questions; at most one request at a time. */
  async fetch() {
    clearTimeout(this.timer);
    if (this.asking) return this.asking;
    const asked = this.clock;
    this.asking = get(`/api/next?ahead=${AHEAD}`).then(
      (reply) => { this.lost = false; this.#take(reply, asked); },
      (error) => { this.lost = error.passing === true; if (!error.passing) this.#tell("refused", { error, question: null }); });
    await this.asking;
    this.asking = null;
    this.#tell("link");
    if (this.ready.length < 2 && this.state !== "done") this.timer = setTimeout(() => this.fetch(), WAIT);
  }

  #send({ kind, body }) {
    return kind === "undo" ? post("/api/undo", { ...body, ahead: AHEAD }) : post("/api/answers", { ...body, ahead: AHEAD });
  }

  #sent({ letter, reply }) {
    this.settled.set(letter.question, ++this.clock);
    if (letter.kind === "answer") this.#tell("saved", { saved: reply.saved });
    else this.settled.delete(letter.question);
    this.#take(reply, this.clock);
  }

  #refused({ letter, error }) {
    if (letter.kind === "undo") {
      this.ready = this.ready.filter((one) => one.id !== letter.question);
      this.#tell("question");
    } else if (error.status !== 409 && error.status !== 401) {
      const at = this.past.findLastIndex((one) => one.question.id === letter.question);
      if (at >= 0) this.ready.unshift(this.past.splice(at, 1)[0].question);
      this.#tell("question");
    }
    this.#tell("refused", { error, question: letter.question });
    this.fetch();
  }

  /** Merges a reply that was asked for at `asked`: what has been answered since then is not shown again. */
  #take(reply, asked, front = false) {
    const before = this.question?.id;
    const waiting = this.outbox.waiting;
    const here = new Set(this.ready.map((one) => one.id));
    const fresh = reply.questions.filter((one) => !waiting.has(one.id) && !here.has(one.id) && !((this.settled.get(one.id) ?? -1) > asked));
    this.ready = front ? [...fresh, ...this.ready] : [...this.ready, ...fresh];
    fresh.forEach(this.load);
    const was = this.state;
    [this.state, this.message] = [reply.state, reply.message ?? null];
    if (reply.status) this.#tell("status", { status: reply.status });
    if (this.question?.id !== before || (!this.question && was !== this.state) || front) this.#tell("question");
  }

  #leave() {
    const questions = this.ready.map((one) => one.id).filter((id) => !this.outbox.waiting.has(id));
    if (questions.length) post("/api/release", { questions }, { keepalive: true }).catch(() => {}); // else the leases run out
    this.ready = [];
  }

  #tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
