// How states, codecs and amounts are said.

/** The words for a state, and which of the colours goes with them. */
export const STATES = {
  live: ['Live', 'good'],
  connecting: ['Connecting', 'busy'],
  waiting_keyframe: ['Waiting for a picture', 'busy'],
  stalled: ['Stalled', 'warn'],
  retrying: ['Retrying', 'warn'],
  failed: ['Failed', 'bad'],
  idle: ['Idle', 'quiet'],
};

const PROTOCOLS = { rtsp: 'RTSP', rtsps: 'RTSPS', webrtc: 'WebRTC', hls: 'HLS', mjpeg: 'MJPEG', snapshot: 'Snapshot' };

export function protocol(name) { return PROTOCOLS[name] ?? name; }

/** "H264 High 4.1 · 1280×720 · 25 fps", "AAC · 48 kHz · stereo" */
export function track(t) {
  const profile = t.profile ?? '';
  const parts = [profile.startsWith(t.codec) ? profile : `${t.codec} ${profile}`.trim()];
  if (t.width && t.height) parts.push(`${t.width}×${t.height}`);
  if (t.fps) parts.push(`${round(t.fps)} fps`);
  if (t.kind === 'audio') {
    parts.push(`${round(t.clock_rate / 1000)} kHz`);
    if (t.channels) parts.push({ 1: 'mono', 2: 'stereo' }[t.channels] ?? `${t.channels} channels`);
  }
  return parts.join(' · ');
}

export function bitrate(bitsPerSecond) {
  if (bitsPerSecond >= 1e6) return `${(bitsPerSecond / 1e6).toFixed(bitsPerSecond < 1e7 ? 1 : 0)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
}

/** "3 viewers" and "2 RTSP, 1 WebRTC" of a stream's readers. */
export function viewers(readers) {
  const count = new Map();
  for (const r of readers) count.set(r.protocol, (count.get(r.protocol) ?? 0) + 1);
  const by = [...count].sort(([a], [b]) => (a < b ? -1 : 1)).map(([p, n]) => `${n} ${protocol(p)}`).join(', ');
  return { count: plural(readers.length, 'viewer'), by };
}

export function plural(n, noun) { return `${n} ${noun}${n === 1 ? '' : 's'}`; }

/** A time span in its largest unit: "40 s", "12 min", "3 h", "5 days". */
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return `${s} s`;
  if (s < 90 * 60) return `${Math.round(s / 60)} min`;
  if (s < 36 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}

/** What fills a stream. */
export function source(stream) {
  if (stream.publisher && (!stream.source || stream.source === 'publish')) return `Published by ${stream.publisher}`;
  return { publish: 'Waits for a publisher', demo: 'The built-in demo' }[stream.source] ?? stream.source;
}

/** What is made of a stream for viewers who cannot take it as it is: "audio AAC → Opus, for 2". */
export function made(variants = []) {
  return variants.filter((v) => v.made.length).map((v) => `${arrows(v.made.join(', '))}${v.encoder ? ` (${v.encoder})` : ''}, for ${plural(v.readers, 'viewer')}`);
}

/** "audio AAC -> Opus" as people write it. */
export function arrows(text) { return text.replaceAll('->', '→'); }

/** When the next attempt is due, as the end of a sentence; '' if none is. */
export function nextTry(stream, now) {
  if (!stream.retry_at) return '';
  const ms = Date.parse(stream.retry_at) - now;
  return ms > 500 ? `next try in ${span(ms)}` : 'trying again now';
}

/** Since when the picture is an old one: "offline since 14:05"; '' if it is not. */
export function offline(stream) {
  if (!stream.offline_since) return '';
  const at = new Date(stream.offline_since);
  const today = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return `${stream.still ? 'last picture, ' : ''}offline since ${today ? '' : `${at.toLocaleDateString()} `}${time}`;
}

/** An error of a stream without what its state says already. */
export function cause(error) { return error.replace(/^stream is not ready: /, ''); }

/** The first letter large, as for a sentence. */
export function sentence(text) { return text ? text[0].toUpperCase() + text.slice(1) : ''; }

function round(x) { return Math.round(x * 100) / 100; }

/** What to tell of a stream that is not live. */
export function away({ state, error }) {
  const what = {
    idle: 'The stream is not running',
    connecting: 'Connecting to the source',
    waiting_keyframe: 'Waiting for the first picture of the source',
    stalled: 'The source sends nothing',
    retrying: 'The source is away and is tried again',
    failed: 'The source failed',
    refused: 'The gateway refuses',
  }[state] ?? `The stream is ${state}`;
  return error ? `${what}: ${cause(error)}` : what;
}
