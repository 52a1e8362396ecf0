// Snapshots, one after the other: what is left when nothing moves, or when moving
// pictures would cost too much. Nothing is kept open between two of them.

import { RungError } from './rung.js';
import { refusal } from './gateway.js';

const EVERY = 1000; // ms between two pictures
const FAILURES = 5; // in a row until it is over

/** The rung of snapshots: shows those of the stream at an Address in an image element of its own. */
export function stills(address, makeImage) {
  return {
    id: 'stills',
    label: 'Snapshots',
    deadline: 12_000,
    async start(signal) {
      const first = await fetchPicture(address, signal);
      return new Session(address, makeImage(), first);
    },
  };
}

/** Fetches the newest picture of a stream. */
export async function fetchPicture(address, signal) {
  const response = await address.ask(address.url('snapshot.jpg'), { signal, cache: 'no-store' });
  if (!response.ok) throw await refusal(response);
  return response.blob();
}

class Session {
  element;
  ended;
  sound = false;
  picture = true;
  missing = 'it carries pictures only';
  made = '';
  #end;
  #frames = 0;
  #shown = '';
  #stopped = new AbortController();

  constructor(address, img, first) {
    this.element = img;
    this.ended = new Promise((resolve) => { this.#end = resolve; });
    this.#run(address, first);
  }

  async frames() { return this.#frames; }

  async stats() {
    const { naturalWidth: width, naturalHeight: height } = this.element;
    return { width, height, codec: 'JPEG', path: 'HTTP' };
  }

  stop() {
    this.#end('stopped');
    this.#stopped.abort();
    URL.revokeObjectURL(this.#shown);
  }

  async #run(address, picture) {
    const { signal } = this.#stopped;
    let failed = 0;
    while (!signal.aborted) {
      try {
        await this.#show(picture ?? await fetchPicture(address, signal));
        failed = 0;
      } catch (err) {
        if (err instanceof RungError && err.final || ++failed >= FAILURES) return this.#end(err.message || 'the pictures cannot be decoded');
      }
      picture = null;
      await new Promise((resolve) => { setTimeout(resolve, EVERY); });
    }
  }

  async #show(blob) {
    const url = URL.createObjectURL(blob);
    this.element.src = url;
    await this.element.decode();
    URL.revokeObjectURL(this.#shown);
    this.#shown = url;
    this.#frames++;
  }
}
