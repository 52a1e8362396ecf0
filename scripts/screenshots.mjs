// screenshots.mjs - makes the pictures of the pages that README and docs/player.md show.
//
//   node scripts/screenshots.mjs ./camgate [docs/img]
//
// It runs a gateway of its own with some cameras, of which one is away. It needs Chromium
// (CHROMIUM names another one than /usr/bin/chromium) and `npm ci` in the project's root.
import { chromium } from 'playwright-core';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [program = './camgate', folder = 'docs/img'] = process.argv.slice(2);
const base = 'http://127.0.0.1:18880';
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'screenshots-'));
fs.writeFileSync(path.join(dir, 'camgate.yaml'), `
http: {address: 127.0.0.1:18880}
rtsp: {address: 127.0.0.1:18881, rtp_address: 127.0.0.1:18882, rtcp_address: 127.0.0.1:18883}
webrtc: {address: 127.0.0.1:18884}
streams:
  front-door: {source: demo, profiles: {sub: {size: 640x360, fps: 25, bitrate: 600k}}}
  garage: {source: "rtsp://127.0.0.1:9/main"}
  printer: {source: demo}
  studio: {source: publish}
  yard: {source: demo}
`);
const gateway = spawn(program, ['-c', path.join(dir, 'camgate.yaml')], { stdio: 'ignore' });
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
while (!(await fetch(`${base}/readyz`).catch(() => null))?.ok) await sleep(50);

const browser = await chromium.launchPersistentContext(path.join(dir, 'profile'), {
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});
fs.mkdirSync(folder, { recursive: true });

const desktop = { width: 1180, height: 720 };
const phone = { width: 390, height: 760 };
const refuse = (page) => page.route('**/whep', (route) => route.fulfill({ status: 406, contentType: 'application/json', body: '{"error": "video H265: this browser has no such codec"}' }));
const playing = (page) => page.waitForFunction(() => window.camgate?.phase === 'playing' && window.camgate.fps >= 20, null, { timeout: 20_000 });
const tiles = (page) => page.waitForFunction(() => {
  const players = [...document.querySelectorAll('.tile camgate-player[src]')];
  return players.length > 2 && players.every((p) => p.report.phase === 'playing');
}, null, { timeout: 20_000 });
const cards = (page) => page.waitForFunction(() => {
  const posters = [...document.querySelectorAll('.card[data-tone="good"] camgate-player')];
  return posters.length > 2 && posters.slice(0, 2).every((p) => p.shadowRoot.querySelector('.has-picture'));
}, null, { timeout: 20_000 });

const shots = [
  ['dashboard', '/?view=list', desktop, 'light', cards],
  ['dashboard-phone', '/?view=list', phone, 'dark', cards],
  ['grid', '/?view=grid', desktop, 'dark', tiles],
  ['grid-phone', '/?view=grid', phone, 'light', tiles],
  ['player', '/yard', desktop, 'light', playing],
  ['player-stats', '/yard?stats=1', desktop, 'dark', playing],
  ['player-phone', '/yard?via=hls', phone, 'dark', playing],
  ['away', '/garage', phone, 'light', () => sleep(2500)],
  ['ladder', '/yard', desktop, 'light', playing, refuse, (page) => page.evaluate(() => scrollTo(0, 400))],
  ['error', '/nosuch', desktop, 'dark', () => sleep(300)],
];

try {
  for (const [name, url, viewport, colorScheme, ready, before, after] of shots) {
    const page = await browser.newPage();
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await before?.(page);
    await page.goto(base + url);
    await ready(page);
    await after?.(page);
    await sleep(1500);
    await flashIsOver(page);
    const file = path.join(folder, `${name}.jpg`);
    for (const quality of [86, 80, 72, 64, 55]) { // what is kept is kept small
      await page.screenshot({ path: file, type: 'jpeg', quality });
      if (fs.statSync(file).size < 58_000) break;
    }
    console.log(file, fs.statSync(file).size);
    await page.close();
  }
} finally {
  await browser.close();
  gateway.kill();
  fs.rmSync(dir, { recursive: true, force: true });
}

/** Waits until it is not the moment of the flash that the demo has each second. */
async function flashIsOver(page) {
  await page.evaluate(async () => {
    const roots = [...document.querySelectorAll('camgate-player')].map((p) => p.shadowRoot);
    const video = roots.map((root) => root.querySelector('video.is-shown')).find(Boolean);
    if (!video) return;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [1280, 720];
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const white = () => {
      context.drawImage(video, 0, 0, 1280, 720);
      return context.getImageData(1180, 120, 1, 1).data[0] > 200; // in the square "sync"
    };
    const end = performance.now() + 3000;
    for (const wanted of [true, false]) {
      while (white() !== wanted && performance.now() < end) await new Promise((resolve) => { requestAnimationFrame(resolve); });
    }
  });
}
