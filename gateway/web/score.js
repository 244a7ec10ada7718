/** Lays the conversation out like a musical score: time runs along lines of equal length, one below the other. Pure. */

const LINE_LENGTHS_S = [15, 30, 60, 120, 300, 600, 1800];
const MOST_LINES = 6;

/**
 * @param {{role: string, started_s: number, duration_s: number}[]} turns the analysis' `timeline`
 * @param {number} durationS of the conversation
 * @returns {{lineS: number, lines: {startS: number, pieces: {turn: object, fromS: number, toS: number, first: boolean,
 * last: boolean}[]}[]}} fromS, toS: within the line. first, last: whether this is the first or last
 * piece of its turn. A turn that exceeds a line continues on the next.
 */
export function score(turns, durationS) {
  const end = Math.max(1, durationS, ...turns.map((turn) => turn.started_s + turn.duration_s));
  const lineS = LINE_LENGTHS_S.find((length) => length * MOST_LINES >= end) ?? Math.ceil(end / MOST_LINES);
  const count = Math.ceil(end / lineS);
  const lines = Array.from({ length: count }, (_, i) => ({ startS: i * lineS, pieces: [] }));
  for (const turn of turns) {
    const endS = turn.started_s + turn.duration_s;
    const firstLine = Math.min(count - 1, Math.floor(turn.started_s / lineS));
    for (let i = firstLine; i < count && (i === firstLine || i * lineS < endS); i += 1) {
      const fromS = Math.max(0, turn.started_s - i * lineS);
      const toS = Math.min(lineS, endS - i * lineS);
      lines[i].pieces.push({ turn, fromS, toS, first: i === firstLine, last: endS <= (i + 1) * lineS });
    }
  }
  return { lineS, lines };
}

/** 75 → "1:15". */
export function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
