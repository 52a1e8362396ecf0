// All streams with their live state, as a list or as a grid of pictures.

import { h, say, icon, copyButton, announce } from './dom.js';
import { STATES, track, viewers, source, span, nextTry, offline, cause, sentence, bitrate, plural } from './words.js';
import { Meter } from './meter.js';
import { Tile, byCamera, walk } from './grid.js';

const POLL = 2000; // ms
const FILTER_FROM = 7; // streams: below that a search box is in the way
const REFRESH = { watched: 15, unwatched: 60 }; // s between two pictures of a stream

const list = document.getElementById('streams');
const empty = document.getElementById('empty');
const trouble = document.getElementById('trouble');
const summary = document.getElementById('summary');
const filter = document.getElementById('filter');
const views = document.getElementById('views');
const heading = document.getElementById('empty-heading');
const unseen = document.getElementById('empty-unseen');
const cards = new Map();

/** One stream. Its elements stay, only their text changes. */
class Card {
  #state = '';
  #meter = new Meter();
  rate = 0;

  constructor(stream) {
    this.name = stream.name;
    const href = `/${stream.name}`;
    this.pill = h('span', { class: 'pill' });
    this.picture = h('camgate-player', { class: 'card-picture', src: href, mode: 'poster', controls: 'none', lazy: '', refresh: '0' });
    this.trackList = h('ul', { class: 'card-tracks' });
    this.source = h('p', { class: 'card-source' });
    this.trouble = h('p', { class: 'card-trouble', hidden: true });
    this.warning = h('p', { class: 'card-trouble card-warning', hidden: true });
    this.count = h('span', { class: 'card-viewers' });
    this.by = h('span', { class: 'card-by' });
    this.rateText = h('span', { class: 'card-rate' });
    this.publish = h('a', { href: `${href}/publish`, hidden: true }, 'Publish to it');
    this.address = new Addresses(stream);
    this.element = h('article', { class: 'card', 'aria-label': stream.name },
      h('a', { class: 'card-view', href, tabindex: '-1', 'aria-hidden': 'true' }, this.picture, h('span', { class: 'card-play' }, icon('play'))),
      h('div', { class: 'card-body' },
        h('div', { class: 'card-head' }, h('h2', {}, h('a', { href }, stream.name)), this.pill),
        this.trouble, this.warning, this.trackList, this.source,
        h('p', { class: 'card-foot' }, this.count, this.by, this.rateText, this.publish),
        this.address.element));
  }

  update(stream, now) {
    const [word, tone] = STATES[stream.state] ?? [stream.state, 'quiet'];
    if (this.#state && this.#state !== stream.state) announce(`${stream.name}: ${word}`);
    this.#state = stream.state;
    say(this.pill, `${word} · ${span(now - Date.parse(stream.since))}`);
    this.pill.dataset.tone = tone;
    this.element.dataset.tone = tone;
    const next = nextTry(stream, now);
    const tries = stream.retries > 1 ? ` (${plural(stream.retries, 'attempt')} so far)` : '';
    const since = offline(stream);
    say(this.trouble, stream.error ? `${sentence(cause(stream.error))}${since ? ` — ${since}` : ''}${next ? ` — ${next}${tries}` : ''}` : '');
    this.trouble.hidden = !stream.error;
    say(this.warning, stream.warnings.map(sentence).join('. '));
    this.warning.hidden = stream.warnings.length === 0;
    this.#tracks(stream.tracks);
    say(this.source, source(stream));
    const watching = viewers(stream.readers);
    say(this.count, watching.count);
    say(this.by, watching.by);
    this.rate = this.#meter.rate(stream.bytes_in, now) ?? 0;
    say(this.rateText, stream.state === 'live' && this.rate ? bitrate(this.rate) : '');
    const there = stream.state === 'live' && stream.urls.snapshot;
    this.picture.setAttribute('refresh', !there ? '0' : stream.readers.length > 0 ? REFRESH.watched : REFRESH.unwatched);
    this.publish.hidden = !stream.urls.whip;
    this.address.update(stream.urls);
  }

  #tracks(tracks) {
    const texts = tracks.map(track);
    if (texts.join('\n') === [...this.trackList.children].map((li) => li.textContent).join('\n')) return;
    this.trackList.replaceChildren(...texts.map((text) => h('li', {}, text)));
  }

  remove() { this.element.remove(); }
}

const KINDS = [['rtsp', 'RTSP'], ['whep', 'WHEP'], ['whip', 'WHIP'], ['hls', 'HLS'], ['mjpeg', 'MJPEG']];

/** The addresses of a stream: one at a time, to be copied. */
class Addresses {
  #urls = {};
  #chosen = '';

