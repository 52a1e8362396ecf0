// A JPEG of what an element shows.

import { h } from './dom.js';

/** Resolves to the picture that a <video> or <img> shows, as a JPEG; null: it shows none. */
export async function pictureOf(element, quality = 0.92) {
  const [width, height] = [element.videoWidth || element.naturalWidth, element.videoHeight || element.naturalHeight];
  if (!width || !height) return null;
  const canvas = h('canvas', { width, height });
  try {
    canvas.getContext('2d').drawImage(element, 0, 0);
    return await new Promise((resolve) => { canvas.toBlob(resolve, 'image/jpeg', quality); });
  } catch {
    return null; // the browser does not let us read it
  }
}

/** Offers a picture as a file, named by its stream and the time. */
export function savePicture(blob, name) {
  const url = URL.createObjectURL(blob);
  const now = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace(/[:T]/g, '-');
  const link = h('a', { href: url, download: `${name.replaceAll('/', '-')}-${now}.jpg` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Shows a picture in an <img>. */
export function showBlob(img, blob) {
  const url = URL.createObjectURL(blob);
  img.src = url;
  img.addEventListener('load', () => URL.revokeObjectURL(url), { once: true });
}
