// What is to be seen and pressed around a picture. It knows no streams: it shows a
// report, and tells its player what was pressed.

import { h, say, icon } from './dom.js';
import { sentence } from './words.js';
import { Overlay, delay } from './overlay.js';
import { Talk } from './talk.js';

const PHASES = {
  trying: ['Connecting', 'busy'], playing: ['Live', 'good'], away: ['Source away', 'warn'], waiting: ['Waiting', 'warn'], stopped: ['Paused', 'quiet'],
};

function button(label, key, shape, onclick) {
  return h('button', { type: 'button', class: 'stage-button', 'aria-label': label, title: key ? `${label} (${key})` : label, onclick }, icon(shape));
}

export class Controls {
  overlay = new Overlay();
  talk = new Talk();

  /** @param {object} player has toggleMuted, toggleStats, save, pictureInPicture, fullscreen, hearByHLS */
  constructor(player) {
    this.poster = h('img', { class: 'player-poster', alt: '', decoding: 'async', part: 'poster' });
    this.poster.addEventListener('load', () => this.poster.classList.add('has-picture'));
    this.poster.addEventListener('error', () => this.poster.classList.remove('has-picture'));
    this.pill = h('span', { class: 'pill' });
    this.message = h('p', { class: 'player-message', hidden: true });
    this.only = h('p', { class: 'player-only', hidden: true }, icon('sound'), 'Sound only');
    this.muteText = h('span');
    this.mute = h('button', { type: 'button', class: 'stage-button stage-mute', onclick: () => player.toggleMuted() });
    this.statsButton = button('Statistics', 's', 'stats', () => player.toggleStats());
    this.snapshot = button('Save this picture', 'c', 'camera', () => player.save());
    this.pip = button('Picture in picture', 'p', 'pip', () => player.pictureInPicture());
    this.full = button('Fullscreen', 'f', 'full', () => player.fullscreen());
    this.pip.hidden = !document.pictureInPictureEnabled;
    this.bar = h('div', { class: 'player-bar', part: 'bar', role: 'group', 'aria-label': 'Controls' }, this.mute, this.talk.button, this.statsButton, this.snapshot, this.pip, this.full);
    this.stage = h('div', { class: 'player-stage', part: 'stage', role: 'group', 'aria-label': 'Player' }, this.poster, this.only,
      h('div', { class: 'player-top', part: 'state', role: 'status' }, this.pill, this.message), this.overlay.element, this.bar);
    this.noteText = h('span');
    this.withSound = h('button', { type: 'button', class: 'player-sound', onclick: () => player.hearByHLS() }, 'Play it with sound by LL-HLS');
    this.note = h('p', { class: 'player-note', hidden: true }, this.noteText, this.withSound);
    this.numbers = h('p', { class: 'player-numbers' });
    this.below = h('div', { class: 'player-below', part: 'below' }, this.talk.note, this.note, this.numbers);
  }

  /** Brings all of it in line with a report. */
  show(report, audio) {
    const { phase, rung, message, steps } = report;
    const [word, tone] = PHASES[phase] ?? [phase, 'quiet'];
    const label = steps.find((s) => s.id === rung)?.label ?? '';
    say(this.pill, phase === 'playing' ? `${word} · ${label}` : word);
    this.pill.dataset.tone = tone;
    const moving = phase === 'playing' || phase === 'stopped';
    say(this.message, moving ? '' : sentence(message));
    this.message.hidden = this.message.textContent === '';
    this.only.hidden = phase !== 'playing' || report.picture;
    this.#sound(report, label, audio);
    this.snapshot.disabled = !rung || !report.picture;
    this.pip.disabled = !report.video || !report.picture;
    this.figures(report);
  }

  figures(report) {
    this.statsButton.setAttribute('aria-pressed', String(!this.overlay.hidden));
    if (!this.overlay.hidden) this.overlay.show(report);
    const { rung, fps, stats: s, steps } = report;
    if (s.width && s.height) this.stage.style.setProperty('--ratio', s.width / s.height);
    say(this.numbers, !rung ? '' : [
      steps.find((step) => step.id === rung)?.label, s.width && s.height ? `${s.width}×${s.height}` : '', fps && report.picture ? `${fps} fps` : '', delay(s),
    ].filter(Boolean).join(' · '));
  }

  #sound({ rung, sound, muted, missing }, label, audio) {
    const silent = Boolean(rung) && !sound;
    const action = silent ? 'No sound' : muted ? 'Unmute' : 'Mute';
    const offer = Boolean(rung) && sound && muted;
    if (this.mute.dataset.action !== action + offer) {
      this.mute.dataset.action = action + offer;
      say(this.muteText, offer ? 'Unmute' : '');
      this.mute.replaceChildren(icon(muted || silent ? 'muted' : 'sound'), this.muteText);
      this.mute.classList.toggle('is-offer', offer);
      this.mute.setAttribute('aria-label', action);
      this.mute.title = `${action} (m)`;
    }
    this.mute.disabled = !rung || silent;
    // Silence is only worth a word if there is any sound.
    const text = !rung ? '' : silent && audio !== '' ? `No sound over ${label}${missing ? `: ${missing}` : ''}` : missing && !silent ? `Left out over ${label}: ${missing}` : '';
    say(this.noteText, text);
    this.withSound.hidden = rung === 'hls' || !silent || !['AAC', 'Opus'].includes(audio);
    this.note.hidden = text === '';
  }
}
