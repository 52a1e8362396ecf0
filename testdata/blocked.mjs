// blocked.mjs - the player in a network that blocks one thing after the other, packet by packet.
// It has to run in a network namespace of its own, whose only cable is called "far", with
// the right to change it: the firewall (nft) is on this side of the cable.
//
//   node testdata/blocked.mjs http://10.9.9.2:8889 worse=8189 refused back=8189
import { execFileSync } from 'node:child_process';
import { base, check, play, plays, until } from './stage.mjs';

const http = Number(new URL(base).port);

/** What leaves us and is dropped, in nft's words; nothing: all may pass. */
function block(...rules) {
  const chain = 'add table inet walls; flush table inet walls; add chain inet walls out { type filter hook output priority 0; }; ';
  execFileSync('nft', [chain + rules.map((rule) => `add rule inet walls out ${rule} drop`).join('; ')]);
}

/** Requests that begin so. */
function requests(beginning) {
  const bytes = Buffer.from(beginning);
  return `tcp dport ${http} @ih,0,${8 * bytes.length} 0x${bytes.toString('hex')}`;
}

const udp = 'meta l4proto udp';
const tcp = (port) => `tcp dport ${port}`;
const ip = (...words) => execFileSync('ip', words);

/** Does something, and says how many ms it takes until the report is as wanted. */
async function after(doing, page, what, wanted, limit) {
  const began = Date.now();
  await doing();
  const r = await until(page, what, wanted, limit);
  return { ms: Date.now() - began, r };
}

await play({
  /** worse=PORT: who watches stays on the page while the way by UDP is closed, and the one by TCP. */
  async worse(page, port) {
    block();
    await page.goto(`${base}/demo`);
    const byUDP = await until(page, 'WebRTC', (r) => plays('webrtc')(r) && r.stats.path);
    check(byUDP.stats.path === 'UDP', `nothing is blocked, and the path is ${byUDP.stats.path}`);

    const byTCP = await after(() => block(udp), page, 'WebRTC by TCP', (r) => plays('webrtc')(r) && r.stats.path === 'TCP');
    const byHLS = await after(() => block(udp, tcp(port)), page, 'LL-HLS', plays('hls'));
    const { r } = await after(() => {}, page, 'the reason', (x) => x.reasons.webrtc !== '');
    // Nobody tells it that the way is free again.
    const back = await after(() => block(), page, 'WebRTC again', plays('webrtc'), 45_000);
    return { tcpMs: byTCP.ms, hlsMs: byHLS.ms, backMs: back.ms, reason: r.reasons.webrtc };
  },

  /** A page that is opened where requests by WHEP get no answer, and then HLS too. */
  async refused(page) {
    block(requests('POST /demo/whep'));
    const byHLS = await after(() => page.goto(`${base}/demo`), page, 'LL-HLS', plays('hls'));
    const { r } = await after(() => {}, page, 'the reason', (x) => x.reasons.webrtc !== '');
    block(requests('POST /demo/whep'), requests('GET /demo/index'));
    const byMJPEG = await after(() => page.reload(), page, 'MJPEG', plays('mjpeg'));
    return { hlsMs: byHLS.ms, mjpegMs: byMJPEG.ms, reason: r.reasons.webrtc };
  },

  /** back=PORT: the cable is pulled, and put in again where nothing is blocked. */
  async back(page, port) {
    block(udp, tcp(port));
    await page.goto(`${base}/demo`);
    await until(page, 'LL-HLS', plays('hls'));
    ip('link', 'set', 'far', 'down');
    await until(page, 'that it stands still', (r) => r.phase !== 'playing', 30_000);
    block();
    const back = await after(() => {
      // At once, as a browser that sees the one without the other may take it for no network.
      execFileSync('ip', ['-batch', '-'], { input: 'link set far up\nroute replace default dev far\n' });
    }, page, 'WebRTC', plays('webrtc'));
    return { backMs: back.ms };
  },
});
