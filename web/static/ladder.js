// Which way a stream is played: the ways in order of preference, from the top down
// to the first that really shows pictures, and up again when that ends. A way is
// judged by the frames that were decoded and by nothing else: clocks run and
// connections stand although nobody sees anything.
//
// Nothing here knows a browser, so that all of it can be tested without one.

import { cause } from './words.js';

/** Why a rung does not play, in words for people. */
export class RungError extends Error {
  /**
   * @param {string} message
   * @param {{final?: boolean, unreachable?: boolean, status?: number}} [about] final: trying again does not
   *   help as long as the stream is what it is; unreachable: there was no answer at all;
   *   status: the HTTP status.
   */
  constructor(message, { final = false, unreachable = false, status = 0 } = {}) {
    super(message);
    this.final = final;
    this.unreachable = unreachable;
    this.status = status;
  }
}

/** Times in milliseconds. */
export const TIMES = {
  look: 50, // between looks for the first frame
  watch: 1000, // between looks at a rung that plays
  doubt: 1500, // without a new frame until the gateway is asked
  stall: 5000, // without a new frame of a live stream until something is wrong
  grace: 8000, // for the frames to come back after the source did
  steady: 10_000, // what plays for so long was no accident
  pause: [1000, 15_000], // between two rounds, first and longest
  climb: [20_000, 300_000], // until a better rung is tried again, first and longest
};

/**
 * A rung is {id, label, deadline, start(signal)}. start resolves to a session
 * {frames(), ended, stop()}: frames resolves to the number of decoded frames, ended
 * to the reason why it is over, stop ends it. An aborted signal ends it too.
 */
export class Ladder {
  #rungs;
  #stream;
  #changed;
  #visible;
  #clock;
  #current = null;
  #message = '';
  #phase = 'trying';
  #away = false; // the stream was not live, or the gateway did not answer, when it was asked last

