// screenshots.mjs - makes the pictures of the pages that the README shows.
//
//   make run                                              (in another terminal)
//   node scripts/screenshots.mjs [http://127.0.0.1:8889 [docs/images]]
//
// It writes player.png (the demo playing) and dashboard.png, each 1280x720. It needs
// Chromium (CHROMIUM names another one than /usr/bin/chromium) and `npm ci` in the
// project's root.
import { chromium } from 'playwright-core';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [base = 'http://127.0.0.1:8889', folder = 'docs/images'] = process.argv.slice(2);
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'screenshots-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  colorScheme: 'light',
  viewport: { width: 1280, height: 720 },
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--autoplay-policy=no-user-gesture-required'],
});
fs.mkdirSync(folder, { recursive: true });
try {
  const player = await browser.newPage();
  await player.goto(`${base}/demo`);
  await player.waitForFunction(() => window.camgate?.phase === 'playing' && window.camgate.fps >= 24, null, { timeout: 20_000 });
  await player.evaluate(flashIsOver);
  await player.screenshot({ path: path.join(folder, 'player.png') });

  const dashboard = await browser.newPage();
  await dashboard.goto(base);
  // With pictures being made anyway, the thumbnail is any picture: each keyframe has a flash.
  await dashboard.evaluate((url) => { new Image().src = url; }, `${base}/demo/mjpeg`);
  await dashboard.waitForTimeout(3000);
  await dashboard.reload();
  await dashboard.waitForTimeout(2500);
  await dashboard.screenshot({ path: path.join(folder, 'dashboard.png') });
} finally {
  await browser.close();
  fs.rmSync(profile, { recursive: true, force: true });
}

/** Waits for the end of the flash that the demo has each second. */
async function flashIsOver() {
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [1280, 720];
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const white = () => {
    context.drawImage(video, 0, 0, 1280, 720);
    return context.getImageData(1180, 120, 1, 1).data[0] > 200; // in the square "sync"
  };
  for (const wanted of [true, false]) {
    while (white() !== wanted) await new Promise((resolve) => { requestAnimationFrame(resolve); });
  }
}
