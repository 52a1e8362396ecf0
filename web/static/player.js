// <camgate-player src="/NAME"> plays a stream: WebRTC, else LL-HLS, else MJPEG.
// It shows the last picture at once, says what plays and why the rest does not, and
// starts again when a session ends. Attributes: src, via (webrtc, hls or mjpeg: only
// that), bare (the picture alone). Its property "report" is its state for others,
// who are told of changes by the event "camgate-change".

import { Ladder } from './ladder.js';
import { streamInfo } from './answers.js';
import { webrtc } from './whep.js';
import { hls } from './llhls.js';
import { mjpeg } from './mjpeg.js';
import { h, say, icon } from './dom.js';
import { sentence } from './words.js';

const TICK = 250; // ms between looks at the numbers
const PHASES = {
  trying: ['Connecting', 'busy'], playing: ['Live', 'good'], away: ['Source away', 'warn'], waiting: ['Waiting', 'warn'],
};

class CamgatePlayer extends HTMLElement {
  static observedAttributes = ['src', 'via'];

  #abort = null;
  #ladder = null;
  #timer = 0;
  #muted = true;
  #session = null; // the one that is shown
  #stats = {};
  #frames = 0;
  #rate = { at: 0, frames: 0, fps: 0 };
  #ui = null;
  #audio = null; // the codec of the stream's sound; '': it has none; null: not known

