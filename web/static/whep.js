// WebRTC by WHEP (draft-ietf-wish-whep): one POST with our offer, the answer comes
// back with the session's address; PATCH sends addresses that were found later,
// DELETE says good-bye.

import { RungError } from './ladder.js';
import { ask, refusal } from './answers.js';

/** How long the offer waits for our own addresses, in ms. The gateway does not need
 * them as long as it can be reached itself. */
const GATHERING = 150;
/** How long a connection may be broken before it is given up, in ms. */
const BROKEN = 4000;
/** How long finding a way through the network may take, in ms. */
const CONNECTING = 5000;

/** The rung of WebRTC: plays url into a video element of its own. */
export function webrtc(url, makeVideo) {
  let servers = null; // asked for once
  return {
    id: 'webrtc',
    label: 'WebRTC',
    deadline: 10_000,
    async start(signal) {
      if (!globalThis.RTCPeerConnection) throw new RungError('this browser has no WebRTC', { final: true });
      servers ??= askForServers(url);
      const session = new Session(url, makeVideo(), await servers);
      signal.addEventListener('abort', () => session.stop(), { once: true });
      try {
        await session.open(signal);
      } catch (err) {
        session.stop();
        throw err;
      }
      return session;
    },
  };
}

/** Asks which STUN and TURN servers to use. Not to know does no harm on most networks. */
async function askForServers(url) {
  try {
    const response = await fetch(url, { method: 'OPTIONS', signal: AbortSignal.timeout(2000) });
    return iceServers(response.headers.get('Link') ?? '');
  } catch {
    return [];
  }
}

/** The servers in a Link header (RFC 9725 section 4.6). */
export function iceServers(link) {
  const servers = [];
  for (const [, urls, rest] of link.matchAll(/<([^>]+)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;,\s"]*))*)/g)) {
    const about = {};
    for (const [, name, quoted, plain] of rest.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;,\s"]*))/g)) {
      about[name.toLowerCase()] = quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1');
    }
    if (about.rel !== 'ice-server') continue;
    servers.push(about.username === undefined ? { urls } : { urls, username: about.username, credential: about.credential });
  }
  return servers;
}

class Session {
  element;
  ended;
  missing = ''; // what the gateway cannot send this way, in its words
  sound = false;
  #url;
  #pc;
  #resource = '';
  #etag = '';
  #late = []; // candidates that the offer did not wait for
  #end;
  #timers = new Set();
  #last = { delay: 0, emitted: 0 };

  constructor(url, video, servers) {
    this.#url = url;
    this.#pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: servers });
    this.element = video;
    this.ended = new Promise((resolve) => { this.#end = resolve; });
  }

  async open(signal) {
    const pc = this.#pc;
    for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' });
    const media = new MediaStream();
    pc.ontrack = ({ track, receiver }) => {
      media.addTrack(track);
      this.#hear(receiver.transport);
    };
    pc.onconnectionstatechange = () => this.#follow();
    await pc.setLocalDescription();
    await this.#gather();
    pc.onicecandidate = ({ candidate }) => this.#trickle(candidate);
    const response = await ask(this.#url, {
      method: 'POST', signal, body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp' },
    });
    if (response.status !== 201 && response.status !== 200) throw await refusal(response);
    const location = response.headers.get('Location');
    if (location) this.#resource = new URL(location, response.url).href;
    this.#etag = response.headers.get('ETag') ?? '';
    this.missing = response.headers.get('X-Camgate-Missing') ?? '';
    const sdp = await response.text();
    if (signal.aborted) return this.#leave();
    await pc.setRemoteDescription({ type: 'answer', sdp });
    const receiving = (kind) => pc.getTransceivers().some((t) => t.receiver.track.kind === kind && t.currentDirection === 'recvonly');
    this.sound = receiving('audio');
    if (!receiving('video')) throw new RungError(this.missing || 'no video that this browser can decode', { final: true });
    this.element.srcObject = media;
    this.element.play().catch(() => {}); // what counts are frames
    this.#after(CONNECTING, () => {
      if (pc.connectionState !== 'connected') this.#over('no way through the network to the gateway (UDP and TCP tried)');
    });
    for (const candidate of this.#late.splice(0)) this.#trickle(candidate);
  }

  async frames() {
    let decoded = 0;
    (await this.#pc.getStats()).forEach((s) => {
      if (s.type === 'inbound-rtp' && s.kind === 'video') decoded = s.framesDecoded ?? 0;
    });
    return decoded;
  }

  /** {width, height, buffered (s, on the way and in the jitter buffer), lost (packets)}
   * The camera and the decoder add to the delay, but nobody here knows how much. */
  async stats() {
    const out = { width: this.element.videoWidth, height: this.element.videoHeight };
    let trip = 0;
    (await this.#pc.getStats()).forEach((s) => {
      if (s.type === 'candidate-pair' && s.nominated) trip = s.currentRoundTripTime ?? trip;
      if (s.type !== 'inbound-rtp' || s.kind !== 'video') return;
      out.lost = s.packetsLost;
      const [delay, emitted] = [s.jitterBufferDelay ?? 0, s.jitterBufferEmittedCount ?? 0];
      if (emitted > this.#last.emitted) out.buffered = (delay - this.#last.delay) / (emitted - this.#last.emitted);
      this.#last = { delay, emitted };
    });
    if (out.buffered !== undefined) out.buffered += trip / 2;
    return out;
  }

  stop() {
    this.#over('stopped');
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#pc.close();
    this.element.srcObject = null;
    this.#leave();
  }

  /** Says good-bye; also works while the page is being left. */
  #leave() {
    if (!this.#resource) return;
    fetch(this.#resource, { method: 'DELETE', keepalive: true }).catch(() => {});
    this.#resource = '';
  }

  #over(reason) { this.#end(reason); }

  #after(ms, f) {
    const timer = setTimeout(() => { this.#timers.delete(timer); f(); }, ms);
    this.#timers.add(timer);
  }

  #follow() {
    switch (this.#pc.connectionState) {
      case 'failed':
        return this.#over('the connection was lost');
      case 'closed':
        return this.#over('the session was closed');
      case 'disconnected':
        return this.#after(BROKEN, () => {
          if (this.#pc.connectionState === 'disconnected') this.#over('the connection was lost');
        });
    }
  }

  /** The gateway's good-bye. Browsers tell of it here and, as if the network had
   * failed, many seconds later in the state of the connection. */
  #hear(transport) {
    transport?.addEventListener('statechange', () => {
      if (transport.state === 'closed') this.#over('the gateway ended the session');
    });
  }

  #gather() {
    const pc = this.#pc;
    return new Promise((resolve) => {
      const done = () => { if (pc.iceGatheringState === 'complete') resolve(); };
      pc.addEventListener('icegatheringstatechange', done);
      this.#after(GATHERING, resolve);
      done();
    });
  }

  /** Sends a late candidate as a fragment of SDP (RFC 8840). */
  #trickle(candidate) {
    if (!this.#resource) {
      this.#late.push(candidate);
      return;
    }
    const sdp = this.#pc.localDescription.sdp;
    const line = (name) => sdp.match(new RegExp(`^${name}.*$`, 'm'))?.[0].trim() ?? '';
    const fragment = [
      line('a=ice-ufrag:'), line('a=ice-pwd:'), line('m='), line('a=mid:'),
      candidate?.candidate ? `a=${candidate.candidate}` : 'a=end-of-candidates', '',
    ].join('\r\n');
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag' };
    if (this.#etag) headers['If-Match'] = this.#etag;
    fetch(this.#resource, { method: 'PATCH', body: fragment, headers }).catch(() => {});
  }
}
