// A small picture that is fetched when it can be seen, and again from time to time.
// A snapshot may cost the gateway a decoder, so one is fetched at a time, and those of
// streams that nobody watches more seldom: to look at an on-demand camera must not
// keep it running.

const WATCHED = 15_000; // ms between two pictures
const UNWATCHED = 60_000;
const AGAIN = 5000; // after a failure
const HOPELESS = new Set([401, 403, 404, 406, 501]);

let queue = Promise.resolve();

export class Thumbnail {
  #img;
  #url;
  #shown = '';
  #visible = false;
  #wanted = false;
  #watched = false;
  #due = 0;
  #fetching = false;
  #observer;

  constructor(img, url) {
    this.#img = img;
    this.#url = url;
    this.#observer = new IntersectionObserver((entries) => {
      this.#visible = entries.at(-1).isIntersecting;
      this.#look();
    }, { rootMargin: '200px' });
    this.#observer.observe(img.parentElement);
  }

  /** Is to be called often: whether there is a picture to be had, and whether somebody watches. */
  update(wanted, watched) {
    this.#wanted = wanted;
    this.#watched = watched;
    this.#look();
  }

  stop() {
    this.#observer.disconnect();
    this.#wanted = false;
    URL.revokeObjectURL(this.#shown);
  }

  #look() {
    if (!this.#wanted || !this.#visible || this.#fetching || document.hidden || performance.now() < this.#due) return;
    this.#fetching = true;
    queue = queue.then(() => this.#fetch()).finally(() => { this.#fetching = false; });
  }

  async #fetch() {
    if (!this.#wanted || !this.#visible) return;
    this.#due = performance.now() + AGAIN;
    try {
      const response = await fetch(this.#url, { cache: 'no-store', signal: AbortSignal.timeout(10_000) });
      if (!response.ok) {
        if (HOPELESS.has(response.status)) this.#due = performance.now() + 10 * UNWATCHED;
        return;
      }
      const url = URL.createObjectURL(await response.blob());
      this.#img.src = url;
      await this.#img.decode();
      this.#img.classList.add('has-picture');
      URL.revokeObjectURL(this.#shown);
      this.#shown = url;
      this.#due = performance.now() + (this.#watched ? WATCHED : UNWATCHED);
    } catch {
      // The card says what is wrong with the stream; the picture is an extra.
    }
  }
}
