// talk.mjs - talks to a camera by the page's button in a real Chromium, whose microphone beeps.
//
//   node testdata/talk.mjs http://127.0.0.1:8889/door
//
// It prints {failures: [...]}: two pages talk, one after the other.
import { chromium } from 'playwright-core';

const [url] = process.argv.slice(2);
const failures = [];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'],
});
const context = await browser.newContext({ permissions: ['microphone'] });
const api = async () => (await (await fetch(url.replace(/\/([^/]*)$/, '/api/v1/streams/$1'))).json()).talk;

async function until(what, cond) {
  const end = Date.now() + 15_000;
  while (Date.now() < end) {
    if (await cond()) return;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  failures.push(`not within 15 s: ${what}; ${JSON.stringify(await api())}`);
}

const open = async () => {
  const page = await context.newPage();
  page.on('pageerror', (err) => failures.push(String(err)));
  await page.goto(url);
  return { page, button: page.locator('.stage-talk'), note: page.locator('.player-note[role=status]') };
};
try {
  const [a, b] = [await open(), await open()];
  await a.button.click();
  await until('the first talker is heard', async () => (await a.button.getAttribute('data-talk')) === 'on' && (await api()).talking);
  const { since } = (await api()).talking;
  await b.button.click();
  await until('the second one is refused', async () => /somebody talks already/i.test(await b.note.textContent()));
  if ((await b.page.evaluate(() => document.querySelector('camgate-player').report.phase)) !== 'playing') failures.push('the second one does not see on');
  await new Promise((resolve) => { setTimeout(resolve, 2500); });
  if ((await api()).talking?.since !== since) failures.push('the first one does not talk on');
  await a.button.click();
  await until('the first one has ended', async () => !(await api()).talking);
  await b.button.click();
  await until('the second one is heard', async () => (await api()).talking && (await b.button.getAttribute('data-talk')) === 'on');
  await b.page.close();
  await until('who leaves talks no more', async () => !(await api()).talking);
} catch (err) {
  failures.push(String(err));
}
console.log(JSON.stringify({ failures }));
await browser.close();
