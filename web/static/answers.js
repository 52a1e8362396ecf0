// What the gateway answers, as errors and facts for the player.

import { RungError } from './ladder.js';

/** The statuses after which asking again does not help. */
const FINAL = new Set([400, 401, 403, 404, 405, 406, 409, 415, 501]);

/** Makes an error of an answer that is none of the wanted ones. */
export async function refusal(response) {
  return refusalOf(response.status, await response.text().catch(() => ''));
}

/** The same of a status and a body. */
export function refusalOf(status, body) {
  let text = '';
  try {
    text = JSON.parse(body).error ?? '';
  } catch {
    text = body.length < 200 && !body.includes('<') ? body.trim() : '';
  }
  return new RungError(text || `the gateway answered ${status}`, { final: FINAL.has(status), status });
}

/** The error of a gateway that does not answer at all. */
export function unreachable() { return new RungError('the gateway does not answer', { unreachable: true }); }

/** Fetches; a gateway that does not answer is an error in words. */
export async function ask(url, options) {
  try {
    return await fetch(url, options);
  } catch (err) {
    if (options?.signal?.aborted) throw err;
    throw unreachable();
  }
}

/** What the API says of a stream, or null. */
export async function streamInfo(name) {
  try {
    const response = await fetch(`/api/v1/streams/${name}`, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