  connectedCallback() {
    if (!this.#ui) this.#build();
    window.addEventListener('pagehide', this.#leave);
    window.addEventListener('pageshow', this.#back);
    this.#start();
  }

  disconnectedCallback() {
    window.removeEventListener('pagehide', this.#leave);
    window.removeEventListener('pageshow', this.#back);
    this.#stop();
  }

  attributeChangedCallback(name, before, after) {
    if (this.#ui && this.isConnected && before !== after) {
      this.#stop();
      this.#start();
    }
  }

  /** The stream's name. */
  get name() { return (this.getAttribute('src') ?? '').replace(/^\/+|\/+$/g, ''); }

  /** What the player does, for tests and for pages that embed it. */
  get report() {
    const ladder = this.#ladder;
    return {
      rung: ladder?.rung?.id ?? '',
      phase: ladder?.phase ?? 'stopped',
      message: ladder?.message ?? '',
      frames: this.#frames,
      fps: this.#rate.fps,
      stats: { ...this.#stats },
      reasons: Object.fromEntries((ladder?.steps ?? []).map((s) => [s.id, s.reason])),
      steps: ladder?.steps ?? [],
      sound: Boolean(this.#session?.sound),
      missing: this.#session?.missing ?? '',
      muted: this.#muted,
    };
  }

  get muted() { return this.#muted; }
  set muted(value) {
    this.#muted = Boolean(value);
    this.#applySound();
    this.#tell();
  }

  fullscreen() {
    if (document.fullscreenElement) return void document.exitFullscreen();
    const { stage } = this.#ui;
    if (stage.requestFullscreen) stage.requestFullscreen().catch(() => {});
    else this.#session?.element.webkitEnterFullscreen?.(); // phones that only let a video do that
  }

  #build() {
    const poster = h('img', { class: 'player-poster', alt: '', decoding: 'async' });
    poster.addEventListener('load', () => poster.classList.add('has-picture'));
    poster.addEventListener('error', () => poster.classList.remove('has-picture'));
    const pill = h('span', { class: 'pill' });
    const message = h('p', { class: 'player-message', hidden: true });
    const mute = h('button', { type: 'button', class: 'stage-button', onclick: () => { this.muted = !this.muted; } });
    const snapshot = h('a', { class: 'stage-button', 'aria-label': 'Open a snapshot', title: 'Snapshot', target: '_blank' }, icon('camera'));
    const full = h('button', { type: 'button', class: 'stage-button', 'aria-label': 'Fullscreen', title: 'Fullscreen (f)', onclick: () => this.fullscreen() }, icon('full'));
    const numbers = h('p', { class: 'player-numbers' });
    const stage = h('div', { class: 'player-stage' }, poster,
      h('div', { class: 'player-top', role: 'status' }, pill, message),
      h('div', { class: 'player-bar' }, mute, snapshot, full));
    const noteText = h('span');
    const withSound = h('button', { type: 'button', class: 'player-sound', onclick: () => this.#soundByHLS() }, 'Play it with sound by LL-HLS');
    const note = h('p', { class: 'player-note', hidden: true }, noteText, withSound);
    const below = h('div', { class: 'player-below' }, note, numbers);
    this.#ui = { stage, poster, pill, message, mute, snapshot, numbers, note, noteText, withSound };
    this.append(stage, below);
    this.#applySound();
  }

  #start() {
    if (!this.name) return;
    const base = `/${this.name}`;
    const ui = this.#ui;
    if (!ui.poster.classList.contains('has-picture')) ui.poster.src = `${base}/snapshot.jpg`;
    ui.snapshot.href = `${base}/snapshot.jpg`;
    const video = () => {
      const v = h('video', { playsinline: true, autoplay: true, 'aria-label': `Live video of ${this.name}` });
      v.muted = true;
      return v;
    };
    const image = () => h('img', { alt: `Live pictures of ${this.name}` });
    const via = this.getAttribute('via');
    const rungs = [
      this.#shown((make) => webrtc(`${base}/whep`, make), video),
      this.#shown((make) => hls(`${base}/index.m3u8`, make), video),
      this.#shown((make) => mjpeg(`${base}/mjpeg`, make), image),
    ];
    this.#abort = new AbortController();
    this.#frames = 0;
    this.#ladder = new Ladder({
      rungs: rungs.filter((r) => !rungs.some((o) => o.id === via) || r.id === via),
      stream: () => streamInfo(this.name),
      visible: () => !document.hidden,
      changed: () => this.#follow(),
    });
    this.#ladder.run(this.#abort.signal);
    this.#timer = setInterval(() => this.#tick(), TICK);
  }

  #stop() {
    this.#abort?.abort();
    clearInterval(this.#timer);
    this.#keepPicture();
    this.#session?.stop();
    this.#session = null;
    this.#ladder = null;
  }

  #leave = () => this.#stop();
  #back = (event) => { if (event.persisted) this.#start(); };

  /** A rung whose element is in the page for as long as it is of use. */
  #shown(rungOf, make) {
    let element = null;
    const rung = rungOf(() => {
      element = make();
      element.classList.add('player-media');
      this.#ui.stage.prepend(element);
      return element;
    });
    return {
      ...rung,
      start: async (signal) => {
        element = null;
        const mine = () => { const e = element; return () => e?.remove(); };
        let remove = () => element?.remove();
        signal.addEventListener('abort', () => remove(), { once: true });
        const session = await rung.start(signal);
        remove = mine();
        const stop = session.stop.bind(session);
        session.stop = () => { stop(); remove(); };
        if (signal.aborted) session.stop();
        return session;
      },
    };
  }

  /** Brings the page in line with the ladder. */
  #follow() {
    const ladder = this.#ladder;
    if (!ladder) return;
    if (ladder.phase !== 'playing') this.#keepPicture();
    if (ladder.session !== this.#session) {
      this.#session = ladder.session;
      this.#stats = {};
      this.#frames = 0;
      this.#rate = { at: 0, frames: 0, fps: 0 };
      this.#session?.element.classList.add('is-shown');
      this.#applySound();
      if (this.#session) this.#learnAudio();
    }
    const ui = this.#ui;
    const [word, tone] = PHASES[ladder.phase];
    say(ui.pill, ladder.phase === 'playing' ? `${word} · ${ladder.rung.label}` : word);
    ui.pill.dataset.tone = tone;
    say(ui.message, ladder.phase === 'playing' ? '' : sentence(ladder.message));
    ui.message.hidden = ui.message.textContent === '';
    this.dataset.rung = ladder.rung?.id ?? '';
    this.dataset.phase = ladder.phase;
    this.#tell();
  }

  async #tick() {
    const session = this.#session;
    if (!session) return say(this.#ui.numbers, '');
    try {
      const [frames, stats] = [await session.frames(), await session.stats()];
      if (session !== this.#session) return;
      this.#frames = frames;
      this.#stats = { ...this.#stats, ...stats };
    } catch {
      return; // the session has just ended
    }
    this.dataset.frames = this.#frames;
    const now = performance.now();
    if (now - this.#rate.at >= 1000) {
      const passed = (now - this.#rate.at) / 1000;
      const fps = this.#rate.at ? (this.#frames - this.#rate.frames) / passed : 0;
      this.#rate = { at: now, frames: this.#frames, fps: Math.max(0, Math.round(fps)) };
      this.#showNumbers();
      this.#tell();
    }
  }

  #showNumbers() {
    const { width, height, latency, buffered } = this.#stats;
    const parts = [this.#ladder.rung?.label];
    if (width && height) {
      parts.push(`${width}×${height}`);
      this.#ui.stage.style.aspectRatio = `${width} / ${height}`;
    }
    if (this.#rate.fps) parts.push(`${this.#rate.fps} fps`);
    if (latency !== undefined) parts.push(latency < 1 ? `${Math.max(1, Math.round(latency * 1000))} ms behind` : `${latency.toFixed(1)} s behind`);
    if (buffered !== undefined) parts.push(`${Math.max(1, Math.round(buffered * 1000))} ms buffered`);
    say(this.#ui.numbers, parts.join(' · '));
  }

  #applySound() {
    const { mute, note, noteText, withSound } = this.#ui;
    const session = this.#session;
    const label = this.#ladder?.rung?.label ?? '';
    if (session && 'muted' in session.element) {
      session.element.muted = this.#muted;
      if (!this.#muted) session.element.play().catch(() => { this.muted = true; });
    }
    const silent = Boolean(session) && !session.sound;
    mute.disabled = !session || silent;
    mute.replaceChildren(icon(this.#muted || silent ? 'muted' : 'sound'));
    const action = silent ? 'No sound' : this.#muted ? 'Unmute' : 'Mute';
    mute.setAttribute('aria-label', action);
    mute.title = `${action} (m)`;
    const missing = session?.missing ?? '';
    // The gateway may have left out more than sound; silence is only worth a word if there is any sound.
    const text = session && silent && this.#audio !== '' ? `No sound over ${label}${missing ? `: ${missing}` : ''}` : missing && session && !silent ? `Left out over ${label}: ${missing}` : '';
    say(noteText, text);
    withSound.hidden = this.#ladder?.rung?.id === 'hls' || !['AAC', 'Opus'].includes(this.#audio);
    note.hidden = text === '';
  }

  async #learnAudio() {
    const info = await streamInfo(this.name);
    if (!info) return;
    this.#audio = info.tracks.find((t) => t.kind === 'audio')?.codec ?? '';
    this.#applySound();
  }

  #soundByHLS() {
    this.#muted = false; // by a click, so the browser allows it
    this.setAttribute('via', 'hls');
    this.dispatchEvent(new CustomEvent('camgate-via', { bubbles: true }));
  }

  /** Keeps the last picture for the time in which nothing plays. */
  #keepPicture() {
    const element = this.#session?.element;
    const [width, height] = [element?.videoWidth || element?.naturalWidth, element?.videoHeight || element?.naturalHeight];
    if (!width || !height) return;
    const canvas = h('canvas', { width, height });
    try {
      canvas.getContext('2d').drawImage(element, 0, 0);
      this.#ui.poster.src = canvas.toDataURL('image/jpeg', 0.8);
    } catch {
      // Then the one before stays.
    }
  }

  #tell() { this.dispatchEvent(new CustomEvent('camgate-change', { bubbles: true })); }
}

customElements.define('camgate-player', CamgatePlayer);
