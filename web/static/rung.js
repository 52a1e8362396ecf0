// What all rungs of the ladder share: how they fail, and how long things may take.

/** Why a rung does not play, in words for people. */
export class RungError extends Error {
  /**
   * @param {string} message
   * @param {{final?: boolean, unreachable?: boolean, status?: number}} [about] final: trying again does not
   *   help as long as the stream is what it is; unreachable: there was no answer at all;
   *   status: the HTTP status.
   */
  constructor(message, { final = false, unreachable = false, status = 0 } = {}) {
    super(message);
    this.final = final;
    this.unreachable = unreachable;
    this.status = status;
  }
}

/** Times in milliseconds. */
export const TIMES = {
  look: 20, // between looks for the first frame
  patience: 2500, // without a frame until the next rung is begun beside
  watch: 1000, // between looks at a rung that plays
  doubt: 1500, // without a new frame until the gateway is asked
  stall: 5000, // without a new frame of a live stream until something is wrong
  grace: 8000, // for the frames to come back after the source did
  accident: 2000, // what played for so long and ended is begun again at once
  steady: 10_000, // what plays for so long was no accident
  pause: [1000, 15_000], // between two rounds, first and longest
  barred: 60_000, // until a password that was wrong is sent again: of ten a minute the gateway bars the address
  climb: [20_000, 300_000], // until a better rung is tried again, first and longest
};
