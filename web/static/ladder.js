// Which way a stream is played: the ways in order of preference, from the top down
// to the first that really shows pictures, and up again when that ends. A way is
// judged by the frames that were decoded and by nothing else: clocks run and
// connections stand although nobody sees anything.
//
// Nothing here knows a browser, so that all of it can be tested without one.

import { TIMES } from './rung.js';
import { showFrame } from './attempt.js';
import { away } from './words.js';

/**
 * A rung is {id, label, deadline, start(signal)}. start resolves to a session
 * {frames(), ended, stop()}: frames resolves to the number of decoded frames (of a
 * stream without a picture: of sound), ended to the reason why it is over, stop ends
 * it. An aborted signal ends it too. A session may have first, a promise of its first
 * frame, and alive(), which resolves to false when the gateway does not know it any more.
 */
export class Ladder {
  #rungs;
  #stream;
  #changed;
  #patience;
  #visible;
  #clock;
  #current = null;
  #open = []; // attempts under way
  #ready = []; // those that have shown a frame and are not taken yet
  #message = '';
  #phase = 'trying';
  #away = false; // the stream was not live, or the gateway did not answer, when it was asked last
  #barred = false; // the gateway wanted another password
  #nudged = false;
  #wake = () => {};

  /**
   * @param {object} o
   * @param {Array} o.rungs best first
   * @param {() => Promise<?{state: string, error: string}>} o.stream what the gateway
   *   says of the stream; null: it does not answer
   * @param {(ladder: Ladder) => void} o.changed is told of every change
   * @param {() => boolean} o.visible whether anybody can look: hidden pages may not decode
   * @param {number} o.patience ms without a frame until the next rung is begun beside
   * @param {{now(): number, sleep(ms: number): Promise<void>}} o.clock
   */
  constructor({ rungs, stream, changed, visible = () => true, patience = TIMES.patience, clock = browserClock }) {
    this.#patience = patience;
    this.#rungs = rungs.map((rung) => ({ rung, status: 'ready', reason: '', final: false, unreachable: false }));
    this.#stream = stream;
    this.#changed = changed;
    this.#visible = visible;
    this.#clock = clock;
  }

