// One attempt at a rung of the ladder.

import { RungError, TIMES } from './rung.js';

/** Starts a rung. Resolves to its session once that has shown a frame; else it is stopped, and
 * the error says why: its own, that it took too long, or an empty one when the signal ended it. */
export async function showFrame(rung, signal, clock) {
  const aborted = new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new RungError('')), { once: true });
  });
  const timeout = clock.sleep(rung.deadline).then(() => { throw new RungError('no picture in time'); });
  for (const promise of [aborted, timeout]) promise.catch(() => {});
  let session = null;
  const starting = rung.start(signal);
  try {
    session = await Promise.race([starting, timeout, aborted]);
    const over = session.ended.then((reason) => { throw new RungError(reason); });
    over.catch(() => {});
    await Promise.race([firstFrame(session, signal, clock), over, timeout, aborted]);
    return session;
  } catch (err) {
    session?.stop();
    starting.then((late) => late.stop(), () => {});
    throw err;
  }
}

async function firstFrame(session, signal, clock) {
  while (!signal.aborted && !(await session.frames() > 0)) {
    if (await Promise.race([session.first ?? new Promise(() => {}), clock.sleep(TIMES.look)])) return;
  }
}
