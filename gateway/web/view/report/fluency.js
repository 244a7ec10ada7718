/** The measured numbers, in large figures. */
import { fill, number } from '../../texts.js';
import { REPORT } from '../../wording.js';
import { el, svg } from '../dom.js';
import { section, whyMissing } from './parts.js';

export function fluency(document) {
  const { fluency: found, vocabulary } = document;
  if (!found) return null;
  if (found.turns === 0) return section(REPORT.fluency, el('p', { class: 'fine' }, REPORT.unspoken));
  const unit = vocabulary?.unit === 'character' ? 'characters' : 'words';
  const figures = [
    figure(found.words_per_minute, REPORT[`${unit}_per_minute`]),
    figure(found.speaking_time_s, REPORT.speaking_time),
    figure(found.mean_words_per_turn, REPORT[`${unit}_per_turn`]),
    figure(found.pauses?.per_minute, REPORT.pauses_per_minute, longest(found.pauses)),
    figure(found.fillers?.count, REPORT.fillers, names(found.fillers)),
    figure(found.mean_response_time_s, REPORT.response_time),
  ].filter(Boolean);
  if (!figures.length) return null;
  const reason = whyMissing(document, 'fillers');
  const unmeasured = reason && el('p', { class: 'fine' }, fill(REPORT.fillers_missing, { reason }));
  return section(REPORT.fluency, el('dl', { class: 'figures' }, ...figures), share(found.share_of_talk), unmeasured);
}

function figure(value, label, detail) {
  const shown = number(value);
  if (shown === null) return null;
  return el('div', {}, el('dt', {}, label), el('dd', {}, shown), detail && el('dd', { class: 'fine' }, detail));
}

function longest(pauses) {
  const seconds = number(pauses?.longest_s);
  return seconds === null ? null : fill(REPORT.longest_pause, { seconds });
}

function names(fillers) {
  const known = Object.entries(fillers?.by_filler ?? {}).slice(0, 3);
  return known.length ? known.map(([word, count]) => `${word} × ${count}`).join(', ') : null;
}

/** The learner's share of the talk, as a bar of two colours. */
function share(value) {
  if (!Number.isFinite(value)) return null;
  const percent = Math.round(100 * value);
  const bar = svg(
    'svg',
    { class: 'share', viewBox: '0 0 100 6', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { class: 'partner', width: 100, height: 6 }),
    svg('rect', { class: 'learner', width: percent, height: 6 }),
  );
  return el('div', { class: 'share-of-talk' }, bar, el('p', { class: 'fine' }, fill(REPORT.share, { percent })));
}
