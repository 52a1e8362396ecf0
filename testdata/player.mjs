// player.mjs - what camgate's own player does in a real Chromium, one scenario after the other.
//
//   node testdata/player.mjs http://127.0.0.1:8889 first=20 ladder sound ...
//
// It prints one JSON line for each scenario: {scenario, failures: [...], and figures}. The
// exit status is 1 if one has failures. What is blocked is blocked between the page and the
// gateway: answers lose the addresses that are to be of no use, requests are refused. A
// network that blocks them is in blocked.mjs.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import { audit } from './audit.mjs';
import { base, check, fail, ours, play, plays, report, sleep, until } from './stage.mjs';

/** Lets WHEP answers be what f makes of them. */
const answers = (page, f) => page.route('**/whep', async (route) => {
  try {
    if (route.request().method() !== 'POST') return await route.continue();
    const response = await route.fetch();
    return await route.fulfill({ response, body: f(await response.text()) });
  } catch {
    return undefined; // the page has gone on meanwhile
  }
});
/** Addresses of a protocol lead nowhere. */
const dead = (sdp, ...protocols) => sdp.replace(/^(a=candidate:\S+ \d+ (\S+) \d+ \S+) \d+/gim, (line, head, protocol) => (protocols.includes(protocol.toLowerCase()) ? `${head} 9` : line));

