// <camgate-player src="/NAME"> plays a stream: WebRTC, else LL-HLS, else MJPEG. It
// shows the last picture at once, says what plays and why the rest does not, and
// starts again when a session ends. docs/player.md describes its attributes, events
// and methods. Its looks are its own: pages around it do not reach into it.

import { Ladder } from './ladder.js';
import { Address, gatewayOf } from './gateway.js';
import { rungsOf } from './rungs.js';
import { fetchPicture } from './stills.js';
import { showPosters } from './poster.js';
import { h } from './dom.js';
import { Controls } from './controls.js';
import { atGesture, play, remember, remembered } from './sound.js';
import { Presence } from './presence.js';
import { Tempo } from './meter.js';
import { pictureOf, savePicture, showBlob } from './picture.js';
import { fullscreen, pictureInPicture } from './screen.js';

const TICK = 250; // ms between looks at the numbers
const TILE_PATIENCE = 8000; // ms: many players at once are slow by themselves, and no faster by twice the work
const GATEWAY = gatewayOf(import.meta.url);
const RESTART = new Set(['src', 'mode', 'via', 'profile', 'token']);
const NO = new Set(['false', '0', 'no', 'none', 'off']);

/** Whether an attribute says no. */
const denied = (element, name) => NO.has(element.getAttribute(name) ?? '');

class CamgatePlayer extends HTMLElement {
  static observedAttributes = [...RESTART, 'muted', 'stats', 'fit', 'lazy', 'poster'];

