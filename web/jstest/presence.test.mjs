import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Presence } from '../static/presence.js';

test('who has to be seen is not looked at until the browser says so', (t) => {
  globalThis.document = Object.assign(new EventTarget(), { hidden: false });
  globalThis.window = new EventTarget();
  let seen;
  globalThis.IntersectionObserver = class {
    constructor(f) { seen = (isIntersecting) => f([{ isIntersecting }]); }
    observe() {}
    disconnect() {}
  };
  t.mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => {
    for (const name of ['document', 'window', 'IntersectionObserver']) delete globalThis[name];
  });
  const presence = new Presence({}, () => {});
  presence.start(true);
  assert.equal(presence.looking(false), false, 'before anything is known');
  document.dispatchEvent(new Event('visibilitychange'));
  assert.equal(presence.looking(false), false, 'whatever else happens meanwhile');
  seen(true);
  assert.equal(presence.looking(false), true, 'on the screen');
  seen(false);
  assert.equal(presence.looking(false), true, 'off it for a moment');
  t.mock.timers.tick(1500);
  assert.equal(presence.looking(false), false, 'off it');
  presence.start(false);
  assert.equal(presence.looking(false), true, 'who plays anywhere');
  presence.stop();
});
