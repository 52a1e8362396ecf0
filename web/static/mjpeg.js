// MJPEG: pictures one after the other in one HTTP answer (multipart/x-mixed-replace).
// It works wherever JPEG does. The parts are read here, rather than by an <img>
// alone, as an <img> tells neither how many pictures it has shown nor why none come.

import { RungError } from './rung.js';
import { refusal } from './gateway.js';
import { Meter } from './meter.js';
import { PlainSession } from './plainmjpeg.js';

/** The rung of MJPEG: shows the pictures of the stream at an Address in an image element of its own. */
export function mjpeg(address, makeImage) {
  return {
    id: 'mjpeg',
    label: 'MJPEG',
    deadline: 12_000,
    async start(signal) {
      const url = address.url('mjpeg');
      const response = await address.ask(url, { signal, cache: 'no-store' });
      if (!response.ok) throw await refusal(response);
      const boundary = boundaryOf(response.headers.get('Content-Type') ?? '');
      if (!boundary) throw new RungError('the gateway sent no multipart answer');
      const img = makeImage();
      const session = new Session(response.body.getReader(), boundary, img);
      const opaque = await Promise.race([session.first.then(() => false), session.ended.then(() => !signal.aborted && !session.some)]);
      if (!opaque) return session;
      session.stop();
      if (address.token) throw new RungError('this browser gives scripts nothing of it', { final: true });
      return new PlainSession(url, img);
    },
  };
}

/** The boundary in a Content-Type, or ''. */
export function boundaryOf(contentType) {
  const m = contentType.match(/^multipart\/[^;]+;.*?boundary="?([^";]+)"?/i);
  return m ? m[1].trim().replace(/^--/, '') : '';
}

class Session {
  element;
  ended;
  sound = false;
  picture = true;
  missing = 'it carries pictures only';
  made = '';
  #bytes = 0;
  #meter = new Meter(5000);
  first; // a promise of the first picture
  #begun;
  #over;
  #reader;
  #frames = 0;
  #next = null; // the newest picture that is not shown yet
  #busy = false;
  #shown = '';
  #broken = 0;

  constructor(reader, boundary, img) {
    this.element = img;
    this.#reader = reader;
    this.ended = new Promise((resolve) => { this.#over = resolve; });
    this.first = new Promise((resolve) => { this.#begun = resolve; });
    this.#read(new Multipart(boundary, (jpeg) => this.#picture(jpeg)));
  }

  /** Whether anything came that could be shown. */
  get some() { return this.#frames > 0; }

  async frames() { return this.#frames; }

  async stats() {
    const { naturalWidth: width, naturalHeight: height } = this.element;
    return { width, height, codec: 'JPEG', path: 'HTTP', bitrate: this.#meter.rate(this.#bytes, performance.now()) ?? undefined };
  }

  stop() {
    this.#over('stopped');
    this.#next = null;
    this.#reader?.cancel().catch(() => {});
    this.#reader = null;
    URL.revokeObjectURL(this.#shown);
  }

  async #read(parts) {
    try {
      while (this.#reader) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        this.#bytes += value.length;
        parts.push(value);
      }
      this.#over('the gateway ended the stream');
    } catch (err) {
      this.#over(err instanceof RungError ? err.message : 'the connection was lost');
      this.#reader?.cancel().catch(() => {});
    }
  }

  /** Shows the newest picture; those that come while one is being decoded are skipped. */
  async #picture(jpeg) {
    this.#next = jpeg;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#next && this.#reader) {
      const url = URL.createObjectURL(new Blob([this.#next], { type: 'image/jpeg' }));
      this.#next = null;
      this.element.src = url;
      try {
        await this.element.decode();
        this.#frames++;
        this.#begun(true);
        this.#broken = 0;
      } catch {
        if (++this.#broken > 50) this.#over('the pictures cannot be decoded');
      }
      URL.revokeObjectURL(this.#shown);
      this.#shown = url;
    }
    this.#busy = false;
  }
}

const MAX_PART = 32 << 20; // bytes of one picture with its headers
const CRLF2 = [13, 10, 13, 10];

/** Takes a multipart answer apart (RFC 2046 section 5.1). */
export class Multipart {
  #boundary;
  #part;
  #buffer = new Uint8Array(256 << 10);
  #used = 0;
  #looked = 0; // up to where there is no boundary
  #body = null; // {start, length} of the part that is being received

  /** @param {(body: Uint8Array) => void} part is given the body of every part; it is its own */
  constructor(boundary, part) {
    this.#boundary = new TextEncoder().encode(`--${boundary}`);
    this.#part = part;
  }

  push(bytes) {
    this.#append(bytes);
    while (this.#body ? this.#takeBody() : this.#takeHeaders());
  }

  #append(bytes) {
    const need = this.#used + bytes.length;
    if (need > MAX_PART) throw new RungError('a picture is too large');
    if (need > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(need, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.#used));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used = need;
  }

  /** Reads the headers of the next part; false: more bytes are needed. */
  #takeHeaders() {
    const start = this.#find(this.#boundary, 0);
    if (start < 0) return false;
    const end = this.#find(CRLF2, start);
    if (end < 0) return false;
    const headers = new TextDecoder('latin1').decode(this.#buffer.subarray(start, end));
    const length = headers.match(/^content-length:[ \t]*(\d+)/im);
    this.#drop(end + CRLF2.length);
    this.#body = { length: length ? Number(length[1]) : -1 };
    this.#looked = 0;
    return true;
  }

  /** Reads the body that follows; false: more bytes are needed. */
  #takeBody() {
    let { length } = this.#body;
    if (length < 0) {
      const next = this.#find(this.#boundary, this.#looked);
      if (next < 0) {
        this.#looked = Math.max(0, this.#used - this.#boundary.length);
        return false;
      }
      length = next >= 2 && this.#buffer[next - 2] === 13 ? next - 2 : next;
    }
    if (this.#used < length) return false;
    if (length > 0) this.#part(this.#buffer.slice(0, length));
    this.#drop(length);
    this.#body = null;
    return true;
  }

  #drop(n) {
    this.#buffer.copyWithin(0, n, this.#used);
    this.#used -= n;
  }

  #find(what, from) {
    outer: for (let i = from; i <= this.#used - what.length; i++) {
      for (let k = 0; k < what.length; k++) if (this.#buffer[i + k] !== what[k]) continue outer;
      return i;
    }
    return -1;
  }
}