  /**
   * @param {object} o
   * @param {Array} o.rungs best first
   * @param {() => Promise<?{state: string, error: string}>} o.stream what the gateway
   *   says of the stream; null: it does not answer
   * @param {(ladder: Ladder) => void} o.changed is told of every change
   * @param {() => boolean} o.visible whether anybody can look: hidden pages may not decode
   * @param {{now(): number, sleep(ms: number): Promise<void>}} o.clock
   */
  constructor({ rungs, stream, changed, visible = () => true, clock = browserClock }) {
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

  /** Plays until the signal is aborted. */
  async run(signal) {
    let pause = TIMES.pause[0];
    while (!signal.aborted) {
      await this.#down(signal);
      if (this.#current) {
        const since = this.#clock.now();
        await this.#watch(signal);
        if (this.#clock.now() - since >= TIMES.steady) pause = TIMES.pause[0];
      }
      if (signal.aborted) return;
      await this.#wait(pause, signal);
      pause = Math.min(pause * 2, TIMES.pause[1]);
    }
  }

  /** Tries one rung after the other until one plays. */
  async #down(signal) {
    for (const step of this.#rungs) Object.assign(step, { status: 'ready', reason: '', final: false, unreachable: false });
    for (const step of this.#rungs) {
      this.#say('trying', `Connecting by ${step.rung.label}`);
      const session = await this.#try(step, signal);
      if (signal.aborted) return session?.stop();
      if (session) return this.#play(step, session);
      // Where there is nothing to play, no other rung can do better.
      const stream = await this.#stream();
      this.#away = stream?.state !== 'live';
      if (stream && this.#away) return this.#say('waiting', away(stream));
      if (!stream && step.unreachable) return this.#say('waiting', step.reason);
    }
    const reasons = new Set(this.#rungs.map((step) => step.reason));
    this.#say('waiting', reasons.size === 1 ? [...reasons][0] : 'Nothing plays here; the reasons are below');
  }

  /** Starts a rung; resolves to its session once it has shown a frame, else to null. */
  async #try(step, signal) {
    step.status = 'trying';
    this.#changed(this);
    const attempt = new AbortController();
    const abort = () => attempt.abort();
    signal.addEventListener('abort', abort);
    let session = null;
    try {
      const timeout = this.#clock.sleep(step.rung.deadline).then(() => { throw new RungError('no picture in time'); });
      timeout.catch(() => {});
      const starting = step.rung.start(attempt.signal);
      starting.then((s) => { if (attempt.signal.aborted) s.stop(); }, () => {});
      session = await Promise.race([starting, timeout]);
      const over = session.ended.then((reason) => { throw new RungError(reason); });
      over.catch(() => {});
      await Promise.race([this.#firstFrame(session, attempt.signal), over, timeout]);
      return session;
    } catch (err) {
      attempt.abort();
      session?.stop();
      Object.assign(step, { status: 'failed', reason: err.message || String(err), final: Boolean(err.final), unreachable: Boolean(err.unreachable) });
      return null;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#changed(this);
    }
  }

  async #firstFrame(session, signal) {
    while (!signal.aborted && !(await session.frames() > 0)) await this.#clock.sleep(TIMES.look);
  }

  #play(step, session) {
    step.status = 'playing';
    step.reason = '';
    this.#current = { step, session };
    this.#say('playing', '');
  }

  /** Follows what plays, until it is over for good. */
  async #watch(signal) {
    let frames = 0;
    let moved = this.#clock.now();
    let climb = TIMES.climb[0];
    let climbAt = moved + climb;
    while (!signal.aborted) {
      const { step, session } = this.#current;
      const over = await Promise.race([session.ended, this.#clock.sleep(TIMES.watch)]);
      if (signal.aborted) break;
      if (over !== undefined) return this.#end(over);
      const now = this.#clock.now();
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
        }
      }
      if (now >= climbAt && this.#phase === 'playing' && this.#visible()) {
        if (await this.#up(step, signal)) [frames, moved] = [0, this.#clock.now()];
        climb = Math.min(climb * 2, TIMES.climb[1]);
        climbAt = this.#clock.now() + climb;
      }
    }
    this.#end('');
  }

  /** Tries the rungs above the one that plays, which goes on meanwhile. */
  async #up(current, signal) {
    for (const step of this.#rungs.slice(0, this.#rungs.indexOf(current))) {
      if (step.final) continue;
      const session = await this.#try(step, signal);
      if (!session) continue;
      const old = this.#current;
      this.#play(step, session);
      old.session.stop();
      Object.assign(old.step, { status: 'ready', reason: '' });
      this.#changed(this);
      return true;
    }
    return false;
  }

  #end(reason) {
    const { step, session } = this.#current;
    Object.assign(step, { status: 'failed', reason });
    this.#say('trying', reason); // while the session is there, so that its last picture can be kept
    this.#current = null;
    session.stop();
    this.#changed(this);
  }

  /** Waits before the next round, but no longer than until the stream is back. */
  async #wait(ms, signal) {
    const until = this.#clock.now() + ms * (0.8 + 0.4 * Math.random());
    while (!signal.aborted && this.#clock.now() < until) {
      await this.#clock.sleep(Math.min(TIMES.watch, until - this.#clock.now()));
      if (this.#phase !== 'waiting' || !this.#visible()) continue;
      const stream = await this.#stream();
      if (stream?.state === 'live' && this.#away) return;
      this.#away = stream?.state !== 'live';
      if (stream && this.#away) this.#say('waiting', away(stream));
    }
  }

  #say(phase, message) {
    this.#phase = phase;
    this.#message = message;
    this.#changed(this);
  }
}

/** What to tell of a stream that is not live. */
function away({ state, error }) {
  const what = {
    idle: 'The stream is not running',
    connecting: 'Connecting to the source',
    waiting_keyframe: 'Waiting for the first picture of the source',
    stalled: 'The source sends nothing',
    retrying: 'The source is away and is tried again',
    failed: 'The source failed',
  }[state] ?? `The stream is ${state}`;
  return error ? `${what}: ${cause(error)}` : what;
}

const browserClock = {
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => { setTimeout(resolve, ms); }),
};
