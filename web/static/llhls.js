// Low-Latency HLS by hls.js, or by the browser itself where it has no Media Source
// Extensions. hls.js comes first: some browsers say that they play HLS, and then do
// it late, or without the picture.

import { RungError } from './ladder.js';
import { refusalOf, unreachable } from './answers.js';

/** The rung of HLS: plays the playlist at url into a video element of its own. */
export function hls(url, makeVideo) {
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
      const session = Hls.isSupported() ? new Scripted(Hls, url, video) : new Native(url, video);
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
  over;

  constructor(video) {
    this.element = video;
    this.ended = new Promise((resolve) => { this.over = resolve; });
  }

  async frames() {
    return this.element.getVideoPlaybackQuality?.().totalVideoFrames ?? this.element.webkitDecodedFrameCount ?? 0;
  }

  async stats() {
    return { width: this.element.videoWidth, height: this.element.videoHeight };
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

  constructor(Hls, url, video) {
    super(video);
    const engine = new Hls({
      lowLatencyMode: true,
      enableWorker: false, // fMP4 needs next to no work
      backBufferLength: 10,
      maxLiveSyncPlaybackRate: 1.2,
    });
    this.#hls = engine;
    engine.on(Hls.Events.ERROR, (_, data) => this.#failed(Hls, data));
    engine.on(Hls.Events.MANIFEST_PARSED, () => this.play());
    engine.loadSource(url);
    engine.attachMedia(video);
  }

  get sound() {
    return this.#hls.audioTracks.length > 0 || this.#hls.levels.some((level) => level.audioCodec);
  }

  async stats() {
    const out = await super.stats();
    if (this.#hls.latency > 0) out.latency = this.#hls.latency;
    return out;
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
  constructor(url, video) {
    super(video);
    video.addEventListener('error', () => this.over(video.error?.message || 'the browser cannot play this'));
    video.src = url;
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
