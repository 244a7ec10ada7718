/** A picture of the conversation: who spoke when, the pauses within turns, and the interruptions. */
import { clock, score } from '../../score.js';
import { counted, fill, number } from '../../texts.js';
import { REPORT, TRANSCRIPT } from '../../wording.js';
import { el, svg } from '../dom.js';
import { list, section } from './parts.js';

const WIDTH = 1000;
const THICK = 13;
const HEIGHT = 34;
const MIDDLE = HEIGHT / 2; // the learner is above it, the partner below
const LANE = { learner: MIDDLE - 1 - THICK, partner: MIDDLE + 1 }; // y
const TYPED_WIDTH = 8;

export function timeline({ timeline: turns, conversation = {} }) {
  const known = list(turns).filter((turn) => Number.isFinite(turn?.started_s) && Number.isFinite(turn.duration_s));
  if (!known.length) return null;
  const { lineS, lines } = score(known, conversation.duration_s ?? 0);
  return section(
    REPORT.timeline,
    el(
      'figure',
      { class: 'score' },
      el('div', { role: 'img', 'aria-label': inWords(known) }, ...lines.map((line) => row(line, lineS))),
      el(
        'figcaption',
        {},
        el('span', { class: 'key learner' }, TRANSCRIPT.you),
        el('span', { class: 'key partner' }, TRANSCRIPT.partner),
        known.some((turn) => list(turn.pauses).length) && el('span', { class: 'key pause' }, REPORT.pause),
        known.some((turn) => turn.interrupted) && el('span', { class: 'key cut' }, REPORT.cut),
        el('span', { class: 'scale' }, lineS < 60 ? fill(REPORT.line_seconds, { count: lineS }) : fill(REPORT.line_minutes, { count: number(lineS / 60) })),
      ),
    ),
  );
}

function row({ startS, pieces }, lineS) {
  const scale = WIDTH / lineS;
  const frame = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none' };
  const stave = svg('line', { class: 'stave', x1: 0, x2: WIDTH, y1: MIDDLE, y2: MIDDLE });
  const marks = pieces.flatMap((piece) => draw(piece, startS, scale));
  return el('div', { class: 'line' }, el('span', { class: 'at' }, clock(startS)), svg('svg', frame, stave, ...marks));
}

function draw({ turn, fromS, toS, last }, lineStartS, scale) {
  const y = LANE[turn.role] ?? LANE.partner;
  const width = Math.max(turn.typed ? TYPED_WIDTH : 3, (toS - fromS) * scale);
  const x = Math.min(fromS * scale, WIDTH - width);
  const title = svg('title', {}, fill(turn.typed ? REPORT.typed_turn : REPORT.spoken_turn, { at: clock(turn.started_s), words: counted(REPORT.words, turn.words ?? 0) }));
  const bar = svg('rect', { class: `${turn.role}${turn.typed ? ' typed' : ''}`, x, y, width, height: THICK }, title);
  const pauses = list(turn.pauses)
    .map((pause) => ({ from: pause.started_s - lineStartS, long: pause.duration_s }))
    .filter(({ from, long }) => from + long > fromS && from < toS)
    .map(({ from, long }) => svg('rect', { class: 'pause', x: from * scale, y, width: long * scale, height: THICK }));
  const cut = turn.interrupted && last && svg('line', { class: 'cut', x1: x + width, x2: x + width, y1: 1, y2: HEIGHT - 1 });
  return [bar, ...pauses, cut].filter(Boolean);
}

function inWords(turns) {
  const taken = (role) => counted(REPORT.turns, turns.filter((turn) => turn.role === role).length);
  return fill(REPORT.turns_taken, { learner: taken('learner'), partner: taken('partner') });
}
