import { test } from 'node:test';
import assert from 'node:assert/strict';

// What the modules of the grid need of a browser to be loaded.
globalThis.HTMLElement = class {};
globalThis.customElements = { define() {} };
const { byCamera } = await import('../static/grid.js');

test('profiles belong to their cameras', () => {
  const streams = [['yard', 'rtsp://a'], ['yard/sub', 'sub of yard'], ['yard/gate', 'rtsp://b'], ['live/front', 'publish'], ['sub', 'sub of yard']]
    .map(([name, source]) => ({ name, source }));
  const { cameras, profiles } = byCamera(streams);
  assert.deepEqual(cameras.map((s) => s.name), ['yard', 'yard/gate', 'live/front', 'sub']);
  assert.deepEqual([...profiles].map(([name, list]) => [name, list.map((s) => s.name)]), [['yard', ['yard/sub']]]);
});
