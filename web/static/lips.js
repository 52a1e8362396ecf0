// Sound and lips. A browser shows a picture when it is complete, but holds sound back for
// as long as its network has made it wait of late. It brings the two together by itself,
// in steps that take ten seconds, and once more after each hiccup of the network. So it
// is told how long pictures have to wait.

/** How often it is looked at, in ms. */
export const LOOK = 250;

/** How old a packet of sound is when it leaves, in ms. */
const PACKET = 20;
/** What is worth a change, in ms. */
const STEP = 15;

export class Lips {
  #wait = null;
  #last = {};

  /** How long pictures are to wait, in ms, by a report of RTCPeerConnection.getStats; null:
   * as the browser likes. */
  wait(report) {
    let sound = {};
    report.forEach((s) => { if (s.type === 'inbound-rtp' && s.kind === 'audio') sound = s; });
    const grown = (key) => sound[key] - (this.#last[key] ?? 0);
    const mean = (key) => 1000 * grown(key) / grown('jitterBufferEmittedCount'); // NaN while nothing is heard
    // What the browser holds back because pictures are late is none of it: pictures would
    // wait for that in turn.
    const held = mean('jitterBufferTargetDelay') - mean('jitterBufferMinimumDelay');
    const wait = PACKET + mean('jitterBufferDelay') - held;
    if (Math.abs(wait - this.#wait) >= STEP) this.#wait = Math.round(wait);
    this.#last = sound;
    return this.#wait;
  }
}
