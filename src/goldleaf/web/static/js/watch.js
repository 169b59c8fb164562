// How long a person looked at a question: time with the page in the background does not count.
export class Watch {
  #before = 0;
  #since = performance.now();

  constructor() {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#before = this.#now();
      this.#since = performance.now();
    });
  }

  start(seconds = 0) {
    this.#before = 1000 * seconds;
    this.#since = performance.now();
  }

  /** Seconds, to the hundredth. */
  read() {
    return Math.round(this.#now() / 10) / 100;
  }

  #now() {
    return this.#before + (document.hidden ? 0 : performance.now() - this.#since);
  }
}
