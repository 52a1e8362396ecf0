// Whether somebody wants to hear something. Browsers let a page begin without sound
// only; whoever has turned it on once wants it the next time too, as soon as the
// browser lets us.

const KEY = 'camgate-sound';

/** What was chosen last time: true (sound), false (none), null (never asked). */
export function remembered() {
  try {
    return { on: true, off: false }[localStorage.getItem(KEY)] ?? null;
  } catch {
    return null; // no storage here
  }
}

export function remember(sound) {
  try {
    localStorage.setItem(KEY, sound ? 'on' : 'off');
  } catch {
    // Then it is asked for again.
  }
}

/** Plays an element as it is wanted; resolves to false when the browser does not let it sound. */
export async function play(element, muted) {
  element.muted = muted;
  try {
    await element.play();
    return true;
  } catch (err) {
    if (muted || err.name !== 'NotAllowedError') return true; // it plays later, or never: that is seen by its frames
    element.muted = true;
    await element.play().catch(() => {});
    return false;
  }
}

/** Calls f with the next click or key of the page; the returned function takes that back. */
export function atGesture(f) {
  const events = ['pointerup', 'keyup'];
  const stop = () => { for (const name of events) document.removeEventListener(name, run, true); };
  const run = () => {
    stop();
    f();
  };
  for (const name of events) document.addEventListener(name, run, true);
  return stop;
}
