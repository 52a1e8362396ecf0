import { test } from 'node:test';
import assert from 'node:assert/strict';
import { iceServers } from '../static/whep.js';

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
