// Making and changing elements, without ever turning text into markup.

/** Makes an element: h('a', {href, class: 'x', onclick}, child, 'text'). */
export function h(tag, attributes = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) el.setAttribute(name, value === true ? '' : value);
  }
  el.append(...children.filter((c) => c != null));
  return el;
}

/** Listens; like addEventListener, in short. */
export function on(target, name, f, options) { target.addEventListener(name, f, options); }

/** Sets the text if it differs, so that screen readers are not told of nothing. */
export function say(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

const ICONS = {
  copy: 'M9 9V5a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-4M5 9h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2Z',
  done: 'm5 13 4.5 4.5L19 7',
  sound: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5ZM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11',
  muted: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5ZM16 9.5l5 5M21 9.5l-5 5',
  camera: 'M4 8h3.2L9 5.5h6L16.800 8H20a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1ZM12 16.500a3.300 3.300 0 1 0 0-6.600 3.300 3.300 0 0 0 0 6.600Z',
  talk: 'M12 4a2.500 2.500 0 0 1 2.500 2.500v5a2.500 2.500 0 0 1-5 0v-5A2.500 2.500 0 0 1 12 4ZM6.500 11.500a5.500 5.500 0 0 0 11 0M12 17v3.500M9 20.500h6',
  full: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  stats: 'M5 20v-7M12 20V4M19 20v-11',
  pip: 'M4 5h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1ZM12.500 12h5.500v4h-5.500Z',
  grid: 'M4 4h6v6H4ZM14 4h6v6h-6ZM4 14h6v6H4ZM14 14h6v6h-6Z',
  list: 'M4 6h16M4 12h16M4 18h16',
  play: 'M8 5.500v13l11-6.500Z',
};

export function icon(name) {
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(ns, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/** Puts text on the clipboard; false: the browser does not let us. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Pages over http from another machine have no clipboard API.
    const area = h('textarea', { class: 'unseen', readonly: true, 'aria-hidden': 'true' });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

/** A button that copies what text() returns, and says so. */
export function copyButton(label, text) {
  const button = h('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label }, icon('copy'));
  let timer = 0;
  button.addEventListener('click', async () => {
    const done = await copy(text());
    clearTimeout(timer);
    button.replaceChildren(icon(done ? 'done' : 'copy'));
    button.classList.toggle('is-done', done);
    announce(done ? 'Copied' : 'The browser did not let this page copy');
    timer = setTimeout(() => {
      button.replaceChildren(icon('copy'));
      button.classList.remove('is-done');
    }, 1600);
  });
  return button;
}

/** Tells screen readers something. */
export function announce(text) {
  const region = document.getElementById('announcer');
  if (region) say(region, text);
}
