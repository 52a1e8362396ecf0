// WebRTC by WHEP (draft-ietf-wish-whep): one POST with our offer, the answer comes
// back with the session's address; PATCH sends addresses that were found later,
// DELETE says good-bye.

import { RungError } from './rung.js';
import { refusal } from './gateway.js';
import { Figures, pathWords } from './figures.js';
import { LOOK, Lips } from './lips.js';

/** How long a connection may be broken before it is given up, in ms. */
const BROKEN = 4000;
/** How long finding a way through the network may take, in ms. */
const CONNECTING = 6000;
/** How long an ICE restart may take, in ms, and how long until there may be another one. */
const RESTARTING = [3000, 10_000];

/** The rung of WebRTC: plays the stream at an Address into a video element of its own. */
export function webrtc(address, makeVideo) {
  return {
    id: 'webrtc',
    label: 'WebRTC',
    deadline: 10_000,
    async start(signal) {
      if (!globalThis.RTCPeerConnection) throw new RungError('this browser has no WebRTC', { final: true });
      const servers = askForServers(address); // each time: credentials end
      const video = makeVideo();
      // Some browsers cannot take the first part of their offer for refused: a stream
      // without a picture is asked for its sound alone.
      for (const kinds of [['video', 'audio'], ['audio']]) {
        const session = new Session(address, video, servers, kinds);
        signal.addEventListener('abort', () => session.stop(), { once: true });
        try {
          if (await session.open(signal)) return session;
        } catch (err) {
          session.stop();
          throw err;
        }
        session.stop();
      }
      throw new RungError('nothing that this browser can decode', { final: true });
    },
  };
}