  /** trying, playing, away (it plays, but the source sends nothing) or waiting. */
  get phase() { return this.#phase; }
  /** What there is to say about the phase. */
  get message() { return this.#message; }
  /** The rung that plays, or null. */
  get rung() { return this.#current?.step.rung ?? null; }
  /** The session that plays, or null. */
  get session() { return this.#current?.session ?? null; }
  /** Every rung with its status (ready, trying, playing, failed) and the reason. */
  get steps() {
    return this.#rungs.map(({ rung, status, reason }) => ({ id: rung.id, label: rung.label, status, reason }));
  }

  /** Says that the network may have become better: what waits is tried now. */
  nudge() {
    this.#nudged = true;
    this.#wake();
  }

  /** Plays until the signal is aborted. */
  async run(signal) {
    let pause = TIMES.pause[0];
    while (!signal.aborted) {
      await this.#down(signal);
      if (signal.aborted) return this.#end('');
      if (this.#current) {
        const since = this.#clock.now();
        await this.#watch(signal);
        const lasted = this.#clock.now() - since;
        if (lasted >= TIMES.steady) pause = TIMES.pause[0];
        if (lasted >= TIMES.accident) continue;
      }
      if (signal.aborted) return;
      await this.#wait(pause, signal);
      pause = Math.min(pause * 2, TIMES.pause[1]);
    }
  }

  /** Tries the rungs until one plays. One that takes long has the next one beside it:
   * nobody looks at nothing until its deadline. */
  async #down(signal) {
    this.#nudged = this.#barred = false;
    for (const step of this.#rungs) Object.assign(step, { status: 'ready', reason: '', final: false, unreachable: false });
    for (const step of this.#rungs) {
      this.#say('trying', `Connecting by ${step.rung.label}`);
      const attempt = this.#begin(step, signal);
      await Promise.race([this.#winner(), attempt.done, this.#clock.sleep(this.#patience)]);
      if (signal.aborted) return;
      if (this.#ready.length) return this.#take();
      if (step.status === 'trying') continue;
      // Where there is nothing to play, no other rung can do better.
      const stream = await this.#stream();
      if (signal.aborted) return;
      this.#away = stream?.state !== 'live';
      this.#barred = Boolean(stream?.barred);
      if (stream && this.#away) return this.#give(away(stream));
      if (!stream && step.unreachable) return this.#give(step.reason);
    }
    await this.#winner();
    if (signal.aborted) return;
    if (this.#ready.length) return this.#take();
    const reasons = new Set(this.#rungs.map((step) => step.reason));
    this.#say('waiting', reasons.size === 1 ? [...reasons][0] : 'Nothing plays here; the reasons are below');
  }

  /** Starts a rung: {step, session, cancel(), done}. done resolves to true once it has
   * shown a frame and is ready, to false when it failed. */
  #begin(step, signal) {
    const control = new AbortController();
    const attempt = { step, session: null, cancel: () => control.abort() };
    signal.addEventListener('abort', attempt.cancel);
    this.#open.push(attempt);
    attempt.done = this.#try(attempt, control.signal).then((shown) => {
      signal.removeEventListener('abort', attempt.cancel);
      this.#open = this.#open.filter((a) => a !== attempt);
      if (shown) this.#ready.push(attempt);
      this.#wake();
      return shown;
    });
    step.status = 'trying';
    this.#changed(this);
    return attempt;
  }

  async #try(attempt, signal) {
    const { step } = attempt;
    try {
      attempt.session = await showFrame(step.rung, signal, this.#clock);
      return true;
    } catch (err) {
      const cancelled = signal.aborted;
      attempt.cancel();
      const failed = { status: 'failed', reason: err.message || String(err), final: Boolean(err.final), unreachable: Boolean(err.unreachable) };
      Object.assign(step, cancelled ? { status: 'ready', reason: '' } : failed);
      this.#changed(this);
      return false;
    }
  }

  /** Resolves once one of the attempts under way shows a frame, or none is left. */
  async #winner() {
    await Promise.any(this.#open.map(({ done }) => done.then((shown) => shown || Promise.reject(new Error())))).catch(() => {});
  }

  /** Plays the best of what is ready, if that is better than what plays. */
  #take() {
    const rank = ({ step }) => this.#rungs.indexOf(step);
    const [best, ...others] = this.#ready.splice(0).sort((a, b) => rank(a) - rank(b));
    for (const { step, session } of others) this.#leave(step, session);
    const old = this.#current;
    if (old && rank(old) <= rank(best)) return this.#leave(best.step, best.session);
    this.#drop(rank(best) + 1);
    const { step, session } = best;
    Object.assign(step, { status: 'playing', reason: '' });
    const current = { step, session, over: undefined };
    this.#nudged = false;
    this.#current = current;
    session.ended.then((reason) => {
      current.over = reason;
      this.#wake();
    });
    if (old) Object.assign(old.step, { status: 'ready', reason: '' });
    this.#say('playing', '');
    old?.session.stop();
  }

  #leave(step, session) {
    if (step !== this.#current?.step) Object.assign(step, { status: 'ready', reason: '' });
    session.stop();
  }

  #clear() {
    this.#drop(0);
    for (const { step, session } of this.#ready.splice(0)) this.#leave(step, session);
  }

  /** Ends the attempts of the rungs from one on. */
  #drop(from) {
    for (const attempt of this.#open) if (this.#rungs.indexOf(attempt.step) >= from) attempt.cancel();
  }

  #give(message) {
    this.#clear();
    this.#say('waiting', message);
  }

  /** Follows what plays, until it is over for good. */
  async #watch(signal) {
    let frames = 0;
    let moved = this.#clock.now();
    let climb = TIMES.climb[0];
    let climbAt = moved + climb;
    while (!signal.aborted) {
      if (this.#current.over === undefined && !this.#ready.length) await this.#nap(TIMES.watch);
      if (signal.aborted) break;
      const now = this.#clock.now();
      if (this.#ready.length) {
        this.#take();
        [frames, moved] = [0, now];
      }
      const { session, over } = this.#current;
      if (over !== undefined) return this.#end(over);
      const count = await session.frames();
      if (count !== frames || !this.#visible()) {
        frames = count;
        moved = now;
        if (this.#phase !== 'playing') this.#say('playing', '');
      } else if (now - moved >= TIMES.doubt) {
        const stream = await this.#stream();
        if (stream && stream.state !== 'live') {
          this.#say('away', away(stream));
          moved = now + TIMES.grace - TIMES.stall;
        } else if (now - moved >= TIMES.stall) {
          return this.#end(stream ? `no new picture for ${TIMES.stall / 1000} s` : 'the gateway does not answer');
        } else if (stream && await session.alive?.() === false) {
          return this.#end('the gateway does not know the session any more');
        }
      }
      if ((now >= climbAt || this.#nudged) && this.#phase === 'playing' && this.#visible()) {
        if (this.#nudged) {
          climb = TIMES.climb[0];
          this.#drop(0); // what began in another network
        } else if (this.#open.length) continue;
        this.#nudged = false;
        this.#climb(signal);
        climb = Math.min(climb * 2, TIMES.climb[1]);
        climbAt = now + climb;
      }
    }
    this.#end('');
  }

  /** Tries the rungs above the one that plays, one after the other; it goes on meanwhile. */
  #climb(signal, from = 0) {
    const at = this.#rungs.findIndex((step, i) => i >= from && !step.final);
    if (!this.#current || at < 0 || at >= this.#rungs.indexOf(this.#current.step)) return;
    const current = this.#current;
    this.#begin(this.#rungs[at], signal).done.then((shown) => {
      if (!shown && !signal.aborted && this.#current === current) this.#climb(signal, at + 1);
    });
  }

  #end(reason) {
    this.#clear();
    if (!this.#current) return;
    const { step, session } = this.#current;
    Object.assign(step, { status: 'failed', reason });
    this.#say('trying', reason); // while the session is there, so that its last picture can be kept
    this.#current = null;
    session.stop();
    this.#changed(this);
  }

  /** Waits before the next round, but no longer than until the stream is back. */
  async #wait(ms, signal) {
    const until = this.#clock.now() + (this.#barred ? TIMES.barred : ms * (0.8 + 0.4 * Math.random()));
    while (!signal.aborted && !this.#nudged && this.#clock.now() < until) {
      await this.#nap(Math.min(TIMES.watch, until - this.#clock.now()));
      if (this.#phase !== 'waiting' || this.#barred || !this.#visible()) continue;
      const stream = await this.#stream();
      if (stream?.state === 'live' && this.#away) return;
      this.#away = stream?.state !== 'live';
      if (stream && this.#away) this.#say('waiting', away(stream));
    }
  }

  /** Sleeps until the time is over or somebody nudges. */
  #nap(ms) {
    return Promise.race([this.#clock.sleep(ms), new Promise((resolve) => { this.#wake = resolve; })]);
  }

  #say(phase, message) {
    this.#phase = phase;
    this.#message = message;
    this.#changed(this);
  }
}

const browserClock = {
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => { setTimeout(resolve, ms); }),
};
