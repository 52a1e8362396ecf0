// browser.mjs - what a real Chromium makes of a stream, in numbers.
//
//   node testdata/browser.mjs http://127.0.0.1:8889 whep=/demo/whep hlsjs=/demo/index.m3u8 mjpeg=/demo/mjpeg page=/demo
//
// It prints one JSON line for each check, and a screenshot each into $SHOTS. The exit
// status is 1 if one of them decoded fewer than $MIN (50) frames. It needs Chromium and
// `npm ci` in the project's root. The test page and hls.js are served by interception,
// from the origin under test, so the server needs no test page and no CORS.
import { chromium } from 'playwright-core';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';

const [base, ...checks] = process.argv.slice(2);
const min = Number(process.env.MIN || 50);
const shots = process.env.SHOTS;
const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
const hlsjs = path.join(path.dirname(createRequire(import.meta.url).resolve('hls.js/package.json')), 'dist/hls.min.js');

// Each check runs in the page and returns { frames, ... }: frames are decoded ones,
// never a guess from currentTime.
const run = {
  async whep({ url, min }) {
    const pc = new RTCPeerConnection();
    const video = document.createElement('video');
    video.muted = video.autoplay = true;
    document.body.append(video);
    for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' });
    const together = new MediaStream();
    pc.ontrack = (e) => { // sound is decoded only where somebody listens, muted or not
      together.addTrack(e.track);
      video.srcObject = together;
      video.play().catch(() => {});
    };
    await pc.setLocalDescription(await pc.createOffer());
    await new Promise((done) => {
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done();
      setTimeout(done, 2000);
    });
    const t0 = performance.now();
    const res = await fetch(url, { method: 'POST', body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp' } });
    const sdp = await res.text();
    if (!res.ok) return { frames: 0, status: res.status, body: sdp.slice(0, 200) };
    await pc.setRemoteDescription({ type: 'answer', sdp });
    let v = {}, a = {}, first = 0;
    while (performance.now() - t0 < 15000) {
      await new Promise((r) => setTimeout(r, 20));
      (await pc.getStats()).forEach((s) => {
        if (s.type === 'inbound-rtp') s.kind === 'video' ? (v = s) : (a = s);
      });
      if (v.framesDecoded && !first) first = performance.now() - t0;
      if (v.framesDecoded >= min) break;
    }
    const out = {
      frames: v.framesDecoded || 0, audioPackets: a.packetsReceived || 0, w: v.frameWidth, h: v.frameHeight,
      audioSamples: a.totalSamplesReceived || 0, audioConcealed: a.concealedSamples || 0, audioEnergy: a.totalAudioEnergy || 0, audioLost: a.packetsLost || 0,
      lost: v.packetsLost, nack: v.nackCount, pli: v.pliCount, freezes: v.freezeCount, dropped: v.framesDropped,
      jitterBuffer: v.jitterBufferDelay / v.jitterBufferEmittedCount, firstMs: Math.round(first), ice: pc.iceConnectionState,
      status: res.status, location: res.headers.get('location'), missing: res.headers.get('x-camgate-missing'), made: res.headers.get('x-camgate-made'),
    };
    const gone = await fetch(res.headers.get('location'), { method: 'DELETE' });
    return { ...out, deleted: gone.status };
  },

  // sound=URL: of a stream without a picture, though one is asked for first: frames are
  // pieces of sound that were decoded.
  async sound({ url, min }) {
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' }), audio = document.createElement('audio');
    audio.autoplay = true;
    for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' });
    const kinds = [];
    pc.ontrack = (e) => {
      kinds.push(e.track.kind);
      audio.srcObject = new MediaStream([e.track]);
      audio.play().catch(() => {});
    };
    await pc.setLocalDescription(await pc.createOffer());
    const res = await fetch(url, { method: 'POST', body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp' } });
    const sdp = await res.text();
    if (!res.ok) return { frames: 0, status: res.status, body: sdp.slice(0, 200) };
    await pc.setRemoteDescription({ type: 'answer', sdp });
    let frames = 0;
    for (const end = performance.now() + 10000; performance.now() < end && frames < min;) {
      await new Promise((r) => setTimeout(r, 100));
      (await pc.getStats()).forEach((s) => {
        if (s.type === 'inbound-rtp' && s.kind === 'audio') frames = Math.floor(((s.totalSamplesReceived || 0) - (s.concealedSamples || 0)) / 960);
      });
    }
    const gone = await fetch(res.headers.get('location'), { method: 'DELETE' });
    return { frames, kinds, sections: sdp.match(/^m=.*$/gm), ice: pc.iceConnectionState, deleted: gone.status };
  },

  // relay=URL: by the TURN servers that the gateway tells of, and by nothing else.
  // restart=URL: with ICE restarts after the first pictures. Both tell of the path.
  async relay({ url, min }) { return whepPath(url, min, { relay: true }); },
  async restart({ url, min }) { return whepPath(url, min, { restarts: 2 }); },

  // sync=/NAME@SECONDS: by how much the demo's beep is heard after its flash is seen, in ms,
  // each second from the one after the first picture on, as the browser hands out pictures
  // and sound to be shown and heard. It is the player's WebRTC that plays, with sound on.
  async sync({ url }) {
    const [name, seconds] = url.split('@');
    const { Address } = await import('/assets/gateway.js');
    const { webrtc } = await import('/assets/whep.js');
    const video = document.createElement('video');
    video.autoplay = true;
    document.body.append(video);
    const flashes = [], beeps = [];
    let frames = 0, samples = 0, first = 0;
    const watch = async (track) => {
      const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
      let on = true, quiet = 0;
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const now = performance.now();
        if (track.kind === 'video') {
          frames++;
          first ||= now;
          const box = { x: Math.round(value.codedWidth * 1168 / 1280) & ~1, y: Math.round(value.codedHeight * 112 / 720) & ~1, width: 2, height: 2 };
          const b = new Uint8Array(value.allocationSize({ rect: box }));
          await value.copyTo(b, { rect: box });
          const bright = b[0] > 160;
          if (bright && !on) flashes.push(now);
          on = bright;
        } else {
          samples += value.numberOfFrames;
          const b = new Float32Array(value.numberOfFrames);
          value.copyTo(b, { planeIndex: 0, format: 'f32-planar' });
          const i = b.findIndex((x) => Math.abs(x) > 0.03);
          if (i >= 0 && quiet > 100) beeps.push(now - (1000 * (b.length - i)) / value.sampleRate);
          quiet = i >= 0 ? 0 : quiet + (1000 * b.length) / value.sampleRate;
        }
        value.close();
      }
    };
    const session = await webrtc(new Address(name, `${location.origin}/`), () => video).start(new AbortController().signal);
    for (const track of video.srcObject.getTracks()) watch(track);
    await new Promise((r) => setTimeout(r, 1000 * seconds));
    session.stop();
    const offsets = flashes.filter((f) => f > first + 1000).map((f) => {
      const near = beeps.reduce((best, b) => (Math.abs(b - f) < Math.abs(best - f) ? b : best), Infinity);
      return Math.round(10 * (near - f)) / 10;
    }).filter((d) => Math.abs(d) < 400);
    return { frames, samples, flashes: flashes.length, beeps: beeps.length, offsets };
  },

  // steady=URL@SECONDS: frames decoded in so many seconds, from 2 s after the first one
  // on: by then the cached pictures have been through.
  async steady({ url }) {
    const [path, seconds] = url.split('@');
    const pc = new RTCPeerConnection(), video = document.createElement('video');
    video.muted = video.autoplay = true;
    document.body.append(video);
    for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' });
    pc.ontrack = (e) => e.track.kind === 'video' && (video.srcObject = new MediaStream([e.track]));
    await pc.setLocalDescription(await pc.createOffer());
    await new Promise((done) => {
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done();
      setTimeout(done, 2000);
    });
    const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
    const stats = async () => {
      let v = {};
      (await pc.getStats()).forEach((s) => { if (s.type === 'inbound-rtp' && s.kind === 'video') v = s; });
      return v;
    };
    const t0 = performance.now();
    const res = await fetch(path, { method: 'POST', body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp' } });
    if (!res.ok) return { frames: 0, status: res.status };
    await pc.setRemoteDescription({ type: 'answer', sdp: await res.text() });
    while (!(await stats()).framesDecoded && performance.now() - t0 < 20000) await sleep(20);
    const firstMs = Math.round(performance.now() - t0);
    await sleep(2000);
    const a = await stats(), t1 = performance.now();
    await sleep(seconds * 1000 - 20);
    const b = await stats(), d = (key) => b[key] - a[key];
    const out = {
      frames: d('framesDecoded'), seconds: (performance.now() - t1) / 1000, firstMs, dropped: d('framesDropped'), lost: d('packetsLost'),
      nacks: d('nackCount'), plis: d('pliCount'), freezes: d('freezeCount'), frozen: d('totalFreezesDuration'),
      jitterBufferMs: Math.round((1000 * d('jitterBufferDelay')) / d('jitterBufferEmittedCount')),
    };
    await fetch(res.headers.get('location'), { method: 'DELETE' });
    return out;
  },

  // shown=URL@AFTER@FOR@T1@T2...: connects at each of the times (Unix ms) and tells which
  // pictures of the demo were shown AFTER ms later, for FOR ms: the row of blocks that
  // says their number, as bits.
  async shown({ url }) {
    const [path, after, during, ...times] = url.split('@');
    const clock = () => performance.timeOrigin + performance.now();
    const sleepUntil = (t) => new Promise((r) => setTimeout(r, t - clock()));
    const play = async (at) => {
      const pc = new RTCPeerConnection(), video = document.createElement('video'), out = { joined: 0, shown: [] };
      video.muted = video.autoplay = true;
      document.body.append(video);
      for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' });
      pc.ontrack = (e) => e.track.kind === 'video' && (video.srcObject = new MediaStream([e.track]));
      pc.onconnectionstatechange = () => { if (pc.connectionState === 'connected') out.joined ||= clock(); };
      await pc.setLocalDescription(await pc.createOffer());
      await new Promise((done) => {
        pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done();
        setTimeout(done, 2000);
      });
      const canvas = document.createElement('canvas');
      canvas.width = 64; canvas.height = 4;
      const g = canvas.getContext('2d', { willReadFrequently: true });
      await sleepUntil(at);
      const res = await fetch(path, { method: 'POST', body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp' } });
      await pc.setRemoteDescription({ type: 'answer', sdp: await res.text() });
      const look = () => {
        const now = clock();
        video.requestVideoFrameCallback(look);
        if (!out.joined || now < out.joined + +after) return;
        g.drawImage(video, 128, 656, 1024, 48, 0, 0, 64, 4);
        const level = [...Array(16).keys()].map((i) => g.getImageData(4 * i + 1, 1, 2, 2).data[0]);
        const middle = (level[0] + level[1] + level[14] + level[15]) / 4;
        out.shown.push({ at: now, bits: level.map((l) => (l > middle ? '1' : '0')).join('') });
      };
      video.requestVideoFrameCallback(look);
      await sleepUntil(at + 1500 + +after + +during);
      pc.close();
      out.shown = out.shown.filter((s) => s.at < out.joined + +after + +during);
      return out;
    };
    const players = await Promise.all(times.map((t) => play(+t)));
    return { frames: players.reduce((n, p) => n + p.shown.length, 0), players };
  },

  async hlsjs({ url, min }) {
    await new Promise((ok, bad) => {
      const s = document.createElement('script');
      s.src = '/__hls.min.js'; s.onload = ok; s.onerror = bad;
      document.head.append(s);
    });
    const video = document.createElement('video'), errs = new Set();
    video.muted = true;
    document.body.append(video);
    // As the player page does: a player that fell behind plays a little faster.
    const hls = new Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.2 });
    let parts = 0, blocking = 0;
    hls.on(Hls.Events.ERROR, (_, d) => errs.add(d.details + (d.fatal ? ' FATAL' : '')));
    hls.on(Hls.Events.FRAG_LOADED, (_, d) => { if (d.part) parts++; });
    hls.on(Hls.Events.LEVEL_LOADED, (_, d) => { if (d.deliveryDirectives?.msn !== undefined) blocking++; });
    hls.loadSource(url);
    hls.attachMedia(video);
    video.play().catch((e) => errs.add(e.message));
    const t0 = performance.now();
    let first = 0, frames = 0;
    while (performance.now() - t0 < 25000) {
      await new Promise((r) => setTimeout(r, 20));
      frames = video.getVideoPlaybackQuality().totalVideoFrames;
      if (frames && !first) first = performance.now() - t0;
      // A player joins a little behind and has a few seconds to catch up.
      if (frames >= min && parts > 5 && (hls.latency < 1.5 || performance.now() - t0 > 12000)) break;
    }
    return {
      frames, audioBytes: video.webkitAudioDecodedByteCount, w: video.videoWidth, h: video.videoHeight, parts, blocking,
      latency: hls.latency, firstMs: Math.round(first), dropped: video.getVideoPlaybackQuality().droppedVideoFrames, errs: [...errs],
    };
  },

  async mjpeg({ url, min }) {
    const img = new Image();
    img.src = url;
    document.body.append(img);
    const canvas = document.createElement('canvas');
    canvas.width = 64; canvas.height = 36;
    const g = canvas.getContext('2d', { willReadFrequently: true });
    const t0 = performance.now();
    let last = 0, frames = 0, first = 0;
    while (performance.now() - t0 < 15000 && frames < min) {
      await new Promise((r) => setTimeout(r, 10));
      if (!img.naturalWidth) continue;
      if (!first) first = performance.now() - t0;
      g.drawImage(img, 0, 0, 64, 36);
      let hash = 0;
      for (const b of g.getImageData(0, 0, 64, 36).data) hash = (hash * 31 + b) | 0;
      if (hash !== last) frames++;
      last = hash;
    }
    return { frames, w: img.naturalWidth, h: img.naturalHeight, firstMs: Math.round(first) };
  },
};

// whepPath plays url by WHEP and tells by which path; it runs in the page.
async function whepPath(url, min, { relay = false, restarts = 0 }) {
  const { iceServers } = await import('/assets/whep.js');
  const options = await fetch(url, { method: 'OPTIONS' });
  const pc = new RTCPeerConnection({
    bundlePolicy: 'max-bundle', iceServers: iceServers(options.headers.get('Link') ?? ''), iceTransportPolicy: relay ? 'relay' : 'all',
  });
  const video = document.createElement('video');
  video.muted = video.autoplay = true;
  document.body.append(video);
  for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' });
  pc.ontrack = (e) => e.track.kind === 'video' && (video.srcObject = new MediaStream([e.track]));
  const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
  const offer = async () => {
    await pc.setLocalDescription(await pc.createOffer());
    for (let i = 0; i < 100 && pc.iceGatheringState !== 'complete'; i++) await sleep(20);
    return pc.localDescription.sdp;
  };
  const stats = async () => {
    const out = { video: {}, pair: {}, dtls: {} }, by = {};
    (await pc.getStats()).forEach((s) => {
      by[s.id] = s;
      if (s.type === 'inbound-rtp' && s.kind === 'video') out.video = s;
      if (s.type === 'transport') out.dtls = s;
    });
    out.pair = by[out.dtls.selectedCandidatePairId] ?? {};
    out.local = by[out.pair.localCandidateId] ?? {};
    return out;
  };
  const play = async (frames) => {
    for (let i = 0; i < 500; i++) {
      const s = await stats();
      if (s.video.framesDecoded >= frames) return s;
      await sleep(20);
    }
    return stats();
  };
  const res = await fetch(url, { method: 'POST', body: await offer(), headers: { 'Content-Type': 'application/sdp' } });
  let answer = await res.text();
  if (!res.ok) return { frames: 0, status: res.status, body: answer.slice(0, 200) };
  await pc.setRemoteDescription({ type: 'answer', sdp: answer });
  const session = res.headers.get('location'), etags = [res.headers.get('etag')], pairs = [];
  let s = await play(min);
  const frozen = s.video.freezeCount; // while it began
  for (let i = 0; i < restarts; i++) {
    pairs.push(s.pair.id);
    pc.restartIce();
    const sdp = await offer();
    const fragment = sdp.split('\r\n').filter((l, n, all) => /^(a=(group|ice-|mid|candidate)|m=)/.test(l) && all.slice(0, n).filter((x) => x.startsWith('m=')).length < 2
      && !(l.startsWith('m=') && all.slice(0, n).some((x) => x.startsWith('m='))));
    const patch = await fetch(session, {
      method: 'PATCH', body: fragment.join('\r\n') + '\r\n', headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' },
    });
    const text = await patch.text();
    if (patch.status !== 200) return { frames: 0, status: patch.status, body: text };
    etags.push(patch.headers.get('etag'));
    for (const name of ['ice-ufrag', 'ice-pwd']) {
      answer = answer.replace(new RegExp(`^a=${name}:.*$`, 'gm'), text.match(new RegExp(`^a=${name}:.*$`, 'm'))[0].trim());
    }
    await pc.setRemoteDescription({ type: 'answer', sdp: answer });
    const before = s.pair.id;
    for (let n = 0; n < 250 && (s.pair.id === before || pc.iceConnectionState !== 'connected'); n++) { await sleep(20); s = await stats(); }
    s = await play(s.video.framesDecoded + min);
  }
  pairs.push(s.pair.id);
  const out = {
    frames: s.video.framesDecoded || 0, status: res.status, lost: s.video.packetsLost, freezes: s.video.freezeCount - frozen, nack: s.video.nackCount,
    path: s.local.candidateType, rtt: s.pair.currentRoundTripTime, dtls: s.dtls.dtlsState, etags: new Set(etags).size, pairs: new Set(pairs).size,
  };
  const gone = await fetch(session, { method: 'DELETE' });
  return { ...out, deleted: gone.status };
}

// page opens camgate's own player and waits until that says it has decoded enough.
// With DETOUR=PORT its offer is answered with candidates at that port alone; when it
// has a picture, the way there is asked to break (an HTTP request to BREAK).
async function playerPage(page, url) {
  const t0 = Date.now(), hosts = new Set(), errors = [];
  page.on('request', (r) => hosts.add(new URL(r.url()).host));
  page.on('pageerror', (e) => errors.push(e.message));
  if (process.env.DETOUR) {
    await page.route(/\/whep$/, async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      const response = await route.fetch();
      const body = (await response.text()).replace(/^a=candidate:.* tcptype .*\r\n/gm, '').replace(/^(a=candidate:\S+ 1 udp \d+ \S+) \d+/gm, `$1 ${process.env.DETOUR}`);
      return route.fulfill({ response, body });
    });
  }
  await page.goto(base + url);
  let state = {};
  if (process.env.DETOUR) {
    while (!(state.frames > 5) && Date.now() - t0 < 15000) {
      await page.waitForTimeout(50);
      state = await page.evaluate(() => ({ ...(window.camgate || {}) }));
    }
    await fetch(process.env.BREAK);
    await page.waitForTimeout(500);
    const before = (await page.evaluate(() => ({ ...(window.camgate || {}) }))).frames;
    const t1 = Date.now();
    while (Date.now() - t1 < 12000) {
      state = await page.evaluate(() => ({ ...(window.camgate || {}) }));
      if (state.frames >= before + min) break;
      await page.waitForTimeout(50);
    }
    return { ...state, frames: (state.frames || 0) - before, errors };
  }
  while (Date.now() - t0 < 25000) {
    state = await page.evaluate(() => ({ ...(window.camgate || {}) }));
    if (state.frames >= min) break;
    await page.waitForTimeout(50);
  }
  return { ...state, frames: state.frames || 0, foreign: [...hosts].filter((h) => h !== new URL(base).host), errors };
}

const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'chromium-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath, headless: true, timeout: 60000,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
    ...(process.env.FLAGS || '').split(' ').filter(Boolean),
  ],
});
let bad = 0;
try {
  const page = context.pages()[0] || (await context.newPage());
  await page.route(base + '/__blank', (r) => r.fulfill({ contentType: 'text/html', body: '<!doctype html><title>t</title><body></body>' }));
  await page.route(base + '/__hls.min.js', (r) => r.fulfill({ contentType: 'text/javascript', body: fs.readFileSync(hlsjs) }));
  for (const check of checks) {
    const [name, ...rest] = check.split('=');
    const url = rest.join('=');
    let result;
    try {
      if (name === 'page') {
        result = await playerPage(page, url);
      } else {
        await page.goto(base + (name === 'steady' ? '/readyz' : '/__blank')); // requests of a made-up page to other than loopback addresses are refused
        if (name === 'relay' || name === 'restart') await page.evaluate(`window.whepPath = ${whepPath}`);
        const late = new Promise((_, no) => setTimeout(() => no(new Error('no result in 60 s')), 60000));
        result = await Promise.race([page.evaluate(run[name], { url, min }), late]);
      }
    } catch (e) {
      result = { frames: 0, error: e.message.split('\n')[0] };
    }
    if (!(result.frames >= min)) bad++;
    console.log(JSON.stringify({ check: name, url, ...result }));
    if (shots) {
      fs.mkdirSync(shots, { recursive: true });
      await page.screenshot({ path: path.join(shots, `${name}.png`) });
    }
  }
} finally {
  await context.close();
  fs.rmSync(profile, { recursive: true, force: true });
}
process.exit(bad ? 1 : 0);
