// publish.mjs - a real Chromium that publishes by camgate's page, with Chromium's own test
// picture and tone in place of a camera.
//
//   node testdata/publish.mjs http://127.0.0.1:8889 obs H264 [480]
//
// SIMULCAST=1 makes it offer three sizes of the picture.
//
// It prints a JSON line when the page says that it is live, or failed, and another one with
// the page's figures and its screenshot ($SHOTS) when standard input ends, which stops it.
import { chromium } from 'playwright-core';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [base, stream, codec, size = '480'] = process.argv.slice(2);
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'chromium-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true, timeout: 60000,
  viewport: { width: Number(process.env.WIDTH || 1280), height: 900 },
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  ],
});
let ok = false;
try {
  const page = context.pages()[0] || (await context.newPage());
  const errors = [];
  page.on('pageerror', (e) => errors.push(e.message));
  if (process.env.SIMULCAST) {
    await page.addInitScript(() => {
      const add = RTCPeerConnection.prototype.addTransceiver;
      RTCPeerConnection.prototype.addTransceiver = function (track, init = {}) {
        if (track.kind === 'video') init.sendEncodings = ['h', 'm', 'l'].map((rid, i) => ({ rid, scaleResolutionDownBy: 1 << i }));
        return add.call(this, track, init);
      };
    });
  }
  await page.goto(`${base}/${stream}/publish`);
  await page.selectOption('#size', size);
  await page.selectOption('#codec', codec);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  const t0 = Date.now();
  await page.focus('#codec');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter'); // by keyboard alone
  let state = {};
  while (Date.now() - t0 < 20000) {
    state = await page.evaluate(() => window.camgatePublish);
    if (state.phase === 'live' || state.phase === 'failed') break;
    await page.waitForTimeout(20);
  }
  ok = state.phase === 'live' && !overflow && !errors.length;
  console.log(JSON.stringify({ ...state, liveMs: Date.now() - t0, overflow, errors }));
  await new Promise((done) => { process.stdin.on('end', done); process.stdin.on('close', done); process.stdin.resume(); });
  state = await page.evaluate(() => window.camgatePublish);
  if (process.env.SHOTS) await page.screenshot({ path: path.join(process.env.SHOTS, `publish-${codec}.png`) });
  if (process.env.CLOSE) { // as when a tab is closed: the browser goes on, and says what the page wanted said
    await Promise.all([page.waitForEvent('close'), page.close({ runBeforeUnload: true })]);
    const live = async () => (await (await fetch(`${base}/api/v1/streams`)).json()).streams.some((s) => s.state === 'live');
    for (let i = 0; i < 40 && (await live()); i++) await new Promise((done) => { setTimeout(done, 50); });
  } else if (await page.isVisible('#stop')) {
    await page.keyboard.press('Enter'); // Start gave it the focus
    await page.waitForSelector('#start', { timeout: 5000 }).catch(() => errors.push('Stop does not have the focus'));
  }
  console.log(JSON.stringify({ ...state, errors }));
} finally {
  await context.close();
  fs.rmSync(profile, { recursive: true, force: true });
}
process.exit(ok ? 0 : 1);
