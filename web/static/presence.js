// Whether anybody can look at an element: the page is not hidden, and, where that is
// asked for, the element is on the screen. Who goes away for a moment is waited for.

const AWAY = { page: 10_000, screen: 1000 }; // ms until it counts

export class Presence {
  #element;
  #changed;
  #observer = null;
  #onScreen = true;
  #left = { page: false, screen: false };
  #gone = false; // the page is being left, or is kept for "back"
  #timers = { page: 0, screen: 0 };

  constructor(element, changed) {
    this.#element = element;
    this.#changed = changed;
  }

  /** @param {boolean} lazy whether it has to be on the screen */
  start(lazy) {
    this.stop();
    for (const [target, name] of this.#events()) target.addEventListener(name, this.#look);
    if (lazy) {
      this.#left.screen = true; // until it is seen,
      this.#onScreen = false; // of which the observer tells
      this.#observer = new IntersectionObserver((entries) => {
        this.#onScreen = entries.at(-1).isIntersecting;
        this.#look();
      }, { rootMargin: '80px' });
      this.#observer.observe(this.#element);
    }
    this.#look();
  }

  stop() {
    for (const [target, name] of this.#events()) target.removeEventListener(name, this.#look);
    this.#observer?.disconnect();
    this.#observer = null;
    this.#onScreen = true;
    for (const key of Object.keys(this.#left)) {
      clearTimeout(this.#timers[key]);
      this.#timers[key] = 0;
      this.#left[key] = false;
    }
  }

  /** Whether it is worth to play; listened says that it is of use although nobody sees the page. */
  looking(listened) { return !this.#gone && !this.#left.screen && (!this.#left.page || listened); }

  // A network that is back, and a page that comes out of the browser's cache, are news too.
  #events() {
    return [[document, 'visibilitychange'], [window, 'pagehide'], [window, 'pageshow'], [window, 'online']];
  }

  #look = (event) => {
    this.#gone = event?.type === 'pagehide';
    if (this.#gone) return this.#changed();
    this.#mark('page', document.hidden);
    if (this.#observer) this.#mark('screen', !this.#onScreen);
    this.#changed(event?.type === 'online');
  };

  #mark(key, away) {
    if (!away) {
      clearTimeout(this.#timers[key]);
      this.#timers[key] = 0;
      this.#left[key] = false;
    } else if (!this.#left[key] && !this.#timers[key]) {
      this.#timers[key] = setTimeout(() => {
        this.#timers[key] = 0;
        this.#left[key] = true;
        this.#changed();
      }, AWAY[key]);
    }
  }
}
