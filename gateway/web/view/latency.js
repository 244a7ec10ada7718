/** How long the learner waited for a reply, and for which stage: a small waterfall diagram, folded at first. */
import { fill } from '../texts.js';
import { STAGES } from '../wording.js';
import { el, svg } from './dom.js';

const WIDTH = 100;
const ROW = 14;

/**
 * @param {Object<string, number>} stages stage → milliseconds after the learner's last sound at which it was reached
 * @returns {HTMLDetailsElement|null}
 */
export function latency(stages) {
  const steps = Object.entries(stages)
    .filter(([, ms]) => Number.isFinite(ms) && ms >= 0)
    .sort(([, a], [, b]) => a - b);
  if (!steps.length) return null;
  const total = steps.at(-1)[1];
  return el(
    'details',
    { class: 'latency' },
    el('summary', {}, fill(STAGES.answered, { seconds: (total / 1000).toFixed(total < 10000 ? 2 : 1) })),
    el('ul', {}, ...steps.map(([name, ms], i) => row(name, steps[i - 1]?.[1] ?? 0, ms, total))),
  );
}

function row(name, fromMs, toMs, totalMs) {
  const scale = WIDTH / Math.max(totalMs, 1);
  const bar = svg('rect', {
    x: fromMs * scale,
    y: 4,
    width: Math.max(0.8, (toMs - fromMs) * scale),
    height: ROW - 8,
    rx: 1,
  });
  const picture = svg(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${ROW}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    bar,
  );
  const label = STAGES[name] ?? name.replaceAll('_', ' ');
  return el('li', {}, el('span', {}, label), picture, el('span', { class: 'ms' }, `${Math.round(toMs)} ms`));
}