  #run = null; // the AbortController of what plays or tries to
  #ladder = null;
  #session = null; // the one that is shown
  #address = null; // of what plays
  #muted = true;
  #blocked = null; // takes back the wish for sound at the next click
  #paused = false; // by pause()
  #stats = {};
  #frames = 0;
  #tempo = new Tempo();
  #first = { from: 0, ms: 0, at: 0 };
  #ui = null;
  #audio = null; // the codec of the stream's sound; '': it has none; null: not known
  #presence = new Presence(this, (online) => {
    this.#arrange();
    if (online) this.#ladder?.nudge();
  });

  connectedCallback() {
    if (!this.#ui) this.#build();
    this.#presence.start(this.hasAttribute('lazy'));
    this.#arrange();
  }

  disconnectedCallback() {
    this.#presence.stop();
    this.#ui.talk.stop();
    this.#stop();
  }

  attributeChangedCallback(name, before, after) {
    if (!this.#ui || before === after) return;
    if (name === 'muted') this.muted = !denied(this, 'muted');
    if (name === 'stats') this.#showStats();
    if (name === 'lazy' && this.isConnected) this.#presence.start(after !== null);
    if (!RESTART.has(name)) return;
    this.#stop();
    if (name === 'src' || name === 'profile') this.#ui.poster.removeAttribute('src');
    this.#arrange();
  }

  /** The stream's name, without its profile. */
  get name() { return new Address(this.getAttribute('src') ?? '', GATEWAY).name; }

  /** What the player does, for tests and for pages that embed it. */
  get report() {
    const [ladder, session] = [this.#ladder, this.#session];
    const steps = ladder?.steps ?? [];
    return {
      stream: this.#address?.name ?? this.name,
      rung: ladder?.rung?.id ?? '', phase: ladder?.phase ?? 'stopped', message: ladder?.message ?? '',
      frames: this.#frames, fps: this.#tempo.fps, stats: { ...this.#stats },
      reasons: Object.fromEntries(steps.map((s) => [s.id, s.reason])), steps,
      picture: session?.picture ?? true, video: session?.element instanceof HTMLVideoElement,
      sound: Boolean(session?.sound), muted: this.#muted, missing: session?.missing ?? '', made: session?.made ?? '',
      firstMs: this.#first.ms, firstAt: this.#first.at,
    };
  }

  /** The element that shows the stream: <video>, <img>, or null. */
  get media() { return this.#session?.element ?? null; }

  get muted() { return this.#muted; }
  set muted(value) {
    this.#muted = Boolean(value);
    this.#blocked?.();
    this.#blocked = null;
    this.#applySound();
    this.#tell();
  }

  toggleMuted() {
    this.muted = !this.muted;
    remember(!this.muted);
  }

  get paused() { return this.#paused; }

  pause() {
    this.#paused = true;
    this.#arrange();
  }

  /** Plays again; what waits for its next attempt tries now. */
  play() {
    this.#paused = false;
    this.#arrange();
    this.#ladder?.nudge();
  }

  fullscreen() { fullscreen(this.#ui.stage, this.media); }

  pictureInPicture() { pictureInPicture(this.media); }

  /** Begins to talk to the camera, or ends it, where that is possible. */
  talk() { if (!this.#ui.talk.button.hidden) this.#ui.talk.toggle(); }

  toggleStats() { this.toggleAttribute('stats'); }

  /** Resolves to a JPEG of what is seen. */
  async snapshot() { return (this.media && await pictureOf(this.media)) ?? fetchPicture(this.#address); }

  /** Downloads a JPEG of what is seen. */
  async save() { savePicture(await this.snapshot(), this.#address.name); }

  hearByHLS() {
    remember(true);
    this.muted = false; // by a click, so the browser allows it
    this.setAttribute('mode', 'hls');
    this.dispatchEvent(new CustomEvent('camgate-mode', { bubbles: true, composed: true }));
  }

  #build() {
    const ui = new Controls(this);
    this.#ui = ui;
    const root = this.attachShadow({ mode: 'open' });
    root.append(h('link', { rel: 'stylesheet', href: new URL('player.css', import.meta.url).href }), ui.stage, ui.below);
    root.addEventListener('keydown', (event) => this.handleKey(event));
    const wish = this.hasAttribute('muted') ? !denied(this, 'muted') : remembered() !== true;
    this.#muted = wish;
    this.#showStats();
    ui.show(this.report, this.#audio);
  }

  /** m, s, c, p, f and t do what the buttons do; a page may pass on the keys that it gets. */
  handleKey(event) {
    const action = { m: 'toggleMuted', s: 'toggleStats', c: 'save', p: 'pictureInPicture', f: 'fullscreen', t: 'talk' }[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    event.preventDefault();
    this[action]();
  }

  /** Starts or stops, as there is somebody who looks. */
  #arrange() {
    const wanted = this.isConnected && !this.#paused && this.name !== '' && this.#presence.looking(this.#listened());
    if (wanted && !this.#run) this.#start();
    if (!wanted && this.#run) this.#stop();
  }

  /** Whether it is of use although nobody sees the page. */
  #listened() {
    return Boolean(this.#session?.sound && !this.#muted) || Boolean(this.media && document.pictureInPictureElement && this.shadowRoot.pictureInPictureElement === this.media);
  }

  async #start() {
    const run = new AbortController();
    this.#run = run;
    this.#first = { from: performance.now(), ms: 0, at: 0 };
    const whole = new Address(this.getAttribute('src') ?? '', GATEWAY, this.getAttribute('token') ?? '');
    this.#address = await whole.profile(this.getAttribute('profile'));
    if (run.signal.aborted) return;
    this.#ui.stage.setAttribute('aria-label', `Player of ${this.name}`);
    const mode = this.getAttribute('mode') ?? this.getAttribute('via') ?? 'auto';
    if (mode === 'poster') return void showPosters(this.#address, this.#ui.poster, () => Number(this.getAttribute('refresh') ?? 60), run.signal);
    this.#showPoster(run.signal);
    this.#frames = 0;
    this.#ladder = new Ladder({
      rungs: rungsOf(mode, { address: this.#address, name: this.name, tile: this.hasAttribute('lazy'), mount: (el) => this.#ui.poster.after(el), shown: () => this.media }),
      stream: () => this.#address.info(),
      visible: () => !document.hidden,
      patience: this.hasAttribute('lazy') ? TILE_PATIENCE : undefined,
      changed: () => this.#follow(run),
    });
    this.#ladder.run(run.signal);
    const timer = setInterval(() => this.#tick(), TICK);
    run.signal.addEventListener('abort', () => clearInterval(timer));
  }

  #stop() {
    if (!this.#run) return;
    this.#keepPicture();
    this.#session?.stop();
    this.#session = null;
    this.#ladder = null;
    this.#run.abort();
    this.#run = null;
    this.#show();
  }

  #showPoster(signal) {
    const { poster } = this.#ui;
    const given = this.getAttribute('poster');
    if (denied(this, 'poster') || poster.classList.contains('has-picture')) return;
    if (given) poster.src = given;
    else if (!this.#address.token) poster.src = this.#address.url('snapshot.jpg');
    else fetchPicture(this.#address, signal).then((blob) => showBlob(poster, blob), () => {});
  }

  /** Brings everything in line with the ladder. */
  #follow(run) {
    const ladder = this.#ladder;
    if (!ladder || run !== this.#run) return;
    if (ladder.phase !== 'playing') this.#keepPicture();
    if (ladder.session !== this.#session) {
      this.#session = ladder.session;
      this.#stats = {};
      this.#frames = 0;
      this.#tempo = new Tempo();
      if (this.#session) {
        const now = performance.now();
        if (!this.#first.ms) this.#first = { ...this.#first, ms: now - this.#first.from, at: now };
        this.media.classList.add('is-shown');
        this.#applySound();
        this.#address.info().then((info) => {
          if (!info?.tracks) return;
          if (!this.hasAttribute('lazy')) this.#ui.talk.offer(this.#address, info.talk);
          this.#audio = info.tracks.find((t) => t.kind === 'audio')?.codec ?? '';
          this.#show();
        });
      }
    }
    this.#show();
    this.#tell();
  }

  #show() {
    const { report } = this;
    [this.dataset.rung, this.dataset.phase] = [report.rung, report.phase];
    this.#ui.show(report, this.#audio);
  }

  async #tick() {
    const session = this.#session;
    if (!session) return;
    try {
      const [frames, stats] = [await session.frames(), await session.stats()];
      if (session !== this.#session) return;
      this.#frames = frames;
      this.#stats = { ...this.#stats, ...stats };
    } catch {
      return; // the session has just ended
    }
    this.dataset.frames = this.#frames;
    if (!this.#tempo.tick(this.#frames, performance.now())) return;
    this.#ui.figures(this.report);
    this.#tell();
  }

  #showStats() {
    this.#ui.overlay.hidden = !this.hasAttribute('stats');
    this.#ui.figures(this.report);
  }

  async #applySound() {
    const element = this.media;
    this.#show();
    if (!(element instanceof HTMLMediaElement)) return;
    if (await play(element, this.#muted)) return;
    // The browser wants a click first; any one will do.
    this.#muted = true;
    this.#blocked?.();
    this.#blocked = atGesture(() => { this.muted = false; });
    this.#show();
    this.#tell();
  }

  /** Keeps the last picture for the time in which nothing plays. */
  async #keepPicture() {
    const { media } = this;
    const picture = media && await pictureOf(media, 0.8);
    if (!picture) return;
    showBlob(this.#ui.poster, picture);
  }

  #tell() { this.dispatchEvent(new CustomEvent('camgate-change', { bubbles: true, composed: true })); }
}

customElements.define('camgate-player', CamgatePlayer);
