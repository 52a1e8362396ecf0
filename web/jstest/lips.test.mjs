import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Lips } from '../static/lips.js';

/** Reports of a browser, each some seconds of sound after the one before. */
function browser() {
  const sound = { type: 'inbound-rtp', kind: 'audio', jitterBufferDelay: 0, jitterBufferTargetDelay: 0, jitterBufferMinimumDelay: 0, jitterBufferEmittedCount: 0 };
  return (delay, held = 0, samples = 12_000) => {
    sound.jitterBufferDelay += delay / 1000 * samples;
    sound.jitterBufferTargetDelay += (40 + held) / 1000 * samples;
    sound.jitterBufferMinimumDelay += 40 / 1000 * samples;
    sound.jitterBufferEmittedCount += samples;
    return [{ type: 'inbound-rtp', kind: 'video', jitterBufferDelay: 1 }, { ...sound }, { type: 'candidate-pair' }];
  };
}

test('pictures wait as long as sound does, by what was heard last', () => {
  const [lips, look] = [new Lips(), browser()];
  assert.equal(lips.wait(look(0, 0, 0)), null, 'nothing was heard yet');
  assert.equal(lips.wait(look(60)), 80);
  assert.equal(lips.wait(look(50)), 80, 'not worth a change');
  assert.equal(lips.wait(look(180)), 200, 'after a hiccup');
  assert.equal(lips.wait(look(0, 0, 0)), 200, 'while there is no sound');
  assert.equal(lips.wait(look(140)), 160, 'it catches up');
});

test('pictures do not wait for sound that the browser holds back for them', () => {
  const [lips, look] = [new Lips(), browser()];
  assert.equal(lips.wait(look(300, 240)), 80);
});

test('a browser that does not tell', () => {
  const lips = new Lips();
  const told = { type: 'inbound-rtp', kind: 'audio', jitterBufferDelay: 1, jitterBufferEmittedCount: 12_000 };
  assert.equal(lips.wait([]), null);
  assert.equal(lips.wait([told]), null);
});
