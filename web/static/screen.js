// Larger and smaller than in its page.

/** Shows a stage on the whole screen, or no longer. */
export function fullscreen(stage, media) {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (stage.requestFullscreen) stage.requestFullscreen().catch(() => {});
  else media?.webkitEnterFullscreen?.(); // phones that only let a video do that
}

/** Shows a video in a small window above all others, or no longer. */
export function pictureInPicture(media) {
  if (document.pictureInPictureElement) document.exitPictureInPicture();
  else media?.requestPictureInPicture?.().catch(() => {});
}