/** Asks which STUN and TURN servers to use. Not to know does no harm on most networks. */
async function askForServers(address) {
  try {
    const response = await address.fetch(address.url('whep'), { method: 'OPTIONS', signal: AbortSignal.timeout(2000) });
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
  made = ''; // what it makes anew for us
  sound = false;
  picture = true;
  #address;
  #pc;
  #resource = '';
  #etag = '';
  #late = []; // candidates that were found before there was a session, or while ICE restarts
  #answer = '';
  #restarting = false;
  #restarted = false; // not long ago
  #end;
  #timers = new Set();
  #figures = new Figures();
  #asked = 0; // when the offer went out

  #servers;
  #kinds;

  constructor(address, video, servers, kinds) {
    this.#address = address;
    this.#servers = servers;
    this.#kinds = kinds;
    this.#pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.element = video;
    this.ended = new Promise((resolve) => { this.#end = resolve; });
  }

  /** Resolves to false when there is sound only, but more was asked for. */
  async open(signal) {
    const pc = this.#pc;
    for (const kind of this.#kinds) pc.addTransceiver(kind, { direction: 'recvonly' });
    const media = new MediaStream();
    pc.ontrack = ({ track, receiver }) => {
      media.addTrack(track);
      this.#hear(receiver.transport);
    };
    pc.onconnectionstatechange = () => this.#follow();
    pc.onicecandidate = ({ candidate }) => this.#trickle(candidate);
    const [offer, iceServers] = await Promise.all([pc.createOffer(), this.#servers]); // a key takes a while to make
    if (iceServers.length) pc.setConfiguration({ bundlePolicy: 'max-bundle', iceServers });
    await pc.setLocalDescription(offer);
    this.#asked = performance.now();
    // It does not wait for our own addresses: the gateway learns them from our checks.
    const response = await this.#address.ask(this.#address.url('whep'), {
      method: 'POST', signal, body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp' },
    });
    if (response.status !== 201 && response.status !== 200) throw await refusal(response);
    const location = response.headers.get('Location');
    if (location) this.#resource = new URL(location, response.url).href;
    this.#etag = response.headers.get('ETag') ?? '';
    this.missing = response.headers.get('X-Camgate-Missing') ?? '';
    this.made = response.headers.get('X-Camgate-Made') ?? '';
    const sdp = this.#answer = await response.text();
    if (signal.aborted) throw new RungError('');
    if (this.#kinds.length > 1 && /^m=video 0 /m.test(sdp) && /^m=audio [1-9]/m.test(sdp)) return false;
    await pc.setRemoteDescription({ type: 'answer', sdp });
    const receiving = (kind) => pc.getTransceivers().some((t) => t.receiver.track.kind === kind && t.currentDirection === 'recvonly');
    this.sound = receiving('audio');
    this.picture = receiving('video');
    if (!this.picture && (!this.sound || /video/i.test(this.missing))) {
      throw new RungError(this.missing || 'nothing that this browser can decode', { final: true });
    }
    this.element.srcObject = media;
    this.element.play().catch(() => {}); // what counts are frames
    this.#after(CONNECTING, async () => {
      if (pc.connectionState !== 'connected') this.#over(await this.#noWay(sdp));
    });
    for (const candidate of this.#late.splice(0)) this.#trickle(candidate);
    if (this.sound && this.picture) this.#together(pc.getReceivers().find(({ track }) => track.kind === 'video'), new Lips());
    return true;
  }

  /** Has pictures wait for the sound while somebody listens. */
  async #together(receiver, lips) {
    const report = this.element.muted ? null : await this.#pc.getStats().catch(() => null);
    if (this.#pc.connectionState === 'closed') return;
    receiver.jitterBufferTarget = report && lips.wait(report);
    this.#after(LOOK, () => this.#together(receiver, lips));
  }

  /** Decoded frames; of sound alone, packets that came. */
  async frames() { return this.#figures.frames(await this.#pc.getStats(), this.picture); }

  /** Resolves to false when the gateway does not know the session any more. Who asks has
   * not seen a picture for a while: it looks for another way, too. */
  async alive() {
    if (!this.#resource) return true;
    if (!this.#restarted) return this.#restart();
    const response = await this.#address.fetch(this.#resource, this.#fragment(null)).catch(() => null);
    return response?.status !== 404;
  }

  /** See Figures. The camera and the decoder add to the delay, but nobody here knows how much. */
  async stats() {
    const out = this.#figures.read(await this.#pc.getStats(), performance.now());
    return { width: this.element.videoWidth, height: this.element.videoHeight, ...out };
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
    this.#address.fetch(this.#resource, { method: 'DELETE', keepalive: true }).catch(() => {});
    this.#resource = '';
  }

  #over(reason) { this.#end(reason); }

  #after(ms, f) {
    const timer = setTimeout(() => { this.#timers.delete(timer); f(); }, ms);
    this.#timers.add(timer);
  }

  #follow() {
    switch (this.#pc.connectionState) {
      case 'connected':
        this.#figures.connected ??= performance.now() - this.#asked;
        return;
      case 'failed':
        return this.#over('the connection was lost');
      case 'closed':
        return this.#over('the session was closed');
      case 'disconnected':
        this.#restart();
        return this.#after(BROKEN, () => {
          if (this.#pc.connectionState !== 'connected') this.#over('the connection was lost');
        });
    }
  }

  /** Looks for another way to the gateway (RFC 9725 section 4.3.3): the network may have
   * changed. The old one stays in use, should it come back. Resolves to false when the
   * gateway does not know the session any more. */
  async #restart() {
    if (this.#restarted || !this.#resource) return true;
    this.#restarting = this.#restarted = true;
    this.#after(RESTARTING[1], () => { this.#restarted = false; });
    const pc = this.#pc, signal = AbortSignal.timeout(RESTARTING[0]);
    try {
      const servers = await askForServers(this.#address);
      if (servers.length) pc.setConfiguration({ ...pc.getConfiguration(), iceServers: servers });
      await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
      const response = await this.#address.fetch(this.#resource, { ...this.#fragment(null, '*'), signal });
      if (response.status === 404) return false;
      if (response.status !== 200) throw await refusal(response);
      this.#answer = renewed(this.#answer, await response.text());
      this.#etag = response.headers.get('ETag') ?? '';
      await pc.setRemoteDescription({ type: 'answer', sdp: this.#answer });
    } catch {
      if (pc.signalingState === 'have-local-offer') pc.setLocalDescription({ type: 'rollback' }).catch(() => {});
    } finally {
      this.#restarting = false;
      for (const candidate of this.#late.splice(0)) this.#trickle(candidate);
    }
    return true;
  }

  /** Tells which addresses of the gateway were tried without success. */
  async #noWay(sdp) {
    const tried = pathWords(sdp);
    return `no way through the network to the gateway${tried ? `: ${tried} did not answer` : ''}`;
  }

  /** The gateway's good-bye. Browsers tell of it here and, as if the network had
   * failed, many seconds later in the state of the connection. */
  #hear(transport) {
    transport?.addEventListener('statechange', () => {
      if (transport.state !== 'closed') return;
      this.#resource = ''; // nobody is left to say good-bye to
      this.#over('the gateway ended the session');
    });
  }

  /** Sends a late candidate. */
  #trickle(candidate) {
    if (!this.#resource || this.#restarting) {
      this.#late.push(candidate);
      return;
    }
    this.#address.fetch(this.#resource, this.#fragment(candidate)).catch(() => {});
  }

  /** A request with a candidate (null: there are no more) as a fragment of SDP (RFC 8840). */
  #fragment(candidate, match = this.#etag) {
    const line = (name) => lineOf(this.#pc.localDescription.sdp, name);
    const body = [
      line('a=ice-ufrag:'), line('a=ice-pwd:'), line('m='), line('a=mid:'),
      candidate?.candidate ? `a=${candidate.candidate}` : 'a=end-of-candidates', '',
    ].join('\r\n');
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag' };
    if (match) headers['If-Match'] = match;
    return { method: 'PATCH', body, headers };
  }
}

/** The first line of SDP that begins so. */
function lineOf(sdp, beginning) {
  return sdp.match(new RegExp(`^${beginning}.*$`, 'm'))?.[0].trim() ?? '';
}

/** An answer with the credentials and candidates of a fragment (RFC 8840). */
function renewed(answer, fragment) {
  const candidate = /^a=(candidate:|end-of-candidates)/;
  const lines = answer.split('\r\n').filter((line) => !candidate.test(line))
    .map((line) => (/^a=ice-(ufrag|pwd):/.test(line) ? lineOf(fragment, line.slice(0, line.indexOf(':') + 1)) : line));
  const at = lines.indexOf(lineOf(fragment, 'a=mid:')); // in the section that stands for all
  if (at >= 0) lines.splice(at + 1, 0, ...fragment.split('\r\n').filter((line) => candidate.test(line)));
  return lines.join('\r\n');
}
