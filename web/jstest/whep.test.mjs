import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Address } from '../static/gateway.js';
import { iceServers, webrtc } from '../static/whep.js';

test('servers in a Link header', () => {
  assert.deepEqual(iceServers('<stun:stun.example.com:3478>; rel="ice-server", '
    + '<turn:turn.example.com?transport=udp>; rel="ice-server"; username="a, \\"b\\"; c"; credential="p<>=;"; credential-type="password", '
    + '</style.css>; rel=preload, <turns:t.example>;rel=ice-server;username=u;credential=c'), [
    { urls: 'stun:stun.example.com:3478' },
    { urls: 'turn:turn.example.com?transport=udp', username: 'a, "b"; c', credential: 'p<>=;' },
    { urls: 'turns:t.example', username: 'u', credential: 'c' },
  ]);
  assert.deepEqual(iceServers(''), []);
  assert.deepEqual(iceServers('nonsense; <'), []);
});

test('the gateway says good-bye: the session ends at once', async (t) => {
  const transport = new EventTarget();
  const receiver = { track: { kind: 'video' }, transport };
  globalThis.RTCPeerConnection = class extends EventTarget {
    iceGatheringState = 'complete';
    connectionState = 'connected';
    localDescription = { sdp: 'v=0\r\n' };
    addTransceiver() {}
    getTransceivers() { return [{ receiver, currentDirection: 'recvonly' }]; }
    async createOffer() {}
    async setLocalDescription() {}
    async setRemoteDescription() { this.ontrack({ track: receiver.track, receiver }); }
    close() {}
  };
  globalThis.MediaStream = class { addTrack() {} };
  const fetched = globalThis.fetch;
  const asked = [];
  globalThis.fetch = async (_, { method }) => {
    asked.push(method);
    if (method !== 'POST') return new Response(null, { status: 204 });
    return Object.defineProperty(new Response('v=0', { status: 201, headers: { Location: '/cam/whep/1' } }), 'url', { value: 'http://gateway/cam/whep' });
  };
  t.after(() => {
    delete globalThis.RTCPeerConnection;
    delete globalThis.MediaStream;
    globalThis.fetch = fetched;
  });
  const video = { play: async () => {} };
  const session = await webrtc(new Address('http://gateway/cam', ''), () => video).start(new AbortController().signal);
  transport.state = 'connected';
  transport.dispatchEvent(new Event('statechange'));
  transport.state = 'closed';
  transport.dispatchEvent(new Event('statechange'));
  assert.equal(await session.ended, 'the gateway ended the session');
  session.stop();
  assert.ok(!asked.includes('DELETE'), 'what has ended is not ended again');
});

test('a broken connection: ICE restarts, with candidates only after it', async (t) => {
  const receiver = { track: { kind: 'video' } };
  let peer, ufrag = 'old';
  const answers = [], asked = [];
  globalThis.RTCPeerConnection = class extends EventTarget {
    connectionState = 'connected';
    signalingState = 'stable';
    constructor() { super(); peer = this; }
    addTransceiver() {}
    getTransceivers() { return [{ receiver, currentDirection: 'recvonly' }]; }
    get localDescription() { return { sdp: `v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:${ufrag}\r\na=ice-pwd:${ufrag}-password\r\n` }; }
    async createOffer(options) { if (options?.iceRestart) ufrag = 'new'; }
    async setLocalDescription() { if (ufrag === 'new') this.onicecandidate({ candidate: { candidate: 'candidate:1' } }); }
    async setRemoteDescription({ sdp }) { answers.push(sdp); }
    close() {}
  };
  globalThis.MediaStream = class { addTrack() {} };
  const fetched = globalThis.fetch;
  const sdp = 'v=0\r\na=ice-ufrag:gw1\r\na=ice-pwd:gw1-password\r\na=mid:0\r\na=candidate:gw1\r\na=sendonly\r\n';
  globalThis.fetch = async (_, { method, body, headers }) => {
    if (method === 'POST') {
      return Object.defineProperty(new Response(sdp, { status: 201, headers: { Location: '/cam/whep/1', ETag: '"1"' } }), 'url', { value: 'http://gateway/cam/whep' });
    }
    if (method !== 'PATCH') return new Response(null, { status: 204 });
    asked.push([headers['If-Match'], body.match(/ufrag:(.*)/)[1].trim(), body.includes('candidate:1')]);
    if (headers['If-Match'] !== '*') return new Response(null, { status: 204 });
    return new Response('a=mid:0\r\na=ice-ufrag:gw2\r\na=ice-pwd:gw2-password\r\na=candidate:gw2\r\n', { status: 200, headers: { ETag: '"2"' } });
  };
  t.after(() => {
    delete globalThis.RTCPeerConnection;
    delete globalThis.MediaStream;
    globalThis.fetch = fetched;
  });
  const video = { play: async () => {} };
  const session = await webrtc(new Address('http://gateway/cam', ''), () => video).start(new AbortController().signal);
  t.after(() => session.stop());
  peer.connectionState = 'disconnected';
  peer.onconnectionstatechange();
  while (asked.length < 2) await new Promise((next) => setImmediate(next));
  assert.deepEqual(asked, [['*', 'new', false], ['"2"', 'new', true]]);
  assert.deepEqual(answers, [sdp, sdp.replaceAll('gw1', 'gw2')]);
});
