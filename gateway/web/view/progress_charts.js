/** Small charts of how a figure changed from conversation to conversation, and the same figures as a table. */
import { CHARTS, PROGRESS, rangeTo, summaryOf } from '../progress_wording.js';
import { number, pageLanguage } from '../texts.js';
import { el, svg } from './dom.js';

const WIDTH = 320;
const HEIGHT = 96;
const TOP = 10;
const LEFT = 4;
const STEPS = [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** @param {import('../progress.js').Talk[]} talks the oldest first */
export function charts(talks) {
  const drawn = CHARTS.map((chart) => picture(chart, talks)).filter(Boolean);
  return el('div', { class: 'charts' }, ...drawn);
}

function picture(chart, talks) {
  const points = talks.map((talk, at) => ({ at, value: talk[chart.field], day: day(talk) })).filter(({ value }) => Number.isFinite(value));
  if (!points.length) return null;
  const top = ceiling(Math.max(...points.map(({ value }) => value)));
  const x = (at) => LEFT + (talks.length === 1 ? 0.5 : at / (talks.length - 1)) * (WIDTH - 2 * LEFT);
  const y = (value) => HEIGHT - (value / top) * (HEIGHT - TOP);
  const line = points.map(({ at, value }, i) => `${i ? 'L' : 'M'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join('');
  const dots = points.map(({ at, value, day: on }) => svg('circle', { cx: x(at), cy: y(value), r: 3.2 }, svg('title', {}, `${on}: ${number(value)}`)));
  const grid = [0, top / 2, top].map((value) => svg('line', { class: 'grid', x1: 0, x2: WIDTH, y1: y(value), y2: y(value) }));
  return el(
    'figure',
    { class: 'chart' },
    el('h4', {}, chart.title),
    el('p', { class: 'latest' }, el('strong', {}, number(points.at(-1).value)), ` ${chart.unit}`),
    svg(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${HEIGHT + 4}`, role: 'img', 'aria-label': summaryOf(chart, points.map(({ value }) => number(value))) },
      ...grid,
      svg('path', { d: line }),
      ...dots,
    ),
    el('figcaption', {}, el('span', {}, points[0].day), el('span', {}, rangeTo(top)), el('span', {}, points.length > 1 && points.at(-1).day)),
  );
}

/** The charts' figures as a table, the newest first. */
export function table(talks) {
  const head = ['', ...CHARTS.map(({ title, unit }) => `${title}, ${unit}`)];
  const rows = [...talks].reverse().map((talk) =>
    el('tr', {}, el('th', { scope: 'row' }, day(talk)), ...CHARTS.map(({ field }) => el('td', {}, number(talk[field]) ?? '–'))),
  );
  return el(
    'details',
    { class: 'figures-table' },
    el('summary', {}, PROGRESS.table),
    el(
      'div',
      { class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': PROGRESS.talks },
      el('table', {}, el('thead', {}, el('tr', {}, ...head.map((title) => el('th', { scope: 'col' }, title)))), el('tbody', {}, ...rows)),
    ),
  );
}

function day({ ended_at: time }) {
  return new Date(time).toLocaleDateString(pageLanguage, { day: 'numeric', month: 'short' });
}

/** The smallest round number that is not below `value`: 7 → 8, 83 → 100, 130 → 150. */
export function ceiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * STEPS.find((step) => step * power >= value);
}
