import test from 'node:test';
import assert from 'node:assert/strict';
import { preferred, videoCodecs } from '../static/whip.js';

test('a codec that is chosen comes first, and nothing is left out', () => {
  const codecs = ['video/VP8', 'video/rtx', 'video/H264', 'video/AV1', 'video/H264'].map((mimeType, i) => ({ mimeType, i }));
  assert.deepEqual(preferred(codecs, 'H264').map((c) => c.i), [2, 4, 0, 1, 3]);
  assert.deepEqual(preferred(codecs, 'VP9').map((c) => c.i), [0, 1, 2, 3, 4]);
});

test('the codecs that are offered are those that this browser has', () => {
  globalThis.RTCRtpSender = { getCapabilities: () => ({ codecs: [{ mimeType: 'video/VP9' }, { mimeType: 'video/rtx' }, { mimeType: 'video/H264' }] }) };
  assert.deepEqual(videoCodecs(), ['H264', 'VP9']);
  delete globalThis.RTCRtpSender;
  assert.deepEqual(videoCodecs(), []);
});
