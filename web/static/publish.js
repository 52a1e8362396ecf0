// The page from which a stream is published: a camera or the screen, and a microphone.

import { h, say } from './dom.js';
import { Publisher, videoCodecs } from './whip.js';

const byId = (id) => document.getElementById(id);
const form = byId('publish'), preview = byId('preview'), state = byId('state'), reason = byId('reason'), figures = byId('figures');
const url = `/${form.dataset.stream}/whip`;
const STATES = {
  idle: ['quiet', 'Not publishing'], asking: ['busy', 'Asking for the camera'], connecting: ['busy', 'Connecting'],
  live: ['good', 'Live'], ended: ['quiet', 'Stopped'], failed: ['bad', 'Failed'],
};
/** Bits a second for a picture of so many lines. */
const RATES = { 480: 1_200_000, 720: 2_500_000, 1080: 5_000_000, 2160: 14_000_000 };

let stream = null, publisher = null, phase = 'idle', poll = 0;

// For tests and for pages that look into a frame.
Object.defineProperty(window, 'camgatePublish', { get: () => ({ phase, reason: reason.textContent, figures: figures.textContent }) });

function show(next, why = '') {
  phase = next;
  const [tone, text] = STATES[next];
  state.dataset.tone = tone;
  say(state, text);
  say(reason, why ? why[0].toUpperCase() + why.slice(1) : '');
  const busy = ['asking', 'connecting', 'live'].includes(next);
  const [gone, there] = busy ? [byId('start'), byId('stop')] : [byId('stop'), byId('start')];
  const focused = document.activeElement === gone;
  [gone.hidden, there.hidden] = [true, false];
  if (focused) there.focus(); // who has no mouse would have to look for it
  for (const field of form.querySelectorAll('select')) field.disabled = busy;
}

/** What went wrong with a camera or a microphone, in words. */
function trouble(err) {
  switch (err.name) {
    case 'NotAllowedError':
      return 'the browser was not allowed to use it: allow camera and microphone for this page, or choose the screen again';
    case 'NotFoundError':
      return 'there is no such camera or microphone';
    case 'NotReadableError':
      return 'another program uses the camera or the microphone, or it does not answer';
    case 'OverconstrainedError':
      return 'the camera has no such picture: choose another size';
  }
  return err.message || String(err);
}

async function open() {
  const [video, audio, size] = ['video', 'audio', 'size'].map((id) => byId(id).value);
  const lines = Number(size);
  const picture = { height: { ideal: lines }, width: { ideal: Math.round(lines * 16 / 9) }, frameRate: { ideal: 30 } };
  const sound = audio === 'none' ? false : audio === '' ? true : { deviceId: { exact: audio } };
  if (video === 'screen') {
    const screen = await navigator.mediaDevices.getDisplayMedia({ video: picture, audio: audio !== 'none' });
    if (sound && !screen.getAudioTracks().length) {
      const voice = await navigator.mediaDevices.getUserMedia({ audio: sound }).catch(() => null);
      voice?.getAudioTracks().forEach((track) => screen.addTrack(track));
    }
    return screen;
  }
  if (video === 'none' && !sound) throw new Error('choose a picture or a microphone');
  return navigator.mediaDevices.getUserMedia({
    video: video === 'none' ? false : { ...picture, ...(video ? { deviceId: { exact: video } } : {}) }, audio: sound,
  });
}

async function start() {
  show('asking');
  try {
    stream = await open();
  } catch (err) {
    return show('failed', trouble(err));
  }
  preview.srcObject = stream;
  preview.play().catch(() => {});
  for (const track of stream.getTracks()) track.onended = () => publisher?.stop(`${track.kind === 'video' ? 'the picture' : 'the microphone'} is gone`);
  publisher = new Publisher(url, (next, why) => {
    show(next === 'ended' && why ? 'failed' : next, why);
    if (next === 'ended') release();
  });
  list();
  await publisher.start(stream, { codec: byId('codec').value, bitrate: RATES[byId('size').value] });
  poll = setInterval(measure, 1000);
}

function release() {
  clearInterval(poll);
  stream?.getTracks().forEach((track) => { track.onended = null; track.stop(); });
  preview.srcObject = stream = publisher = null;
  figures.replaceChildren();
}

async function measure() {
  const s = await publisher?.stats();
  if (!s || phase !== 'live') return;
  const rows = [
    ['Sending', s.bitrate === undefined ? '' : `${(s.bitrate / 1e6).toFixed(2)} Mbit/s`],
    ['Picture', s.width ? [s.codec, `${s.width} × ${s.height}`, s.fps ? `${Math.round(s.fps)} fps` : ''].filter(Boolean).join(', ') : ''],
    ['Lost', `${(s.lost * 100).toFixed(1)} %`],
    ['There and back', s.trip === undefined ? '' : `${Math.round(s.trip * 1000)} ms`],
    ['Held back by', { cpu: 'this machine is too slow for it', bandwidth: 'the network' }[s.limit] ?? ''],
  ].filter(([, value]) => value);
  figures.replaceChildren(...rows.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

/** Lists cameras and microphones; their names are known once one of them was allowed. */
async function list() {
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  for (const [id, kind, word] of [['video', 'videoinput', 'Camera'], ['audio', 'audioinput', 'Microphone']]) {
    const select = byId(id), chosen = select.value;
    for (const old of select.querySelectorAll('[data-device]')) old.remove();
    devices.filter((d) => d.kind === kind && d.deviceId && d.deviceId !== 'default').forEach((d, i) => {
      select.insertBefore(h('option', { value: d.deviceId, 'data-device': true }, d.label || `${word} ${i + 1}`), select.querySelector('[data-last]'));
    });
    select.value = chosen;
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }
}

form.addEventListener('submit', (event) => { event.preventDefault(); start(); });
byId('stop').addEventListener('click', () => publisher ? publisher.stop() : show('idle'));
addEventListener('pagehide', () => publisher?.stop());

byId('codec').append(...videoCodecs().map((name) => h('option', { value: name }, name)));
if (!navigator.mediaDevices?.getUserMedia) {
  show('failed', `this page was opened by ${location.protocol.slice(0, -1)} from ${location.host}, and browsers give cameras only to pages by https, or from localhost: open it by https (behind a proxy with a certificate), or publish with another program`);
  byId('start').disabled = true;
} else {
  if (!navigator.mediaDevices.getDisplayMedia) byId('video').querySelector('[value="screen"]').remove();
  show('idle');
  list();
  navigator.mediaDevices.addEventListener?.('devicechange', list);
}
