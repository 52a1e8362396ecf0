import { test } from 'node:test';
import assert from 'node:assert/strict';
import { bitrate, made, nextTry, span, track, viewers } from '../static/words.js';
import { Meter } from '../static/meter.js';

test('tracks', () => {
  assert.equal(track({ kind: 'video', codec: 'H264', clock_rate: 90000, profile: 'High 4.1', width: 1280, height: 720, fps: 25 }), 'H264 High 4.1 · 1280×720 · 25 fps');
  assert.equal(track({ kind: 'video', codec: 'H265', clock_rate: 90000, fps: 29.97003 }), 'H265 · 29.97 fps');
  assert.equal(track({ kind: 'audio', codec: 'AAC', clock_rate: 44100, channels: 2, profile: 'AAC-LC' }), 'AAC-LC · 44.1 kHz · stereo');
});

test('amounts', () => {
  assert.equal(bitrate(740_400), '740 kbit/s');
  assert.equal(bitrate(4_260_000), '4.3 Mbit/s');
  assert.equal(bitrate(14_260_000), '14 Mbit/s');
  assert.deepEqual([0, 40_000, 600_000, 3 * 3600_000, 5 * 86400_000].map(span), ['0 s', '40 s', '10 min', '3 h', '5 days']);
});

test('viewers', () => {
  assert.deepEqual(viewers([{ protocol: 'webrtc' }, { protocol: 'rtsp' }, { protocol: 'rtsp' }]), { count: '3 viewers', by: '2 RTSP, 1 WebRTC' });
  assert.deepEqual(viewers([]), { count: '0 viewers', by: '' });
});

test('the next attempt', () => {
  assert.equal(nextTry({ retry_at: null }, 0), '');
  assert.equal(nextTry({ retry_at: '1970-01-01T00:00:04Z' }, 0), 'next try in 4 s');
  assert.equal(nextTry({ retry_at: '1970-01-01T00:00:04Z' }, 5000), 'trying again now');
});

test('a rate needs two looks, and starts again with the counter', () => {
  const m = new Meter();
  assert.equal(m.rate(1000, 0), null);
  assert.equal(m.rate(2000, 1000), 8000);
  assert.equal(m.rate(0, 2000), null);
  for (let s = 3; s < 60; s++) m.rate(1000 * (s - 2), s * 1000);
  assert.equal(m.rate(58_000, 60_000), 8000);
});

test('what is made for viewers', () => {
  assert.deepEqual(made(), []);
  assert.deepEqual(made([
    { made: [], encoder: '', readers: 1 },
    { made: ['video H265 -> H264', 'audio AAC -> Opus'], encoder: 'libx264', readers: 2 },
  ]), ['video H265 → H264, audio AAC → Opus (libx264), for 2 viewers']);
});
