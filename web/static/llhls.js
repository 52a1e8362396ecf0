// Low-Latency HLS by hls.js, or by the browser itself where it has no Media Source
// Extensions. hls.js comes first: some browsers say that they play HLS, and then do
// it late, or without the picture.

import { RungError } from './rung.js';
import { refusalOf, unreachable } from './gateway.js';
import { Meter } from './meter.js';

/** The rung of HLS: plays the stream at an Address into a video element of its own. */
export function hls(address, makeVideo) {
  return {
    id: 'hls',
    label: 'LL-HLS',
    deadline: 15_000,
    async start(signal) {
      const { default: Hls } = await import('./vendor/hls.min.mjs').catch(() => { throw unreachable(); });
      const video = makeVideo();
      if (!Hls.isSupported() && !video.canPlayType('application/vnd.apple.mpegurl')) {
        throw new RungError('this browser has neither Media Source Extensions nor HLS', { final: true });
      }
      const session = Hls.isSupported() ? new Scripted(Hls, address, video) : new Native(address, video);
      signal.addEventListener('abort', () => session.stop(), { once: true });
      return session;
    },
  };
}

/** What both sessions have in common. */
class Session {
  element;
  ended;
  missing = '';
  made = '';
  over;

  constructor(video) {
    this.element = video;
    this.ended = new Promise((resolve) => { this.over = resolve; });
  }

  get picture() { return true; }

  /** Decoded frames; of sound alone, what was decoded of it. */
  async frames() {
    const { element } = this;
    if (!this.picture) return element.webkitAudioDecodedByteCount ?? Math.floor(element.currentTime * 10);
    return element.getVideoPlaybackQuality?.().totalVideoFrames ?? element.webkitDecodedFrameCount ?? 0;
  }

  async stats() {
    const { element } = this;
    const out = { width: element.videoWidth, height: element.videoHeight, dropped: element.getVideoPlaybackQuality?.().droppedVideoFrames };
    const { buffered, currentTime } = element;
    if (buffered.length) out.buffer = buffered.end(buffered.length - 1) - currentTime;
    return out;
  }

  play() { this.element.play().catch(() => {}); }

  stop() {
    this.over('stopped');
    this.element.removeAttribute('src');
    this.element.load();
  }
}

class Scripted extends Session {
  #hls;
  #recovered = 0;

  #bytes = 0;
  #meter = new Meter(5000);

  constructor(Hls, address, video) {
    super(video);
    const engine = new Hls({
      lowLatencyMode: true,
      enableWorker: false, // fMP4 needs next to no work
      backBufferLength: 10,
      maxLiveSyncPlaybackRate: 1, // until it plays: WebKit's pipeline may hang when it is changed before
      xhrSetup: (xhr) => {
        for (const [name, value] of Object.entries(address.headers)) xhr.setRequestHeader(name, value);
      },
    });
    this.#hls = engine;
    engine.on(Hls.Events.ERROR, (_, data) => this.#failed(Hls, data));
    engine.on(Hls.Events.MANIFEST_PARSED, () => this.play());
    engine.on(Hls.Events.MANIFEST_LOADED, (_, { networkDetails }) => this.#read(networkDetails));
    video.addEventListener('playing', () => { engine.config.maxLiveSyncPlaybackRate = 1.2; }, { once: true });
    engine.on(Hls.Events.FRAG_LOADED, (_, { frag, part }) => { this.#bytes += (part ?? frag).stats.loaded; });
    engine.loadSource(address.url('index.m3u8'));
    engine.attachMedia(video);
  }

  get sound() {
    return this.#hls.audioTracks.length > 0 || this.#hls.levels.some((level) => level.audioCodec);
  }

  get picture() {
    const { levels } = this.#hls;
    return levels.length === 0 || levels.some((level) => level.videoCodec || level.width || !level.audioCodec);
  }

  async stats() {
    const out = await super.stats();
    if (this.#hls.latency > 0) out.latency = this.#hls.latency;
    const level = this.#hls.levels[Math.max(0, this.#hls.currentLevel)];
    [out.codec, out.audioCodec] = [level?.videoCodec ?? '', level?.audioCodec ?? this.#hls.audioTracks[0]?.audioCodec ?? ''];
    out.bitrate = this.#meter.rate(this.#bytes, performance.now()) ?? undefined;
    out.path = 'HTTP';
    return out;
  }

  /** What the gateway says of the tracks that it left out or made. */
  #read(request) {
    this.missing = request?.getResponseHeader?.('X-Camgate-Missing') ?? '';
    this.made = request?.getResponseHeader?.('X-Camgate-Made') ?? '';
  }

  stop() {
    this.#hls.destroy();
    super.stop();
  }

  #failed(Hls, data) {
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !/codec/i.test(data.details) && this.#recovered++ < 2) {
      this.#hls.recoverMediaError();
      return;
    }
    this.over(words(data));
  }
}

class Native extends Session {
  constructor(address, video) {
    super(video);
    video.addEventListener('error', () => this.over(video.error?.message || 'the browser cannot play this'));
    video.crossOrigin = 'anonymous'; // else its pictures could not be read
    video.src = address.url('index.m3u8');
    this.play();
  }

  get sound() { return (this.element.webkitAudioDecodedByteCount ?? 1) > 0; }
}

/** What hls.js says, for people. */
function words(data) {
  const { details, response, networkDetails, error } = data;
  if (/codec/i.test(details)) {
    return `this browser cannot decode what the stream sends${data.mimeType ? ` (${data.mimeType})` : ''}`;
  }
  if (response?.code) return refusalOf(response.code, networkDetails?.responseText ?? '').message;
  if (data.type === 'networkError') return unreachable().message;
  return error?.message || details;
}
