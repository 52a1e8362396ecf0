// The page of one stream: the player, which way it plays, and the stream's facts.

import './player.js';
import { Address } from './gateway.js';
import { h, say, copyButton } from './dom.js';
import { STATES, track, viewers, source, made, span, nextTry, offline, cause, sentence, bitrate } from './words.js';
import { Meter } from './meter.js';

const POLL = 2000; // ms
const WAYS = [
  ['', 'Automatic', 'The first of these that shows a picture'],
  ['webrtc', 'WebRTC', 'Least delay'],
  ['hls', 'LL-HLS', 'Through any proxy, about a second behind'],
  ['mjpeg', 'MJPEG', 'Pictures only, works everywhere'],
];

const player = document.querySelector('camgate-player');
const query = new URLSearchParams(location.search);
const via = WAYS.some(([id]) => id && id === query.get('via')) ? query.get('via') : '';
const denied = (name) => ['0', 'false', 'no'].includes(query.get(name));
const bare = denied('controls');

if (bare) {
  document.documentElement.classList.add('bare');
  player.setAttribute('controls', 'hover');
}
if (via) player.setAttribute('mode', via);
if (query.has('muted')) player.setAttribute('muted', query.get('muted'));
if (query.has('stats') && !denied('stats')) player.setAttribute('stats', '');
player.setAttribute('src', `/${player.dataset.stream}`);

// The state of the player, for tests and for pages that look into a frame.
Object.defineProperty(window, 'camgate', { get: () => player.report });

const ways = document.getElementById('ways');
const rows = new Map(WAYS.map(([id, label, about]) => {
  const input = h('input', { type: 'radio', name: 'way', value: id, onchange: () => choose(id) });
  input.checked = id === via;
  const status = h('span', { class: 'way-status' });
  const reason = h('span', { class: 'way-reason' }, about);
  ways.append(h('label', { class: 'way' }, input, h('span', { class: 'way-name' }, label), status, reason));
  return [id, { status, reason, about, row: input.parentElement }];
}));

function choose(id) {
  const url = new URL(location.href);
  if (id) url.searchParams.set('via', id);
  else url.searchParams.delete('via');
  history.replaceState(null, '', url);
  if (id) player.setAttribute('mode', id);
  else player.removeAttribute('mode');
}

const STATUS = { ready: '', trying: 'trying', playing: 'playing', failed: 'does not play' };

player.addEventListener('camgate-change', () => {
  const { rung, phase, steps } = player.report;
  document.body.dataset.rung = rung;
  document.body.dataset.phase = phase;
  for (const [id, { status, reason, about, row }] of rows) {
    const step = steps.find((s) => s.id === id);
    row.dataset.status = step?.status ?? '';
    say(status, step ? STATUS[step.status] : '');
    say(reason, step?.reason ? sentence(step.reason) : about);
  }
});

player.addEventListener('camgate-mode', () => {
  const id = player.getAttribute('mode') ?? '';
  for (const input of ways.querySelectorAll('input')) input.checked = input.value === id;
  choose(id);
});

document.addEventListener('keydown', (event) => {
  const { tagName, type } = event.target;
  if (!/^(INPUT|TEXTAREA|SELECT)$/.test(tagName) || type === 'radio') player.handleKey(event);
});

const facts = document.getElementById('facts');
const addresses = document.getElementById('addresses');
const publish = document.getElementById('publish');
const meter = new Meter();

function fact(term, ...lines) {
  const shown = lines.filter(Boolean);
  return shown.length ? [h('dt', {}, term), ...shown.map((line) => h('dd', {}, line))] : [];
}

const address = new Address(player.dataset.stream, '/');

let shown = '';
function show(stream) {
  const now = Date.now();
  const [state] = STATES[stream.state] ?? [stream.state];
  const watching = viewers(stream.readers);
  const rate = meter.rate(stream.bytes_in, now);
  const lines = [
    ['State', `${state} for ${span(now - Date.parse(stream.since))}`, stream.error && sentence(cause(stream.error)), nextTry(stream, now) && sentence(nextTry(stream, now)), sentence(offline(stream)), stream.reconnects > 0 && `Came back ${stream.reconnects === 1 ? 'once' : `${stream.reconnects} times`}`],
    ['Source', source(stream)],
    ['Tracks', ...stream.tracks.map(track)],
    ['Warnings', ...stream.warnings.map(sentence)],
    ['Arriving', rate === null || stream.state !== 'live' ? '' : bitrate(rate)],
    ['Watching', [watching.count, watching.by].filter(Boolean).join(': ')],
    ['Made for viewers', ...made(stream.variants)],
  ];
  const text = JSON.stringify(lines);
  if (text === shown) return;
  shown = text;
  facts.replaceChildren(...lines.flatMap(([term, ...rest]) => fact(term, ...rest)));
}

const NAMES = { rtsp: 'RTSP', rtsps: 'RTSPS', whep: 'WHEP', whip: 'WHIP', hls: 'HLS', mjpeg: 'MJPEG', snapshot: 'Snapshot' };

function showAddresses(urls) {
  publish.hidden = !urls.whip;
  if (addresses.childElementCount) return;
  for (const [key, name] of Object.entries(NAMES)) {
    if (!urls[key]) continue;
    addresses.append(h('div', { class: 'address' }, h('span', { class: 'address-name' }, name),
      h('code', { class: 'address-url', tabindex: '0' }, urls[key]), copyButton(`Copy the ${name} address`, () => urls[key])));
  }
}

async function poll() {
  if (!document.hidden && !bare) {
    const stream = await address.info();
    if (stream?.tracks) {
      show(stream);
      showAddresses(stream.urls);
    }
  }
  setTimeout(poll, POLL);
}
poll();