const scenarios = {
  /** The first live picture after a navigation: median of so many. */
  async first(page, n) {
    const all = [];
    for (let i = 0; i < Number(n); i++) {
      await page.goto('about:blank');
      await page.goto(`${base}/demo`, { waitUntil: 'commit' });
      all.push(Math.round((await until(page, 'a picture', (r) => r.firstAt > 0)).firstAt));
    }
    all.sort((a, b) => a - b);
    return { medianMs: all[all.length >> 1], allMs: all };
  },

  async ladder(page) {
    const out = {};
    const open = async () => {
      const began = Date.now();
      await page.goto(`${base}/demo`);
      return () => Date.now() - began;
    };
    await open();
    let r = await until(page, 'WebRTC', plays('webrtc'));
    check(r.stats.path === 'UDP', `nothing is blocked, and the path is ${r.stats.path}`);

    await answers(page, (sdp) => dead(sdp, 'udp'));
    let took = await open();
    r = await until(page, 'WebRTC by TCP', plays('webrtc'));
    out.tcpMs = took();
    check(r.stats.path === 'TCP', `UDP is blocked, and the path is ${r.stats.path}`);

    await page.unroute('**/whep');
    await answers(page, (sdp) => dead(sdp, 'udp', 'tcp'));
    took = await open();
    r = await until(page, 'LL-HLS, as no address answers', plays('hls'));
    out.hlsMs = took();
    r = await until(page, 'the reason why WebRTC does not play', (x) => x.reasons.webrtc !== '');
    out.reason = r.reasons.webrtc;
    check(/no way through the network.*UDP 127\.0\.0\.1:9, TCP 127\.0\.0\.1:9/.test(r.reasons.webrtc), `reason: ${r.reasons.webrtc}`);

    // Back up, with a picture all the time.
    await page.unroute('**/whep');
    await page.evaluate(() => {
      window.dark = 0;
      const look = () => {
        if (![...document.querySelector('camgate-player').shadowRoot.querySelectorAll('.is-shown')].some((v) => v.readyState >= 2)) window.dark++;
        requestAnimationFrame(look);
      };
      look();
      window.dispatchEvent(new Event('online'));
    });
    const climbing = Date.now();
    await until(page, 'WebRTC again', plays('webrtc'), 6000);
    out.climbMs = Date.now() - climbing;
    const darkness = await page.evaluate(() => window.dark);
    check(darkness === 0, `${darkness} times without a picture while it climbed`);

    await page.route('**/whep', (route) => route.fulfill({ status: 406, contentType: 'application/json', body: '{"error": "video H265: not offered"}' }));
    took = await open();
    r = await until(page, 'LL-HLS, as WHEP is refused', plays('hls'));
    out.refusedMs = took();
    check(r.reasons.webrtc === 'video H265: not offered', `reason: ${r.reasons.webrtc}`);
    check((await page.locator('#ways .way[data-status="failed"] .way-reason').innerText()) === 'Video H265: not offered', 'the page does not say why');

    await page.route('**/index.m3u8*', (route) => route.abort());
    await open();
    r = await until(page, 'MJPEG, as HLS is blocked', plays('mjpeg'));
    check(r.reasons.webrtc && r.reasons.hls, `reasons: ${JSON.stringify(r.reasons)}`);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    return out;
  },

  async latency(page) {
    await page.goto(`${base}/demo?via=hls`);
    await until(page, 'LL-HLS', plays('hls', 50));
    const r = await until(page, 'a delay below 1.2 s', (x) => x.stats.latency < 1.2, 12_000);
    return { latency: r.stats?.latency };
  },

  /** A page begins muted, says so, and remembers what was chosen. */
  async sound(page) {
    await page.goto(`${base}/demo?via=hls`);
    let r = await until(page, 'muted', plays('hls'));
    check(r.sound && r.muted, `sound ${r.sound}, muted ${r.muted}`);
    const button = page.getByRole('button', { name: 'Unmute' });
    check((await button.innerText()).trim() === 'Unmute', 'the button does not say what it does');
    await button.click();
    await until(page, 'sound after a click', (x) => !x.muted);
    check(await page.getByRole('button', { name: 'Mute', exact: true }).count() === 1, 'nothing to mute it again');
    await page.reload();
    r = await until(page, 'a player after a reload', plays('hls'));
    if (r.muted) { // this browser wants a click for each page
      await page.locator('h1').click();
      await until(page, 'sound by any click, as it was on before', (x) => !x.muted);
    }
    await page.keyboard.press('m');
    await until(page, 'muted by the key m', (x) => x.muted);
    await page.reload();
    r = await until(page, 'a player after another reload', plays('hls'));
    await page.locator('h1').click();
    check((await report(page)).muted, 'that it was muted is not remembered');
  },

  async keys(page) {
    await page.goto(`${base}/demo`);
    await until(page, 'WebRTC', plays('webrtc', 30));
    await page.keyboard.press('s');
    const stats = page.getByRole('region', { name: 'Statistics' });
    await stats.waitFor({ timeout: 3000 });
    await sleep(1200);
    const text = await stats.innerText();
    for (const part of ['Plays by', 'WebRTC', '1280×720', 'fps', 'H264', 'Bitrate', 'Loss', 'Jitter', 'UDP', 'Self-test', 'connected in']) check(text.includes(part), `no ${part} in ${text}`);
    await page.keyboard.press('s');
    check(!(await stats.isVisible()), 'statistics stay');
    const small = () => page.evaluate(() => {
      const { shadowRoot, media } = document.querySelector('camgate-player');
      return shadowRoot.pictureInPictureElement === media;
    });
    const pip = page.getByRole('button', { name: 'Picture in picture' });
    check(await pip.isVisible() === await page.evaluate(() => document.pictureInPictureEnabled), 'the button for a small window is there where there are none, or is not there');
    for (const [what, press] of [['a click', () => pip.click()], ['the key p', () => page.keyboard.press('p')]]) {
      const before = await small();
      await press();
      for (let i = 0; i < 50 && await small() === before; i++) await sleep(40);
      check(await small() !== before, `${what} makes no difference to the small window`);
    }
    const download = page.waitForEvent('download', { timeout: 5000 });
    await page.keyboard.press('c');
    const file = await download;
    const bytes = fs.readFileSync(await file.path());
    check(bytes[0] === 0xff && bytes[1] === 0xd8 && bytes.length > 10_000, `the picture has ${bytes.length} bytes`);
    check(/^demo-\d{4}-.*\.jpg$/.test(file.suggestedFilename()), `it is named ${file.suggestedFilename()}`);
    return { stats: text.replaceAll('\n', ' ') };
  },

  /** Who is away for long costs nothing, and comes back to a picture at once. */
  async hidden(page) {
    await page.addInitScript(() => {
      let hidden = false;
      Object.defineProperty(document, 'hidden', { get: () => hidden });
      window.hide = (value) => {
        hidden = value;
        document.dispatchEvent(new Event('visibilitychange'));
      };
    });
    await page.goto(`${base}/demo`);
    await until(page, 'WebRTC', plays('webrtc'));
    await page.evaluate(() => window.hide(true));
    await sleep(2000);
    check((await report(page)).phase === 'playing', 'it pauses at once');
    await until(page, 'a pause', (r) => r.phase === 'stopped', 12_000);
    const readers = (await (await fetch(`${base}/api/v1/streams/demo`)).json()).readers;
    check(readers.length === 0, `${readers.length} readers while nobody looks`);
    const began = Date.now();
    await page.evaluate(() => window.hide(false));
    await until(page, 'a picture', (r) => r.phase === 'playing');
    return { backMs: Date.now() - began };
  },

  /** grid=N: of N streams those play that can be seen. */
  async grid(page, n) {
    await page.setViewportSize({ width: 700, height: 500 });
    const asked = new Set();
    page.on('request', (r) => { if (r.method() === 'POST') asked.add(new URL(r.url()).pathname.replace(/^\/|\/whep$/g, '')); });
    await page.goto(`${base}/?view=grid`);
    const phases = () => page.evaluate(() => [...document.querySelectorAll('.tile')].map((tile) => {
      const { top, bottom } = tile.getBoundingClientRect();
      const { phase, frames, rung, stream } = tile.querySelector('camgate-player').report;
      return { seen: bottom > 0 && top < innerHeight, far: bottom < -300 || top > innerHeight + 300, phase, frames, rung, stream };
    }));
    const settle = async (what) => {
      let tiles = [];
      for (let i = 0; i < 100; i++) {
        tiles = await phases();
        if (tiles.length === Number(n) && tiles.every((t) => (t.seen ? t.phase === 'playing' : !t.far || t.phase === 'stopped'))) return tiles;
        await sleep(100);
      }
      fail(`${what}: ${JSON.stringify(tiles)}`);
      return tiles;
    };
    const top = await settle('at the top');
    check(top.some((t) => t.far), 'all tiles can be seen');
    const early = top.filter((t) => t.far && asked.has(t.stream)).map((t) => t.stream);
    check(early.length === 0, `cameras that nobody can see were asked for: ${early}`);
    let readers = 0;
    const equal = async () => { // of those that end when they are told to
      const { streams } = await (await fetch(`${base}/api/v1/streams`)).json();
      readers = streams.flatMap((s) => s.readers).filter((r) => r.protocol === 'webrtc').length;
      return readers === (await phases()).filter((t) => t.rung === 'webrtc').length;
    };
    for (let i = 0; i < 100 && !(await equal()); i++) await sleep(100); // as long as settle waits: those nearby may still connect
    check(await equal(), `${readers} readers`);
    check(top[0].stream.endsWith('/sub'), `the first plays ${top[0].stream}`);
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    const end = await settle('at the end');
    check(end[0].phase === 'stopped' && end.at(-1).phase === 'playing', 'what is seen at the end does not play');
    await page.locator('.tile-link').first().focus();
    await page.keyboard.press('ArrowRight');
    check(await page.evaluate(() => document.activeElement === document.querySelectorAll('.tile-link')[1]), 'arrow keys do not walk');
    await page.locator('.tile-link').last().click();
    await page.waitForURL(/\/cam\d+$/);
    return { seen: top.filter((t) => t.seen).length, readers };
  },

  /** audit=PATH,PATH: pages at 360 px and on a desktop, dark and light. */
  async audit(page, paths) {
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 740 });
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        for (const url of paths.split(',')) {
          await page.goto(base + url);
          await sleep(1500);
          for (const f of await page.evaluate(audit)) fail(`${url} at ${width} px, ${colorScheme}: ${f}`);
        }
      }
    }
  },

  /** plays=/NAME: any rung plays, and the ones above it tell why they do not. */
  async plays(page, url) {
    await page.goto(base + url);
    const r = await until(page, 'it plays', (x) => x.phase === 'playing' && x.frames >= 10, 30_000);
    for (const step of r.steps ?? []) {
      if (step.id === r.rung) break;
      check(step.reason !== '', `no reason why ${step.id} does not play`);
    }
    return { rung: r.rung, reasons: r.reasons, picture: r.picture, sound: r.sound };
  },

  /** embed=TOKEN: in a page of another origin, with nothing but the module's address. */
  async embed(page, token) {
    // A server of its own: Chromium keeps pages that come from nowhere away from this machine.
    const server = http.createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(`<!doctype html><title>other</title>
<script type="module" src="${base}/assets/player.js"></script><style>img { opacity: 0 !important; border: 9px solid red }</style>
<camgate-player src="/demo" token="${token}"></camgate-player>`));
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    const other = `127.0.0.1:${server.address().port}`;
    ours.add(other);
    await page.goto(`http://${other}/`);
    let r = await until(page, 'WebRTC in another page', plays('webrtc'));
    check(await page.evaluate(async () => (await document.querySelector('camgate-player').snapshot()).size > 5000), 'no snapshot');
    for (const mode of ['hls', 'mjpeg', 'stills']) {
      await page.evaluate((m) => document.querySelector('camgate-player').setAttribute('mode', m), mode);
      r = await until(page, `${mode} in another page`, plays(mode, mode === 'stills' ? 2 : 10));
    }
    await page.evaluate(() => document.querySelector('camgate-player').setAttribute('token', 'viewer:wrong'));
    r = await until(page, 'a refusal', (x) => x.phase === 'waiting');
    server.close();
    server.closeAllConnections();
    return { refused: r.message };
  },

  /** heal=PROGRAM,CONFIG: the gateway is killed and started again. */
  async heal(page, what) {
    const [program, config] = what.split(',');
    let child;
    const start = async () => {
      child = spawn(program, ['-c', config], { stdio: 'ignore' });
      while (!(await fetch(`${base}/readyz`).catch(() => null))?.ok) await sleep(20);
    };
    try {
      await start();
      await page.goto(`${base}/demo`);
      await until(page, 'WebRTC', plays('webrtc', 60));
      const out = {};
      for (const signal of ['SIGTERM', 'SIGKILL']) {
        const gone = new Promise((resolve) => { child.on('exit', resolve); });
        child.kill(signal);
        await gone;
        await sleep(signal === 'SIGTERM' ? 3000 : 0);
        await start();
        const began = Date.now();
        await until(page, 'a new session', (r) => r.phase === 'playing' && r.frames > 0 && r.frames < 60);
        out[`after${signal}Ms`] = Date.now() - began;
        await until(page, 'it goes on', plays('webrtc', 60));
      }
      return out;
    } finally {
      child.kill('SIGKILL');
    }
  },
};

await play(scenarios);
