// others.mjs - camgate's pages in Firefox and WebKitGTK: what they play, and why not better.
//
//   node testdata/others.mjs http://127.0.0.1:8889 firefox=/demo@hls publish=obs@webrtc 'webkit=/demo?via=mjpeg@mjpeg'
//
// It prints a JSON line for each page: {scenario, failures: [...], rung, reasons, ...}. The
// exit status is 1 if one has failures. A page counts as played when frames go on coming by the
// rung behind the "@", which is the best one there.
import { firefox, webkit } from './drivers.mjs';

const [base, ...wanted] = process.argv.slice(2);
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const MORE = 25; // frames, beyond those that were there when a rung began to count as playing

/** Asks the page again and again until it answers as wanted. */
async function until(browser, script, cond, what, limit = 30_000) {
  let last;
  for (const end = Date.now() + limit; Date.now() < end; await sleep(100)) {
    last = await browser.run(script).then((text) => JSON.parse(text ?? 'null'), (e) => ({ error: e.message })); // between two pages, for one
    if (last && !last.error && cond(last)) return last;
  }
  throw Object.assign(new Error(`not within ${limit / 1000} s: ${what}`), { last });
}

const REPORT = 'return window.camgate ? JSON.stringify({...camgate, managed: Boolean(window.ManagedMediaSource), webrtc: Boolean(window.RTCPeerConnection)}) : null';

/** Plays a page for so long that it is sure to go on. */
async function view(browser, url, rung) {
  await browser.go(base + url);
  const plays = (frames) => (r) => r.rung === rung && r.phase === 'playing' && r.frames >= frames;
  const first = await until(browser, REPORT, plays(1), `${url} plays by ${rung}`);
  const r = await until(browser, REPORT, plays(first.frames + MORE), `${url} goes on by ${rung}`);
  const failures = [];
  for (const step of r.steps) {
    if (step.id === r.rung) break;
    if (!step.reason) failures.push(`no reason why ${step.id} does not play`);
  }
  return { failures, rung: r.rung, reasons: r.reasons, picture: r.picture, sound: r.sound, frames: r.frames, codec: r.stats.codec, width: r.stats.width, managed: r.managed, webrtc: r.webrtc };
}

/** Publishes by the page, and looks at it by another tab. */
async function publish(browser, stream, rung) {
  await browser.go(`${base}/${stream}/publish`);
  await until(browser, 'return JSON.stringify(document.querySelector(\'#codec\')?.options.length ?? 0)', (n) => n > 0, 'the page');
  await browser.run("document.querySelector('#codec').value = 'VP8'; document.querySelector('#codec').dispatchEvent(new Event('change')); document.querySelector('#start').click();");
  await until(browser, 'return JSON.stringify(window.camgatePublish ?? null)', (s) => s.phase === 'live', 'it is published');
  await browser.tab();
  return view(browser, `/${stream}`, rung);
}

let bad = false;
async function scene(name, f) {
  let out = { failures: [] };
  try {
    out = await f();
  } catch (e) {
    out.failures.push(`${e.message} ${JSON.stringify({ ...e.last, steps: undefined, stats: undefined })}`);
  }
  bad ||= out.failures.length > 0;
  console.log(JSON.stringify({ scenario: name, ...out }));
}

const browsers = {};
const browser = async (name) => (browsers[name] ??= await { firefox, webkit }[name]());
try {
  for (const item of wanted) {
    const [, name, what, rung] = item.match(/^(\w+)=(.*)@(\w+)$/);
    if (name === 'publish') await scene(item, async () => publish(await browser('firefox'), what, rung));
    else await scene(item, async () => view(await browser(name), what, rung));
  }
} finally {
  for (const one of Object.values(browsers)) await one.close();
}
process.exit(bad ? 1 : 0);
