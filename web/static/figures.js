// The numbers of a WebRTC session, out of what RTCPeerConnection.getStats knows.

/** Keeps what is needed between two looks, as most figures are differences. */
export class Figures {
  /** How long it took from the offer to the connection, in ms. */
  connected;
  #last = { at: 0, video: {}, audio: {} };

  /** Decoded frames; without a picture, packets of sound. */
  frames(report, picture) {
    let count = 0;
    report.forEach((s) => {
      if (s.type === 'inbound-rtp' && s.kind === (picture ? 'video' : 'audio')) count = (picture ? s.framesDecoded : s.packetsReceived) ?? 0;
    });
    return count;
  }

  /**
   * {bitrate (bit/s), codec, audioCodec, lost (packets), loss (share, lately), jitter (s), rtt (s),
   * buffered (s, on the way and in the jitter buffer), dropped, freezes, decoder, hardware, path, pair, pairs,
   * connected (ms)}
   */
  read(report, now) {
    const found = { video: {}, audio: {} };
    report.forEach((s) => { if (s.type === 'inbound-rtp' && found[s.kind]) found[s.kind] = s; });
    const { video, audio } = found;
    const main = video.id ? video : audio;
    const [was, passed] = [this.#last, (now - this.#last.at) / 1000];
    const grown = (kind, key) => (found[kind][key] ?? 0) - (was[kind][key] ?? 0);
    const kind = video.id ? 'video' : 'audio';
    const out = {
      ...network(report),
      codec: codec(report, video), audioCodec: codec(report, audio),
      lost: main.packetsLost, jitter: main.jitter, dropped: video.framesDropped, freezes: video.freezeCount,
      decoder: video.decoderImplementation, hardware: video.powerEfficientDecoder, connected: this.connected,
    };
    if (was.at && passed > 0) {
      out.bitrate = Math.max(0, (grown('video', 'bytesReceived') + grown('audio', 'bytesReceived')) * 8 / passed);
      const lost = Math.max(0, grown(kind, 'packetsLost'));
      const all = lost + grown(kind, 'packetsReceived');
      out.loss = all > 0 ? lost / all : 0;
      const emitted = grown(kind, 'jitterBufferEmittedCount');
      if (emitted > 0) out.buffered = grown(kind, 'jitterBufferDelay') / emitted + (out.rtt ?? 0) / 2;
    }
    if (passed >= 0.9 || !was.at) this.#last = { at: now, video, audio };
    return out;
  }
}

/** "H264", "Opus". What profile an offer had says nothing of what is sent. */
function codec(report, stream) {
  const type = (stream.codecId && report.get(stream.codecId)?.mimeType) || '';
  return { 'audio/opus': 'Opus', 'audio/PCMA': 'G711 A-law', 'audio/PCMU': 'G711 µ-law' }[type] ?? type.split('/')[1] ?? '';
}

/** The way through the network: which pair of addresses is used, and what became of the others. */
function network(report) {
  const pairs = [];
  let chosen = null;
  let selected = '';
  report.forEach((s) => { if (s.type === 'transport') selected = s.selectedCandidatePairId ?? ''; });
  report.forEach((s) => {
    if (s.type !== 'candidate-pair') return;
    const [local, remote] = [report.get(s.localCandidateId) ?? {}, report.get(s.remoteCandidateId) ?? {}];
    const pair = {
      path: pathOf(local), local: end(local), remote: end(remote), state: s.state, rtt: s.currentRoundTripTime,
      used: s.id === selected || (!selected && Boolean(s.selected || (s.nominated && s.state === 'succeeded'))),
    };
    pairs.push(pair);
    if (pair.used) chosen = pair;
  });
  return { path: chosen?.path ?? '', pair: chosen, pairs, rtt: chosen?.rtt };
}

/** "UDP", "TCP", or "TURN by TLS" */
function pathOf(candidate) {
  if (candidate.candidateType === 'relay') return `TURN by ${(candidate.relayProtocol ?? 'udp').toUpperCase()}`;
  return (candidate.protocol ?? '').toUpperCase();
}

function end({ address, ip, port, candidateType }) {
  const host = address ?? ip;
  return { address: host ? `${host.includes(':') ? `[${host}]` : host}:${port}` : '', type: candidateType ?? '' };
}

/** The candidates of an answer in words: "UDP 192.0.2.1:8189, TCP 192.0.2.1:8189" */
export function pathWords(sdp) {
  const found = [...sdp.matchAll(/^a=candidate:\S+ 1 (udp|tcp) \d+ (\S+) (\d+)/gim)];
  return [...new Set(found.map(([, protocol, host, port]) => `${protocol.toUpperCase()} ${host.includes(':') ? `[${host}]` : host}:${port}`))].join(', ');
}
