// The numbers over a picture: what plays, how well, and which way it comes.

import { h, say } from './dom.js';
import { arrows, bitrate, plural, sentence } from './words.js';

/** A panel of figures; its rows stay, only their text changes. */
export class Overlay {
  #rows = new Map();
  #list = h('dl');

  constructor() {
    this.element = h('section', { class: 'player-stats', part: 'stats', 'aria-label': 'Statistics', tabindex: '0', hidden: true }, this.#list);
  }

  get hidden() { return this.element.hidden; }
  set hidden(value) { this.element.hidden = value; }

  show(report) {
    const lines = rows(report);
    for (const [term, text] of lines) {
      let row = this.#rows.get(term);
      if (!row) {
        row = [h('dt', {}, term), h('dd')];
        this.#rows.set(term, row);
        this.#list.append(...row);
      }
      say(row[1], text);
      for (const el of row) el.hidden = text === '';
    }
  }
}

/** What there is to tell, as pairs of a term and a text; '' is not shown. */
export function rows({ rung, phase, message, fps, stats: s, steps, missing, made, sound, muted, firstMs }) {
  const label = steps.find((step) => step.id === rung)?.label ?? '';
  const left = steps.filter((step) => step.status === 'failed' && step.reason);
  return [
    ['Plays by', label || sentence(message || phase)],
    ['Instead of', left.map((step) => `${step.label}: ${step.reason}`).join('; ')],
    ['Picture', [s.width && s.height ? `${s.width}×${s.height}` : '', rung && s.width ? `${fps} fps` : '', codecName(s.codec)].filter(Boolean).join(', ')],
    ['Sound', [!rung ? '' : !sound ? 'none' : muted ? 'muted' : 'on', codecName(s.audioCodec)].filter(Boolean).join(', ')],
    ['Made for you', arrows(made)],
    ['Left out', missing],
    ['Bitrate', s.bitrate === undefined ? '' : bitrate(s.bitrate)],
    ['Delay', delay(s)],
    ['Loss', s.loss === undefined ? '' : `${(s.loss * 100).toFixed(s.loss && s.loss < 0.1 ? 1 : 0)} %, ${s.lost} packets so far`],
    ['Jitter', s.jitter === undefined ? '' : ms(s.jitter)],
    ['Trouble', [s.dropped ? `${plural(s.dropped, 'frame')} dropped` : '', s.freezes ? `froze ${s.freezes === 1 ? 'once' : `${s.freezes} times`}` : ''].filter(Boolean).join(', ')],
    ['Decoder', [s.decoder && s.decoder !== 'unknown' ? s.decoder : '', s.hardware ? 'in hardware' : ''].filter(Boolean).join(', ')],
    ['Path', path(s)],
    ['Self-test', selfTest(s)],
    ['First picture', firstMs ? `after ${Math.round(firstMs)} ms` : ''],
  ];
}

/** A codec by the name that people know: "avc1.42c01f" is H264 (RFC 6381). */
export function codecName(codec = '') {
  const known = { avc1: 'H264', avc3: 'H264', hvc1: 'H265', hev1: 'H265', mp4a: 'AAC', opus: 'Opus', av01: 'AV1', vp09: 'VP9' };
  return known[codec.split('.')[0].toLowerCase()] ?? codec;
}

function ms(seconds) { return `${Math.max(0, Math.round(seconds * 1000))} ms`; }

/** How far behind it is, as far as that can be known here. */
export function delay(s) {
  if (s.latency !== undefined) return `${s.latency.toFixed(1)} s behind`;
  if (s.buffered !== undefined) return `${ms(Math.max(0.001, s.buffered))} behind`;
  return '';
}

function path({ path: way, pair, rtt }) {
  if (!way) return '';
  const from = pair ? [pair.remote.address, pair.local.address && `from ${pair.local.address}`].filter(Boolean).join(' ') : '';
  return [way, from, rtt === undefined ? '' : `${ms(rtt)} there and back`].filter(Boolean).join(', ');
}

/** Which ways through the network work. */
function selfTest({ pairs, connected }) {
  if (!pairs?.length) return '';
  const state = { succeeded: 'works', failed: 'no answer', 'in-progress': 'is being tried', waiting: 'not tried yet', frozen: 'not tried yet', cancelled: 'not needed' };
  const seen = new Map();
  for (const pair of pairs) {
    const key = `${pair.path} ${pair.remote.address}`.trim();
    if (!seen.has(key) || pair.state === 'succeeded') seen.set(key, `${key} ${state[pair.state] ?? pair.state}${pair.state === 'succeeded' && pair.rtt !== undefined ? ` (${ms(pair.rtt)})` : ''}`);
  }
  return [...seen.values(), connected === undefined ? '' : `connected in ${Math.round(connected)} ms`].filter(Boolean).join('; ');
}
