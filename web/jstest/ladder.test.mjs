import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Ladder } from '../static/ladder.js';
import { RungError, TIMES } from '../static/rung.js';
import { Clock } from './clock.mjs';

/** A session that decodes 25 frames a second for as long as it is told to. */
class Session {
  stopped = false;
  #clock;
  #from;
  #frozen = null;

  constructor(clock) {
    this.#clock = clock;
    this.#from = clock.now();
    this.ended = new Promise((resolve) => { this.end = resolve; });
  }

  async frames() { return Math.floor(((this.#frozen ?? this.#clock.now()) - this.#from) / 40); }
  freeze() { this.#frozen = this.#clock.now(); }
  thaw() { this.#frozen = null; }
  stop() {
    this.stopped = true;
    this.end('stopped');
  }
}

/** A ladder whose rungs do what is said of them: null is to play, else the error. */
function build(plan, { stream = { state: 'live', error: '' }, visible = true } = {}) {
  const clock = new Clock();
  const world = { clock, plan, stream, visible, asked: 0, started: [], sessions: {}, said: [] };
  const rung = (id) => ({
    id,
    label: id,
    deadline: 10_000,
    async start() {
      world.started.push(id);
      const what = plan[id];
      if (what === 'silent') return new Promise(() => {});
      if (what) throw typeof what === 'string' ? new RungError(what) : what;
      return (world.sessions[id] = new Session(clock));
    },
  });
  world.ladder = new Ladder({
    rungs: Object.keys(plan).map(rung),
    stream: async () => {
      world.asked++;
      return world.stream;
    },
    visible: () => world.visible,
    changed: (l) => world.said.push([l.phase, l.rung?.id ?? '', l.message].join('|')),
    clock,
  });
  world.abort = new AbortController();
  world.run = world.ladder.run(world.abort.signal);
  world.close = async () => {
    world.abort.abort();
    await clock.until(clock.now() + 60_000);
    await world.run;
  };
  return world;
}

const reasons = (w) => w.ladder.steps.map((s) => `${s.id}: ${s.status} ${s.reason}`.trim());

test('the best rung plays', async () => {
  const w = build({ webrtc: null, hls: null, mjpeg: null });
  await w.clock.until(1000);
  assert.equal(w.ladder.rung.id, 'webrtc');
  assert.deepEqual(w.started, ['webrtc']);
  assert.deepEqual(reasons(w), ['webrtc: playing', 'hls: ready', 'mjpeg: ready']);
  await w.close();
  assert.ok(w.sessions.webrtc.stopped);
});

test('it falls from rung to rung, and keeps the reasons', async () => {
  const w = build({ webrtc: 'no H264', hls: new RungError('no H265', { final: true }), mjpeg: null });
  await w.clock.until(1000);
  assert.equal(w.ladder.rung.id, 'mjpeg');
  assert.deepEqual(reasons(w), ['webrtc: failed no H264', 'hls: failed no H265', 'mjpeg: playing']);
  await w.close();
});

test('a rung that shows no frame is left at its deadline, and stopped', async () => {
  const w = build({ webrtc: null, hls: null });
  await w.clock.until(0, () => w.sessions.webrtc);
  w.sessions.webrtc.freeze();
  await w.clock.until(10_500);
  assert.equal(w.ladder.rung.id, 'hls');
  assert.ok(w.sessions.webrtc.stopped);
  assert.deepEqual(reasons(w)[0], 'webrtc: failed no picture in time');
  await w.close();
});

test('a rung that never answers is left too', async () => {
  const w = build({ webrtc: 'silent', hls: null });
  await w.clock.until(10_500);
  assert.equal(w.ladder.rung.id, 'hls');
  await w.close();
});

test('a session that ends is begun again, from the top', async () => {
  const w = build({ webrtc: null, hls: null });
  await w.clock.until(20_000);
  const first = w.sessions.webrtc;
  first.end('the connection was lost');
  await w.clock.until(24_000);
  assert.equal(w.ladder.rung.id, 'webrtc');
  assert.notEqual(w.sessions.webrtc, first);
  assert.ok(first.stopped);
  await w.close();
});

test('pictures that stop although the stream is live end the session', async () => {
  const w = build({ webrtc: null });
  await w.clock.until(3000);
  const first = w.sessions.webrtc;
  first.freeze();
  await w.clock.until(3000 + TIMES.stall + 1500);
  assert.ok(first.stopped);
  assert.match(w.said.join('\n'), /no new picture for 5 s/);
  await w.close();
});

test('pictures that stop because the source is away do not', async () => {
  const w = build({ webrtc: null, hls: null });
  await w.clock.until(3000);
  w.stream = { state: 'retrying', error: 'no route to host' };
  w.sessions.webrtc.freeze();
  await w.clock.until(60_000);
  assert.equal(w.ladder.phase, 'away');
  assert.match(w.ladder.message, /no route to host/);
  assert.deepEqual(w.started, ['webrtc']);
  w.stream = { state: 'live', error: '' };
  w.sessions.webrtc.thaw();
  await w.clock.until(62_000);
  assert.equal(w.ladder.phase, 'playing');
  assert.deepEqual(w.started, ['webrtc']);
  await w.close();
});

test('a gateway that is gone ends the session', async () => {
  const w = build({ webrtc: null });
  await w.clock.until(3000);
  w.stream = null;
  w.sessions.webrtc.freeze();
  await w.clock.until(9500);
  assert.match(w.said.join('\n'), /the gateway does not answer/);
  await w.close();
});

test('a stream that is not live is waited for, not tried by every rung', async () => {
  const w = build({ webrtc: 'not ready', hls: 'not ready' }, { stream: { state: 'retrying', error: 'refused' } });
  await w.clock.until(500);
  assert.deepEqual(w.started, ['webrtc']);
  assert.equal(w.ladder.phase, 'waiting');
  assert.match(w.ladder.message, /refused/);
  // It is noticed within seconds that it is back, however long the pause has become.
  await w.clock.until(100_000);
  w.plan.webrtc = null;
  w.stream = { state: 'live', error: '' };
  await w.clock.until(103_000);
  assert.equal(w.ladder.rung?.id, 'webrtc');
  await w.close();
});

test('a wrong password is not sent again and again', async () => {
  const w = build({ webrtc: new RungError('authentication failed', { final: true }), hls: null }, { stream: { state: 'refused', error: 'authentication failed', barred: true } });
  await w.clock.until(50_000);
  assert.deepEqual(w.started, ['webrtc']);
  assert.equal(w.asked, 1);
  assert.equal(w.ladder.message, 'The gateway refuses: authentication failed');
  await w.clock.until(130_000);
  assert.equal(w.started.length, 3);
  w.plan.webrtc = null;
  w.ladder.nudge();
  await w.clock.until(131_000);
  assert.equal(w.ladder.rung?.id, 'webrtc');
  await w.close();
});

test('a gateway that does not answer is not asked by every rung', async () => {
  const w = build({ webrtc: new RungError('no answer', { unreachable: true }), hls: null }, { stream: null });
  await w.clock.until(500);
  assert.deepEqual(w.started, ['webrtc']);
  assert.equal(w.ladder.message, 'no answer');
  // It is noticed within seconds that it is back, however long the pause has become.
  await w.clock.until(100_000);
  w.plan.webrtc = null;
  w.stream = { state: 'live', error: '' };
  await w.clock.until(103_000);
  assert.equal(w.ladder.rung?.id, 'webrtc');
  await w.close();
});

test('pauses grow, but not for ever', async () => {
  const w = build({ webrtc: 'broken' });
  await w.clock.until(10 * 60_000);
  const rounds = w.started.length;
  assert.ok(rounds > 600 / (15 * 1.2) && rounds < 60, `${rounds} rounds in ten minutes`);
  await w.close();
});

test('a better rung is tried again while a worse one plays', async () => {
  const w = build({ webrtc: 'no way through', hls: null, mjpeg: null });
  await w.clock.until(15_000);
  const hls = w.sessions.hls;
  assert.deepEqual(w.started, ['webrtc', 'hls']);
  w.plan.webrtc = null;
  await w.clock.until(25_000);
  assert.equal(w.ladder.rung.id, 'webrtc');
  assert.ok(hls.stopped);
  assert.deepEqual(reasons(w), ['webrtc: playing', 'hls: ready', 'mjpeg: ready']);
  await w.close();
});

test('a rung that cannot work is not tried again', async () => {
  const w = build({ webrtc: new RungError('no common codec', { final: true }), hls: null });
  await w.clock.until(20 * 60_000);
  assert.deepEqual(w.started, ['webrtc', 'hls']);
  await w.close();
});

test('a hidden page is left in peace', async () => {
  const w = build({ webrtc: null, hls: null });
  await w.clock.until(3000);
  w.visible = false;
  w.sessions.webrtc.freeze();
  await w.clock.until(600_000);
  assert.equal(w.ladder.rung.id, 'webrtc');
  await w.close();
});

test('a slow rung has the next one beside it, and takes over when it shows a frame', async () => {
  const w = build({ webrtc: null, hls: null, mjpeg: null });
  await w.clock.until(0, () => w.sessions.webrtc);
  w.sessions.webrtc.freeze();
  await w.clock.until(TIMES.patience + 500);
  assert.deepEqual([w.ladder.rung.id, w.started], ['hls', ['webrtc', 'hls']]);
  const hls = w.sessions.hls;
  w.sessions.webrtc.thaw();
  await w.clock.until(TIMES.patience + 1000);
  assert.equal(w.ladder.rung.id, 'webrtc');
  assert.ok(hls.stopped);
  assert.deepEqual(reasons(w), ['webrtc: playing', 'hls: ready', 'mjpeg: ready']);
  await w.close();
  assert.ok(w.sessions.webrtc.stopped);
});

test('a slow rung that fails at last says why, and is not begun by every look', async () => {
  const w = build({ webrtc: null, hls: null });
  await w.clock.until(0, () => w.sessions.webrtc);
  w.sessions.webrtc.freeze();
  await w.clock.until(6000);
  w.sessions.webrtc.end('no way through');
  await w.clock.until(12_000);
  assert.deepEqual(reasons(w), ['webrtc: failed no way through', 'hls: playing']);
  assert.deepEqual(w.started, ['webrtc', 'hls']);
  await w.close();
});

test('what played for a while and ends is begun again at once', async () => {
  const w = build({ webrtc: null, hls: null });
  await w.clock.until(5000);
  w.sessions.webrtc.end('the gateway ended the session');
  await w.clock.until(5200);
  assert.deepEqual([w.ladder.rung.id, w.ladder.phase, w.started.length], ['webrtc', 'playing', 2]);
  await w.close();
});

test('a session that the gateway does not know any more ends before its pictures are missed for long', async () => {
  const w = build({ webrtc: null });
  await w.clock.until(3000);
  const first = w.sessions.webrtc;
  first.alive = async () => false;
  first.freeze();
  await w.clock.until(3000 + TIMES.doubt + 1500);
  assert.ok(first.stopped);
  assert.equal(w.ladder.phase, 'playing');
  await w.close();
});

test('a network that is back is tried at once', async () => {
  const w = build({ webrtc: 'no way through', hls: null });
  await w.clock.until(3000);
  w.plan.webrtc = null;
  w.ladder.nudge();
  await w.clock.until(3200);
  assert.equal(w.ladder.rung.id, 'webrtc');
  await w.close();
});

test('a wait ends with a network that is back', async () => {
  const w = build({ webrtc: 'broken' });
  await w.clock.until(60_000, () => w.ladder.phase === 'waiting' && w.clock.now() > 40_000);
  const [rounds, now] = [w.started.length, w.clock.now()];
  w.plan.webrtc = null;
  w.ladder.nudge();
  await w.clock.until(now + 200);
  assert.deepEqual([w.ladder.rung?.id, w.started.length], ['webrtc', rounds + 1]);
  await w.close();
});

test('whatever the world does, one session is shown at most, and none is left behind', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    let x = seed;
    const random = (n) => { x = (x * 48271) % 2147483647; return x % n; };
    const w = build({ webrtc: null, hls: null, mjpeg: null });
    const all = [];
    for (let i = 0; i < 40; i++) {
      await w.clock.until(w.clock.now() + random(4000));
      const session = w.sessions[['webrtc', 'hls', 'mjpeg'][random(3)]];
      if (session && !all.includes(session)) all.push(session);
      [() => session?.freeze(), () => session?.thaw(), () => session?.end('over'), () => w.ladder.nudge(),
        () => { w.plan.webrtc = [null, 'no', 'silent', new RungError('never', { final: true })][random(4)]; },
        () => { w.plan.hls = [null, 'no'][random(2)]; },
        () => { w.stream = [{ state: 'live' }, { state: 'retrying', error: 'x' }, null][random(3)]; }][random(7)]();
    }
    w.stream = { state: 'live', error: '' };
    Object.assign(w.plan, { webrtc: null, hls: null, mjpeg: null });
    for (const session of Object.values(w.sessions)) session.thaw();
    await w.clock.until(w.clock.now() + 120_000);
    assert.equal(w.ladder.phase, 'playing', `seed ${seed}`);
    await w.close();
    for (const session of [...all, ...Object.values(w.sessions)]) assert.ok(session.stopped, `seed ${seed}: a session is left`);
  }
});
