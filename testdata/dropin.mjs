// dropin.mjs - what viewers of other programs do, in a real Chromium, one after the other.
//
//   node testdata/dropin.mjs http://127.0.0.1:8889 mjpg-streamer camera-streamer go2rtc ...
//
// Each is written after the signalling of that program. It prints one JSON line for each:
// {scenario, failures: [...]}.
import { chromium } from 'playwright-core';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [base, ...wanted] = process.argv.slice(2);

// In the page: whether a peer connection shows moving pictures.
const shows = `async (pc) => {
  const stream = await new Promise((resolve) => { pc.ontrack = (e) => e.track.kind === 'video' && resolve(e.streams[0] ?? new MediaStream([e.track])); });
  const video = document.body.appendChild(document.createElement('video'));
  video.muted = true; video.srcObject = stream; video.play();
  for (let n = 0; n < 200; n++) {
    if (video.getVideoPlaybackQuality().totalVideoFrames > 20 && video.videoWidth > 0) return '';
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  return 'no pictures: ' + pc.connectionState + ', ' + video.getVideoPlaybackQuality().totalVideoFrames;
}`;

const image = (page, address) => page.evaluate(async (src) => {
  const img = document.body.appendChild(new Image());
  img.src = src;
  const drawn = async () => {
    for (let n = 0; n < 100 && !img.naturalWidth; n++) await new Promise((resolve) => { setTimeout(resolve, 100); });
    const canvas = new OffscreenCanvas(160, 90);
    canvas.getContext('2d').drawImage(img, 0, 0, 160, 90);
    return [img.naturalWidth, canvas.getContext('2d').getImageData(0, 0, 160, 90).data.reduce((a, b) => (a * 31 + b) | 0, 7)];
  };
  const [width, first] = await drawn();
  let moves = false; // what makes pictures of a size may have to begin: it is waited for as in the other scenarios, not timed
  for (let n = 0; n < 80 && !moves && !src.includes('snapshot') && !src.includes('frame'); n++) {
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    moves = (await drawn())[1] !== first;
  }
  return { width, moves };
}, address);

const scenarios = {
  /** Endless pictures in an <img>, and single ones. */
  async 'mjpg-streamer'(page) {
    const failures = [];
    for (const [address, width] of [['/?action=stream', 1280], ['/webcam/?action=stream&width=320', 320], ['/stream?fps=10&width=640', 640], ['/api/stream.mjpeg?src=demo&w=320', 320]]) {
      const got = await image(page, address);
      if (got.width !== width || !got.moves) failures.push(`${address}: ${JSON.stringify(got)}`);
    }
    for (const [address, width] of [['/?action=snapshot', 1280], ['/webcam/?action=snapshot', 1280], ['/snapshot?width=320', 320], ['/api/frame.jpeg?src=demo', 1280]]) {
      const got = await image(page, address);
      if (got.width !== width) failures.push(`${address}: ${JSON.stringify(got)}`);
    }
    return failures;
  },
  /** The server offers, the viewer answers. */
  async 'camera-streamer'(page) {
    return page.evaluate(`(async () => {
      const ask = (message) => fetch('/webrtc', { method: 'POST', body: JSON.stringify(message) });
      const asked = await ask({ type: 'request', iceServers: null });
      const offer = await asked.json();
      if (asked.status !== 200 || offer.type !== 'offer' || !offer.id) return ['offer: ' + asked.status + JSON.stringify(offer)];
      const pc = new RTCPeerConnection({ iceServers: offer.iceServers ?? [] });
      pc.addTransceiver('video', { direction: 'recvonly' });
      const failures = [];
      pc.onicecandidate = async (e) => {
        if (!e.candidate) return;
        const r = await ask({ id: offer.id, type: 'remote_candidate', candidates: [e.candidate] });
        if (r.status !== 200) failures.push('candidate: ' + r.status);
      };
      const shown = (${shows})(pc);
      await pc.setRemoteDescription(offer);
      await pc.setLocalDescription(await pc.createAnswer());
      const taken = await ask({ type: pc.localDescription.type, id: offer.id, sdp: pc.localDescription.sdp });
      if (taken.status !== 200) failures.push('answer: ' + taken.status + await taken.text());
      const failure = await Promise.race([shown, new Promise((resolve) => { setTimeout(() => resolve('nothing: ' + pc.connectionState), 20000); })]);
      if (failure) failures.push(failure);
      return failures;
    })()`);
  },
  /** Messages by WebSocket. */
  async go2rtc(page) {
    return page.evaluate(`(async () => {
      const ws = new WebSocket(location.origin.replace('http', 'ws') + '/api/ws?src=demo&media=video+audio');
      await new Promise((resolve, reject) => { ws.onopen = resolve; ws.onerror = () => reject(new Error('no WebSocket')); });
      const pc = new RTCPeerConnection();
      const say = (type, value) => ws.send(JSON.stringify({ type, value }));
      for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' });
      pc.onicecandidate = (e) => e.candidate && say('webrtc/candidate', e.candidate.candidate);
      const said = [];
      ws.onmessage = (e) => {
        const m = JSON.parse(e.data);
        said.push(m.type);
        if (m.type === 'webrtc/answer') pc.setRemoteDescription({ type: 'answer', sdp: m.value });
      };
      const shown = (${shows})(pc);
      await pc.setLocalDescription(await pc.createOffer());
      say('webrtc/offer', pc.localDescription.sdp);
      const failure = await Promise.race([shown, new Promise((resolve) => { setTimeout(() => resolve('nothing: ' + pc.connectionState + said), 20000); })]);
      ws.close();
      return failure ? [failure] : [];
    })()`);
  },
  /** The same offer as JSON. */
  async 'go2rtc-json'(page) {
    return page.evaluate(`(async () => {
      const pc = new RTCPeerConnection();
      pc.addTransceiver('video', { direction: 'recvonly' });
      const shown = (${shows})(pc);
      await pc.setLocalDescription(await pc.createOffer());
      const r = await fetch('/api/webrtc?src=demo', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(pc.localDescription) });
      await pc.setRemoteDescription(await r.json());
      const failure = await Promise.race([shown, new Promise((resolve) => { setTimeout(() => resolve('nothing: ' + pc.connectionState), 20000); })]);
      return failure ? [failure] : [];
    })()`);
  },
};

const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'chromium-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true, timeout: 60_000,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  for (const scenario of wanted) {
    const page = await context.newPage();
    // A page of the gateway that does nothing by itself.
    await page.goto(`${base}/healthz`);
    const failures = await scenarios[scenario](page).catch((e) => [e.stack.split('\n').slice(0, 3).join(' ')]);
    console.log(JSON.stringify({ scenario, failures }));
    await page.close();
  }
} finally {
  await context.close();
  fs.rmSync(profile, { recursive: true, force: true });
}
