// stage.mjs - where scenarios with camgate's player are played: a real Chromium, a page for each
// of them, and what all of them look at. The command line is
//
//   node testdata/SCRIPT.mjs http://127.0.0.1:8889 SCENARIO[=ARGUMENT] ...
import { chromium } from 'playwright-core';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const [base, ...wanted] = process.argv.slice(2);
const failures = [];
let trouble = []; // of the page: what it asked for in vain, and says of it
/** The hosts that pages may ask for anything. */
export const ours = new Set([new URL(base).host]);
export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

export function fail(text) { failures.push(text); }

export function check(ok, text) { if (!ok) fail(text); }

export const report = (page) => page.evaluate(() => window.camgate ?? document.querySelector('camgate-player').report);

/** Waits until the player's report is as wanted, and returns it. */
export async function until(page, what, cond, limit = 20_000) {
  const end = Date.now() + limit;
  let last;
  let why = '';
  while (Date.now() < end) {
    last = await report(page).catch((e) => { why = e.message; return null; });
    if (last && cond(last)) return last;
    await sleep(40);
  }
  fail(`not within ${limit / 1000} s: ${what}; ${JSON.stringify({ ...last, steps: undefined, stats: undefined })}; ${[why, ...trouble].join('; ')}`);
  return last ?? {};
}

export const plays = (rung, frames = 10) => (r) => r.rung === rung && r.phase === 'playing' && r.frames >= frames;

/** Plays what the command line names of the scenarios, prints a line for each, and ends the program. */
export async function play(scenarios) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true, timeout: 60_000, acceptDownloads: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  let bad = false;
  try {
    for (const item of wanted) {
      const [name, ...rest] = item.split('=');
      const page = await context.newPage();
      const hosts = new Set();
      page.on('request', (r) => { if (/^(http|ws)/.test(r.url())) hosts.add(new URL(r.url()).host); });
      trouble = [];
      page.on('requestfailed', (r) => trouble.push(`${r.url()}: ${r.failure()?.errorText}`));
      page.on('pageerror', (e) => fail(`error in the page: ${e.message}`));
      page.on('console', (m) => { if (/Content.Security.Policy/i.test(m.text())) fail(m.text()); });
      let out = {};
      try {
        out = await scenarios[name](page, rest.join('='));
      } catch (e) {
        fail(e.stack.split('\n').slice(0, 3).join(' '));
      }
      const foreign = [...hosts].filter((host) => !ours.has(host));
      check(foreign.length === 0, `asks other hosts: ${foreign}`);
      bad ||= failures.length > 0;
      if (failures.length && process.env.SHOTS) await page.screenshot({ path: path.join(process.env.SHOTS, `${name}.png`) });
      console.log(JSON.stringify({ scenario: name, ...out, failures: failures.splice(0) }));
      await page.close();
    }
  } finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
  process.exit(bad ? 1 : 0);
}
