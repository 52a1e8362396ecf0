// The rungs of a player by their names, each with an element of its own in the page.

import { webrtc } from './whep.js';
import { hls } from './llhls.js';
import { mjpeg } from './mjpeg.js';
import { stills } from './stills.js';
import { RungError } from './rung.js';
import { h, on } from './dom.js';

const RUNGS = { webrtc, hls, mjpeg, stills };
const AUTO = ['webrtc', 'hls', 'mjpeg'];
const IMAGES = new Set(['mjpeg', 'stills']);
const OVERLAP = 120; // ms for which what played stays below what plays now
// Browsers open six connections to a host at most by HTTP/1.1, and these stay open.
const HELD = new Set(['hls', 'mjpeg']);
const MOST_HELD = 4;
let held = 0; // by the small players of this page

/**
 * The rungs that a mode names ("auto", "hls", "webrtc,mjpeg").
 * @param {string} mode
 * @param {object} o
 * @param {Address} o.address of the stream
 * @param {string} o.name for people
 * @param {boolean} o.tile whether it is one of many on its page
 * @param {(element: Element) => void} o.mount puts an element into the page
 * @param {() => ?Element} o.shown the element that is seen now
 */
export function rungsOf(mode, o) {
  const ids = mode.split(/[\s,]+/).filter((id) => Object.hasOwn(RUNGS, id));
  return (ids.length ? ids : AUTO).map((id) => rung(id, o));
}

function rung(id, { address, name, tile, mount, shown }) {
  const label = `Live ${IMAGES.has(id) ? 'pictures' : 'video'} of ${name}`;
  let element = null;
  const inner = RUNGS[id](address, () => {
    element = IMAGES.has(id) ? h('img', { alt: label }) : h('video', { playsinline: true, autoplay: true, 'aria-label': label });
    if (!IMAGES.has(id)) element.muted = true;
    element.classList.add('player-media');
    mount(element);
    return element;
  });
  return {
    ...inner,
    async start(signal) {
      const release = tile && HELD.has(id) ? hold() : () => {};
      on(signal, 'abort', release, { once: true });
      element = null;
      let session = null;
      on(signal, 'abort', () => (session?.element ?? element)?.remove(), { once: true });
      session = await inner.start(signal);
      const mine = session.element;
      if (mine.requestVideoFrameCallback) session.first ??= new Promise((resolve) => { mine.requestVideoFrameCallback(() => resolve(true)); });
      const stop = session.stop.bind(session);
      const end = () => {
        stop();
        release();
        mine.remove();
      };
      session.stop = () => { // what follows it is drawn first
        if (!mine.isConnected || mine === shown() || !shown()) end();
        else setTimeout(end, OVERLAP);
      };
      if (signal.aborted) session.stop();
      return session;
    },
  };
}

function hold() {
  if (held >= MOST_HELD) throw new RungError(`${MOST_HELD} streams of this page come by HTTP already`);
  held++;
  let mine = true;
  return () => {
    if (mine) held--;
    mine = false;
  };
}
