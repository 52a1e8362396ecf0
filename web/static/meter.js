// A rate from a counter that only grows, over a window long enough to hold some
// whole groups of pictures.

export class Meter {
  #points = [];
  #window;

  /** @param {number} window in ms */
  constructor(window = 10_000) { this.#window = window; }

  /** Takes a count and its time in ms; returns bits per second, null when unknown. */
  rate(bytes, now) {
    const last = this.#points.at(-1);
    if (last && bytes < last.bytes) this.#points = []; // the gateway started anew
    this.#points.push({ bytes, now });
    while (this.#points.length > 2 && now - this.#points[1].now >= this.#window) this.#points.shift();
    const first = this.#points[0];
    return now > first.now ? (bytes - first.bytes) * 8000 / (now - first.now) : null;
  }
}

/** Pictures per second, of each second. */
export class Tempo {
  fps = 0;
  #at = 0;
  #frames = 0;

  /** Takes the number of pictures so far at a time in ms; false: the second is not over. */
  tick(frames, now) {
    const passed = (now - this.#at) / 1000;
    if (passed < 1) return false;
    if (this.#at) this.fps = Math.max(0, Math.round((frames - this.#frames) / passed));
    [this.#at, this.#frames] = [now, frames];
    return true;
  }
}
