// Posters that are looked at for long: fetched when they can be seen, and again from
// time to time. A snapshot may cost the gateway a decoder, so a page fetches one at a
// time, and little is asked of streams that nobody watches: to look at an on-demand
// camera must not keep it running.

import { fetchPicture } from './stills.js';

const AGAIN = 5000; // ms after a failure

let queue = Promise.resolve();

/** Shows posters of the stream at an Address in an <img>, until the signal is aborted. */
export async function showPosters(address, img, every, signal) {
  let due = 0;
  while (!signal.aborted) {
    const seconds = every();
    if (seconds > 0 && performance.now() >= due && !document.hidden) {
      const turn = queue.then(() => show(address, img, signal));
      queue = turn;
      const after = await turn;
      due = performance.now() + (after || seconds * 1000);
    }
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
  }
}

/** Resolves to the ms after which it is worth to try again; 0: it is shown. */
async function show(address, img, signal) {
  if (signal.aborted) return 0;
  try {
    const url = URL.createObjectURL(await fetchPicture(address, AbortSignal.any([signal, AbortSignal.timeout(10_000)])));
    img.src = url;
    await img.decode().finally(() => URL.revokeObjectURL(url));
    return 0;
  } catch (err) {
    return err.final ? 600_000 : AGAIN; // what is wrong with the stream is said elsewhere
  }
}
