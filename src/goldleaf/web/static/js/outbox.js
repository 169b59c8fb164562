// Answers on their way to the server. Each is kept in the browser until the server has acknowledged it, is sent in
// the order in which it was given, and carries its question's number, by which the server knows one sent twice.
import { Refused } from "./api.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

export class Outbox extends EventTarget {
  /**
   * `send(letter)` returns a promise of the server's reply; a `passing` error is tried again, any other is handed on.
   * `shelf` is a Storage (or null) and `name` tells this person's letters from another's on the same browser.
   * Events: `sent` {letter, reply}, `refused` {letter, error}, `state` after each change.
   */
  constructor(send, name, shelf) {
    super();
    Object.assign(this, { send, prefix: `goldleaf.outbox.${name}.`, shelf, letters: [], tries: 0, flying: null, timer: 0, stopped: false });
    this.letters = this.#kept();
    addEventListener("online", () => this.hurry());
    if (this.letters.length) this.#go();
  }

  /** Questions with an answer of ours that the server has not acknowledged. */
  get waiting() {
    return new Set(this.letters.map((letter) => letter.question));
  }

  get troubled() {
    return this.tries > 0;
  }

  add(letter) {
    const whole = { ...letter, id: `${String(Date.now()).padStart(15, "0")}-${crypto.getRandomValues(new Uint32Array(1))[0]}` };
    this.letters.push(whole);
    this.#keep(whole);
    this.#changed();
    if (!this.troubled) this.#go();
    return whole;
  }

  /** Takes back the newest letter about `question` if it has not left yet. */
  recall(question) {
    const letter = this.letters.findLast((one) => one.question === question);
    if (!letter || letter === this.flying || letter.tried) return false;
    this.#drop(letter);
    this.#changed();
    return true;
  }

  /** Tries at once, as when the network is back. */
  hurry() {
    this.stopped = false;
    clearTimeout(this.timer);
    this.#go();
  }

  async #go() {
    if (this.flying || this.stopped || !this.letters.length) return;
    const letter = (this.flying = this.letters[0]);
    letter.tried = true; // from here on the server may know it, even if no reply ever comes
    this.#keep(letter);
    let outcome;
    try {
      outcome = ["sent", { letter, reply: await this.send(letter) }];
    } catch (error) {
      outcome = error.passing ? null : ["refused", { letter, error }];
      if (!outcome) this.#later(error);
      else if (error instanceof Refused && error.status === 401) {
        this.stopped = true; // logged out: nothing is dropped, it goes on after the next log-in
        this.tries += 1;
      } else this.#drop(letter);
    }
    this.flying = null;
    if (outcome?.[0] === "sent") this.#drop(letter);
    if (outcome && !this.stopped) this.tries = 0;
    if (outcome) this.dispatchEvent(new CustomEvent(outcome[0], { detail: outcome[1] }));
    this.#changed();
    if (outcome && !this.stopped) this.#go();
  }

  #later(error) {
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.tries) * (0.75 + Math.random() / 2);
    this.tries += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#go(), Math.max(wait, error.after ?? 0));
  }

  #changed() {
    this.dispatchEvent(new CustomEvent("state"));
  }

  #drop(letter) {
    this.letters = this.letters.filter((one) => one !== letter);
    try {
      this.shelf?.removeItem(this.prefix + letter.id);
    } catch {
      // storage was switched off meanwhile; sent twice is known by its question
    }
  }

  #keep(letter) {
    try {
      this.shelf?.setItem(this.prefix + letter.id, JSON.stringify(letter));
    } catch {
      // full or forbidden: the letter still waits in memory
    }
  }

  #kept() {
    if (!this.shelf) return [];
    const names = Array.from({ length: this.shelf.length }, (_, index) => this.shelf.key(index));
    return names.filter((name) => name.startsWith(this.prefix)).sort().map((name) => JSON.parse(this.shelf.getItem(name)));
  }
}

/** The browser's storage, or null where it is switched off. */
export function shelf() {
  try {
    localStorage.setItem("goldleaf.try", "1");
    localStorage.removeItem("goldleaf.try");
    return localStorage;
  } catch {
    return null;
  }
}
