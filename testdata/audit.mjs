// What can be said by a program of how a page is to use without a mouse, without eyes,
// or on a small screen. It runs in the page and returns what is wrong with it.

export function audit() {
  const wrong = [];
  const roots = [document];
  for (const root of roots) for (const el of root.querySelectorAll('*')) if (el.shadowRoot) roots.push(el.shadowRoot);
  const all = roots.flatMap((root) => [...root.querySelectorAll('*')]);
  const seen = all.filter((el) => el.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && el.getClientRects().length > 0);
  const say = (el) => `<${el.tagName.toLowerCase()} class="${el.className?.baseVal ?? el.className}"> ${(el.textContent ?? '').trim().slice(0, 40)}`;

  if (document.documentElement.scrollWidth > innerWidth) wrong.push(`it is ${document.documentElement.scrollWidth} px wide`);
  if (!document.documentElement.lang) wrong.push('no language');
  if (document.title === '') wrong.push('no title');
  if (document.querySelectorAll('h1').length !== 1) wrong.push(`${document.querySelectorAll('h1').length} headings of the first level`);
  if (document.querySelectorAll('main').length !== 1) wrong.push('no main part');
  if (!roots.some((root) => root.querySelector('[aria-live], [role=status]'))) wrong.push('nothing tells of changes');

  for (const root of roots) {
    const ids = [...root.querySelectorAll('[id]')].map((el) => el.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`two elements are ${id}`);
  }
  for (const el of seen) {
    const name = (el.getAttribute('aria-label') ?? el.textContent ?? '').trim() || el.getAttribute('title') || el.closest('label')?.textContent.trim();
    if (el.matches('button, a[href], input, select, textarea, [role=button], [role=group], [role=region], section[tabindex]') && !name && el.getAttribute('aria-hidden') !== 'true') wrong.push(`no name: ${say(el)}`);
    if (el.matches('img') && !el.hasAttribute('alt')) wrong.push(`no alt: ${say(el)}`);
    if (el.matches('video') && !el.getAttribute('aria-label')) wrong.push(`no label: ${say(el)}`);
    if (el.closest('[aria-hidden=true]') && el.matches('button, a[href]:not([tabindex="-1"]), input')) wrong.push(`hidden, but reached by Tab: ${say(el)}`);
    if (el.matches('button, input:not([type=radio])')) {
      const { width, height } = el.getBoundingClientRect();
      if (width < 23.9 || height < 23.9) wrong.push(`too small to hit (${Math.round(width)}x${Math.round(height)}): ${say(el)}`);
    }
  }

  // Contrast (WCAG 2, 1.4.3) of text on plain grounds.
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
  const ground = (el) => {
    const layers = [];
    for (let at = el; at; at = at.assignedSlot ?? at.parentElement ?? at.getRootNode().host) {
      const style = getComputedStyle(at);
      if (/gradient|url/.test(style.backgroundImage)) return null;
      const color = rgba(style.backgroundColor);
      layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  for (const el of seen) {
    const own = [...el.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '');
    if (!own || el.disabled || el.closest('.unseen, noscript, [disabled]')) continue;
    const below = ground(el);
    if (!below) continue;
    const style = getComputedStyle(el);
    const [a, b] = [luminance(over(rgba(style.color), below)), luminance(below)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) wrong.push(`contrast ${ratio.toFixed(2)}: ${say(el)}`);
  }
  return [...new Set(wrong)];
}
