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
  globalThis.fetch = async (_, { method }) => new Response(method === 'POST' ? 'v=0' : null, { status: method === 'POST' ? 201 : 204 });
  t.after(() => {
    delete globalThis.RTCPeerConnection;
    delete globalThis.MediaStream;
    globalThis.fetch = fetched;
  });
  const video = { play: async () => {} };
  const session = await webrtc(new Address('http://gateway/cam', ''), () => video).start(new AbortController().signal);
  t.after(() => session.stop());
  transport.state = 'connected';
  transport.dispatchEvent(new Event('statechange'));
  transport.state = 'closed';
  transport.dispatchEvent(new Event('statechange'));
  assert.equal(await session.ended, 'the gateway ended the session');
});
