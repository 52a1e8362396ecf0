// MJPEG by an <img> alone, for browsers that take multipart answers apart themselves and
// give scripts nothing of them (WebKit). An <img> tells neither how many pictures it has
// shown nor why none come, so it is looked at: a picture that differs is a new one.

import { h } from './dom.js';

const LOOK = 40; // ms
const [WIDTH, HEIGHT] = [64, 36];

export class PlainSession {
  element;
  ended;
  sound = false;
  picture = true;
  missing = 'it carries pictures only';
  made = '';
  #end;
  #frames = 0;
  #seen = 0;
  #canvas = h('canvas', { width: WIDTH, height: HEIGHT }).getContext('2d', { willReadFrequently: true });
  #timer;

  constructor(url, img) {
    this.element = img;
    this.ended = new Promise((resolve) => { this.#end = resolve; });
    img.addEventListener('error', () => this.#end('the pictures do not come, or cannot be decoded'));
    img.crossOrigin = 'anonymous'; // else its pictures could not be read
    img.src = url;
    this.#timer = setInterval(() => this.#look(), LOOK);
  }

  async frames() { return this.#frames; }

  async stats() {
    const { naturalWidth: width, naturalHeight: height } = this.element;
    return { width, height, codec: 'JPEG', path: 'HTTP' };
  }

  stop() {
    this.#end('stopped');
    clearInterval(this.#timer);
    this.element.removeAttribute('src');
  }

  #look() {
    if (!this.element.naturalWidth) return;
    try {
      this.#canvas.drawImage(this.element, 0, 0, WIDTH, HEIGHT);
    } catch {
      return; // between two pictures
    }
    let hash = 1;
    for (const byte of this.#canvas.getImageData(0, 0, WIDTH, HEIGHT).data) hash = (hash * 31 + byte) | 0;
    if (hash !== this.#seen) this.#frames++;
    this.#seen = hash;
  }
}
