import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Multipart, boundaryOf } from '../static/mjpeg.js';

const bytes = (s) => Uint8Array.from(s, (c) => c.charCodeAt(0));
const text = (b) => Buffer.from(b).toString('latin1');

function parts(input, chunk) {
  const got = [];
  const m = new Multipart('frame', (b) => got.push(text(b)));
  for (let i = 0; i < input.length; i += chunk) m.push(input.subarray(i, i + chunk));
  return got;
}

const pictures = ['one', 'two\r\n--fram', '\r\n\r\n', 'x'.repeat(5000), '\0\xff\xd8--frame? no'];
const withLength = bytes(pictures.map((p) => `--frame\r\nContent-Type: image/jpeg\r\ncontent-length: ${p.length}\r\n\r\n${p}\r\n`).join(''));
const clean = ['one', 'two\r\n--fram', 'x'.repeat(5000), 'y'];
const without = bytes(clean.map((p) => `--frame\r\nContent-Type: image/jpeg\r\n\r\n${p}\r\n`).join('') + '--frame--');

for (const chunk of [1, 2, 3, 7, 64, 1 << 20]) {
  test(`parts with a length, ${chunk} bytes at a time`, () => assert.deepEqual(parts(withLength, chunk), pictures));
  test(`parts without one, ${chunk} bytes at a time`, () => assert.deepEqual(parts(without, chunk), clean));
}

test('parts larger than the buffer', () => {
  const big = 'z'.repeat(1 << 20);
  assert.deepEqual(parts(bytes(`--frame\r\nContent-Length: ${big.length}\r\n\r\n${big}\r\n`), 100_000), [big]);
});

test('a part without end is refused', () => {
  const m = new Multipart('frame', () => {});
  m.push(bytes('--frame\r\n\r\n'));
  assert.throws(() => { for (let i = 0; i < 40; i++) m.push(new Uint8Array(1 << 20)); }, /too large/);
});

test('boundaries', () => {
  assert.equal(boundaryOf('multipart/x-mixed-replace; boundary=camgate'), 'camgate');
  assert.equal(boundaryOf('multipart/x-mixed-replace;boundary="a b"; x=y'), 'a b');
  assert.equal(boundaryOf('multipart/x-mixed-replace; boundary=--old'), 'old');
  assert.equal(boundaryOf('image/jpeg'), '');
});