  constructor(stream) {
    this.url = h('code', { class: 'address-url', tabindex: '0' });
    this.tabs = h('div', { class: 'address-kinds', role: 'group', 'aria-label': `Addresses of ${stream.name}` });
    this.copy = copyButton('Copy the address', () => this.#urls[this.#chosen]);
    this.element = h('div', { class: 'card-address' }, this.tabs, h('div', { class: 'address-line' }, this.url, this.copy));
  }

  update(urls) {
    if (JSON.stringify(urls) === JSON.stringify(this.#urls)) return;
    this.#urls = urls;
    const there = KINDS.filter(([key]) => urls[key]);
    this.tabs.replaceChildren(...there.map(([key, name]) => h('button', { type: 'button', class: 'address-kind', 'data-kind': key, onclick: () => this.#choose(key) }, name)));
    this.element.hidden = there.length === 0;
    if (there.length) this.#choose(urls[this.#chosen] ? this.#chosen : there[0][0]);
  }

  #choose(key) {
    this.#chosen = key;
    say(this.url, this.#urls[key]);
    for (const b of this.tabs.children) b.setAttribute('aria-pressed', String(b.dataset.kind === key));
  }
}

const VIEWS = { list: Card, grid: Tile };
const VIEW = 'camgate-view';
let view = 'list';
let streams = [];

function choose(wanted) {
  view = Object.hasOwn(VIEWS, wanted) ? wanted : 'list';
  for (const card of cards.values()) card.remove();
  cards.clear();
  list.dataset.view = view;
  for (const b of views.children) b.setAttribute('aria-pressed', String(b.value === view));
  show(streams);
}

for (const b of views.children) {
  b.addEventListener('click', () => {
    const url = new URL(location.href);
    url.searchParams.set('view', b.value);
    history.replaceState(null, '', url);
    try {
      localStorage.setItem(VIEW, b.value);
    } catch {
      // Then the next visit begins with the list.
    }
    choose(b.value);
  });
}

function viewOfLastTime() {
  try {
    return localStorage.getItem(VIEW);
  } catch {
    return null;
  }
}

function show(all) {
  const now = Date.now();
  const { cameras, profiles } = view === 'grid' ? byCamera(all) : { cameras: all, profiles: new Map() };
  const names = new Set(cameras.map((s) => s.name));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    card.remove();
    cards.delete(name);
  }
  cameras.forEach((stream, i) => {
    let card = cards.get(stream.name);
    if (!card) {
      card = new VIEWS[view](stream);
      cards.set(stream.name, card);
    }
    if (list.children[i] !== card.element) list.insertBefore(card.element, list.children[i] ?? null);
    card.update(stream, now, profiles.get(stream.name) ?? []);
  });
  views.hidden = all.length === 0;
  list.dataset.count = cameras.length > 2 ? 'many' : String(cameras.length);
  list.hidden = all.length === 0;
  // Who only has the demo is about to set up a camera.
  const demo = all.length === 1 && /^demo\b/.test(all[0].source);
  empty.hidden = all.length > 0 && !demo;
  empty.classList.toggle('is-hint', demo);
  say(heading, demo ? 'Now your own camera' : 'No streams yet');
  unseen.hidden = demo;
  filter.hidden = all.length < FILTER_FROM;
  const live = all.filter((s) => s.state === 'live').length;
  const watching = all.reduce((n, s) => n + s.readers.length, 0);
  const rate = [...cards.values()].reduce((sum, card) => sum + card.rate, 0);
  say(summary, all.length === 0 ? '' : [
    plural(all.length, 'stream'), live === all.length ? 'all live' : `${live} live`, plural(watching, 'viewer'), rate ? `${bitrate(rate)} in` : '',
  ].filter(Boolean).join(' · '));
  applyFilter();
}

function applyFilter() {
  const wanted = filter.hidden ? '' : filter.value.trim().toLowerCase();
  for (const card of cards.values()) card.element.hidden = !card.name.toLowerCase().includes(wanted);
}
filter.addEventListener('input', applyFilter);

let answered = Date.now();

async function poll() {
  if (!document.hidden) {
    try {
      const response = await fetch('/api/v1/streams', { cache: 'no-store', signal: AbortSignal.timeout(8000) });
      if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
      ({ streams } = await response.json());
      show(streams);
      answered = Date.now();
      trouble.hidden = true;
    } catch (err) {
      const reason = err instanceof TypeError || err.name === 'TimeoutError' ? 'The gateway does not answer' : sentence(err.message);
      say(trouble, `${reason}. What you see is ${span(Date.now() - answered)} old; trying again.`);
      trouble.hidden = false;
    }
  }
  setTimeout(poll, POLL);
}

document.addEventListener('visibilitychange', () => { if (!document.hidden) answered = Math.max(answered, Date.now() - POLL); });
const sample = document.getElementById('sample');
sample.parentElement.append(copyButton('Copy the example', () => sample.textContent));
walk(list);
choose(new URLSearchParams(location.search).get('view') ?? viewOfLastTime());
poll();
