// Talking to a camera that has a loudspeaker. It has a connection of its own, so that
// the picture goes on as it is; docs/talk.md describes it.

import { h, say, icon } from './dom.js';
import { refusal } from './gateway.js';
import { iceServers } from './whep.js';
import { sentence } from './words.js';

const CONNECTING = 8000; // ms
const GONE = new Set(['failed', 'closed', 'disconnected']);

/** The button, and what it tells. */
export class Talk {
  #address = null;
  #run = null;

  constructor() {
    this.button = h('button', { type: 'button', class: 'stage-button stage-talk', hidden: true, onclick: () => this.toggle() }, icon('talk'));
    this.note = h('p', { class: 'player-note', role: 'status', hidden: true });
    this.#show('off', '');
    addEventListener('pagehide', () => this.stop());
  }

  /** Takes what the API says of the stream's back channel; undefined: it has none. */
  offer(address, talk) {
    this.#address = address;
    this.button.hidden = !this.#run && !(talk?.permitted && talk.codec);
  }

  toggle() { return this.#run ? this.stop() : this.start(); }

  stop() {
    this.#run?.abort();
    this.#run = null;
    this.#show('off', '');
  }

  async start() {
    const [run, address] = [new AbortController(), this.#address];
    const { signal } = run;
    this.#run = run;
    this.#show('busy', 'Connecting the microphone');
    let message = '';
    try {
      await this.#talk(address, signal);
      const info = await address.info();
      message = info?.talk?.ended || 'the connection is lost';
    } catch (err) {
      message = err.name === 'NotAllowedError' ? 'the browser does not give this page the microphone' : err.name === 'NotFoundError' ? 'there is no microphone' : err.message;
    }
    if (this.#run !== run) return; // it was stopped, which needs no words
    run.abort();
    this.#run = null;
    this.#show('off', message);
  }

  /** Talks until the signal, or the other side, ends it. */
  async #talk(address, signal) {
    if (!navigator.mediaDevices || !globalThis.RTCPeerConnection) throw new Error('browsers give a microphone to pages by https only');
    const media = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
    const ends = [() => media.getTracks().forEach((track) => track.stop())];
    try {
      signal.throwIfAborted();
      const options = await address.fetch(address.url('whep'), { method: 'OPTIONS', signal: AbortSignal.timeout(2000) }).catch(() => null);
      const pc = new RTCPeerConnection({ iceServers: iceServers(options?.headers.get('Link') ?? '') });
      ends.push(() => pc.close());
      pc.addTransceiver(media.getAudioTracks()[0], { direction: 'sendonly', streams: [media] });
      await pc.setLocalDescription();
      const response = await address.ask(address.url('whep'), { method: 'POST', body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp' }, signal });
      if (response.status !== 201) throw await refusal(response);
      const session = new URL(response.headers.get('Location'), response.url).href;
      ends.push(() => address.fetch(session, { method: 'DELETE', keepalive: true }).catch(() => {}));
      await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
      await this.#until(pc, signal, (state) => state === 'connected', CONNECTING);
      this.#show('on', 'You are heard at the camera');
      await this.#until(pc, signal, (state) => GONE.has(state)).catch(() => {});
    } finally {
      for (const end of ends) end();
    }
  }

  #until(pc, signal, is, limit) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (is(pc.connectionState)) resolve();
        else if (GONE.has(pc.connectionState)) reject(new Error('there is no way to the gateway for sound'));
      };
      pc.addEventListener('connectionstatechange', look);
      signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
      if (limit) setTimeout(() => reject(new Error('there is no way to the gateway for sound')), limit);
      look();
    });
  }

  #show(state, message) {
    const label = state === 'off' ? 'Talk to the camera' : 'End talking';
    this.button.dataset.talk = state;
    this.button.setAttribute('aria-pressed', String(state !== 'off'));
    this.button.setAttribute('aria-label', label);
    this.button.title = `${label} (t)`;
    say(this.note, message && sentence(message));
    this.note.hidden = message === '';
  }
}
