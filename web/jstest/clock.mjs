// A clock that stands still while anything is being done, and then jumps to the
// next timer.

export class Clock {
  #now = 0;
  #timers = [];

  now = () => this.#now;

  sleep = (ms) => new Promise((resolve) => {
    this.#timers.push({ at: this.#now + Math.max(0, ms), resolve });
  });

  /** Lets time pass up to a moment, or until done() is true. */
  async until(at, done = () => false) {
    for (;;) {
      await settle();
      if (done()) return;
      this.#timers.sort((a, b) => a.at - b.at);
      if (!this.#timers.length || this.#timers[0].at > at) break;
      const timer = this.#timers.shift();
      this.#now = timer.at;
      timer.resolve();
    }
    this.#now = at;
  }
}

/** Waits until all promises that can go on have done so. */
async function settle() {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => { setImmediate(resolve); });
}
