// The gateway as a page sees it: where it is, who asks, what it answers.

import { RungError } from './rung.js';

/** The statuses after which asking again does not help. */
const FINAL = new Set([400, 401, 403, 404, 405, 406, 409, 415, 501]);
/** Those of a wrong password, and of too many of them. */
const BARRED = new Set([401, 429]);

/** Where the gateway is from which a module at this URL came. */
export function gatewayOf(moduleURL) { return moduleURL.replace(/assets\/(?:[0-9a-f]+\/)?[\w.-]+(?:[?#].*)?$/, ''); }

/** A stream of a gateway, for somebody who may have a token ("NAME:PASSWORD"). */
export class Address {
  /**
   * @param {string} src "/NAME", "NAME" or the whole address of a stream's page
   * @param {string} gateway where paths begin
   */
  constructor(src, gateway, token = '') {
    const whole = /^https?:\/\//i.test(src) ? new URL(src) : null;
    this.base = whole ? `${whole.origin}/` : gateway;
    this.name = (whole ? whole.pathname : src).replace(/^\/+|\/+$/g, '');
    this.token = token;
  }

  /** The same gateway's stream of another name. */
  of(name) { return new Address(name, this.base, this.token); }

  /** The stream of one of its profiles, or the stream itself where it has none of that name. */
  async profile(name) {
    if (!name || name === 'main') return this;
    const other = this.of(`${this.name}/${name}`);
    return (await other.info())?.name ? other : this;
  }

  url(output = '') { return `${this.base}${this.name}${output && '/'}${output}`; }

  get api() { return `${this.base}api/v1/streams/${this.name}`; }

  get headers() { return this.token ? { Authorization: `Bearer ${this.token}` } : {}; }

  /** Fetches; a gateway that does not answer is an error in words. */
  async ask(url, options = {}) {
    try {
      return await this.fetch(url, options);
    } catch (err) {
      if (options.signal?.aborted) throw err;
      throw unreachable(new URL(this.base, location.href).origin);
    }
  }

  fetch(url, options = {}) { return fetch(url, { ...options, headers: { ...this.headers, ...options.headers } }); }

  /** What the API says of the stream; {state: 'refused', error, barred} when it says nothing (barred:
   * for want of the right password), null when it does not answer. */
  async info() {
    try {
      const response = await this.fetch(this.api, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
      if (response.ok) return await response.json();
      if (response.status >= 500) return null;
      return { state: 'refused', error: (await refusal(response)).message, barred: BARRED.has(response.status) };
    } catch {
      return null;
    }
  }
}

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

/** The error of a gateway that does not answer at all; a page of another origin is not told whether it may not ask. */
export function unreachable(origin = location.origin) {
  const foreign = origin === location.origin ? '' : `, or http.allow_origins does not name ${location.origin}`;
  return new RungError(`the gateway does not answer${foreign}`, { unreachable: true });
}
