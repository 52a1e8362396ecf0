// Publishing by WHIP (RFC 9725): one POST with our offer, the answer comes back with the
// session's address; PATCH sends addresses that were found later, DELETE ends it.

import { refusal, unreachable } from './gateway.js';
import { iceServers } from './whep.js';

/** How long the offer waits for our own addresses, in ms. */
const GATHERING = 300;
/** How long finding a way through the network may take, in ms. */
const CONNECTING = 10_000;

/** What this browser can encode, in the order in which it is offered: names of codecs. */
export function videoCodecs() {
  const known = globalThis.RTCRtpSender?.getCapabilities?.('video')?.codecs ?? [];
  const names = new Set(known.map((c) => c.mimeType.split('/')[1].toUpperCase()));
  return ['H264', 'VP8', 'VP9', 'AV1'].filter((name) => names.has(name));
}

/** Puts a codec in front of the others; those that are no codecs stay behind. */
export function preferred(codecs, name) {
  const is = (c) => c.mimeType.toUpperCase() === `VIDEO/${name}`;
  return [...codecs.filter(is), ...codecs.filter((c) => !is(c))];
}

/** A session; it says how it is by change(state, reason): 'connecting', 'live', 'ended'. */
export class Publisher {
  #pc;
  #url;
  #change;
  #resource = '';
  #etag = '';
  #late = [];
  #timer = 0;
  #over = false;
  #last = null;

  constructor(url, change) {
    this.#url = url;
    this.#change = change;
  }

  async start(stream, { codec, bitrate }) {
    this.#change('connecting', '');
    try {
      const options = await fetch(this.#url, { method: 'OPTIONS', signal: AbortSignal.timeout(3000) }).catch(() => null);
      const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: iceServers(options?.headers.get('Link') ?? '') });
      this.#pc = pc;
      for (const track of stream.getTracks()) {
        const sendEncodings = track.kind === 'video' && bitrate ? [{ maxBitrate: bitrate }] : [{}];
        const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [stream], sendEncodings });
        const codecs = RTCRtpSender.getCapabilities?.('video')?.codecs;
        if (track.kind === 'video' && codec && codecs) transceiver.setCodecPreferences?.(preferred(codecs, codec));
      }
      pc.onconnectionstatechange = () => this.#follow();
      pc.onicecandidate = ({ candidate }) => this.#trickle(candidate);
      await pc.setLocalDescription();
      await this.#gather();
      const response = await fetch(this.#url, {
        method: 'POST', body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp' },
      }).catch(() => { throw unreachable(); });
      if (response.status !== 201) throw await refusal(response);
      this.#resource = new URL(response.headers.get('Location'), response.url).href;
      this.#etag = response.headers.get('ETag') ?? '';
      const sdp = await response.text();
      if (this.#over) return this.#leave();
      await pc.setRemoteDescription({ type: 'answer', sdp });
      this.#timer = setTimeout(() => {
        if (pc.connectionState !== 'connected') this.stop('no way through the network to the gateway (UDP and TCP tried)');
      }, CONNECTING);
      for (const candidate of this.#late.splice(0)) this.#trickle(candidate);
    } catch (err) {
      this.stop(err.message);
    }
  }

  /** {bitrate (bit/s), lost (0 to 1), fps, width, height, codec, limit}; null: not known yet */
  async stats() {
    if (!this.#pc || this.#over) return null;
    const out = { lost: 0 };
    let bytes = 0, at = 0;
    const report = await this.#pc.getStats();
    report.forEach((s) => {
      if (s.type === 'outbound-rtp') {
        bytes += s.bytesSent ?? 0;
        at = s.timestamp;
        if (s.kind !== 'video') return;
        Object.assign(out, { fps: s.framesPerSecond, width: s.frameWidth, height: s.frameHeight, limit: s.qualityLimitationReason });
        out.codec = report.get(s.codecId)?.mimeType.split('/')[1];
      }
      if (s.type === 'remote-inbound-rtp' && s.kind === 'video') Object.assign(out, { lost: s.fractionLost ?? 0, trip: s.roundTripTime });
    });
    const last = this.#last;
    this.#last = { bytes, at };
    if (last && at > last.at) out.bitrate = (bytes - last.bytes) * 8000 / (at - last.at);
    return out;
  }

  stop(reason = '') {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#pc?.close();
    this.#leave();
    this.#change('ended', reason);
  }

  /** Says good-bye; also works while the page is being left. */
  #leave() {
    if (!this.#resource) return;
    fetch(this.#resource, { method: 'DELETE', keepalive: true }).catch(() => {});
    this.#resource = '';
  }

  #follow() {
    switch (this.#pc.connectionState) {
      case 'connected':
        return this.#over || this.#change('live', '');
      case 'failed':
      case 'closed':
        return this.stop('the connection was lost');
    }
  }

  #gather() {
    const pc = this.#pc;
    return new Promise((resolve) => {
      const done = () => { if (pc.iceGatheringState === 'complete') resolve(); };
      pc.addEventListener('icegatheringstatechange', done);
      setTimeout(resolve, GATHERING);
      done();
    });
  }

  /** Sends a candidate that the offer did not wait for (RFC 8840). */
  #trickle(candidate) {
    if (this.#over) return;
    if (!this.#resource) {
      this.#late.push(candidate);
      return;
    }
    const line = (name) => this.#pc.localDescription.sdp.match(new RegExp(`^${name}.*$`, 'm'))?.[0].trim() ?? '';
    const body = [
      line('a=ice-ufrag:'), line('a=ice-pwd:'), line('m='), line('a=mid:'),
      candidate?.candidate ? `a=${candidate.candidate}` : 'a=end-of-candidates', '',
    ].join('\r\n');
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': this.#etag };
    fetch(this.#resource, { method: 'PATCH', body, headers }).catch(() => {});
  }
}
