// Many streams at once, each as a small player that plays while it can be seen.

import './player.js';
import { h, say } from './dom.js';
import { STATES, cause, nextTry, plural, sentence } from './words.js';

const MODE = 'webrtc,hls,mjpeg,stills';

/** One stream as a tile. Its elements stay, only their text changes. */
export class Tile {
  rate = 0;

  constructor(stream) {
    this.name = stream.name;
    this.player = h('camgate-player', { class: 'tile-player', controls: 'none', muted: '', lazy: '', mode: MODE });
    this.pill = h('span', { class: 'pill' });
    this.trouble = h('span', { class: 'tile-trouble' });
    this.link = h('a', { class: 'tile-link', href: `/${stream.name}` }, stream.name);
    this.element = h('article', { class: 'tile', 'aria-label': stream.name }, this.player,
      h('div', { class: 'tile-foot' }, h('h2', {}, this.link), this.trouble, this.pill));
  }

  update(stream, now, profiles) {
    const [word, tone] = STATES[stream.state] ?? [stream.state, 'quiet'];
    const watching = [stream, ...profiles].reduce((n, s) => n + s.readers.length, 0);
    say(this.pill, stream.state === 'live' ? plural(watching, 'viewer') : word);
    this.pill.dataset.tone = tone;
    this.element.dataset.tone = tone;
    const next = nextTry(stream, now);
    const waits = stream.state === 'idle' ? 'Open it to start it' : '';
    say(this.trouble, stream.error ? `${sentence(cause(stream.error))}${next ? ` — ${next}` : ''}` : waits);
    // To look at the grid is no reason to wake a camera; one that was live and comes back has its player.
    if (stream.state === 'idle') return this.player.removeAttribute('src');
    if (stream.state !== 'live') return;
    if (profiles.some(({ name }) => name === `${stream.name}/sub`)) this.player.setAttribute('profile', 'sub');
    else this.player.removeAttribute('profile');
    if (!this.player.hasAttribute('src')) this.player.setAttribute('src', `/${stream.name}`);
  }

  remove() { this.element.remove(); }
}

/** The streams without those that are profiles of another one, and the profiles of each, by name. */
export function byCamera(streams) {
  const all = new Map(streams.map((s) => [s.name, s]));
  const profiles = new Map();
  const cameras = streams.filter((stream) => {
    const { name, source } = stream;
    const cut = name.lastIndexOf('/');
    const parent = name.slice(0, Math.max(0, cut));
    if (!all.has(parent) || source !== `${name.slice(cut + 1)} of ${parent}`) return true;
    profiles.set(parent, [...profiles.get(parent) ?? [], stream]);
    return false;
  });
  return { cameras, profiles };
}

/** Lets arrow keys go from tile to tile. */
export function walk(list) {
  list.addEventListener('keydown', (event) => {
    const columns = getComputedStyle(list).gridTemplateColumns.split(' ').length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    const links = [...list.querySelectorAll('.tile:not([hidden]) .tile-link')];
    const at = links.indexOf(event.target);
    if (!step || at < 0 || !links[at + step]) return;
    event.preventDefault();
    links[at + step].focus();
  });
}
