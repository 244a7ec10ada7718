/**
 * The report: shows the `analysis` document as soon as its measured parts are there. In place of a missing part it gives
 * the reason, if the document has one. It lists the parts that are still to come.
 */
import { el } from './dom.js';
import { cefr } from './report/cefr.js';
import { corrections } from './report/corrections.js';
import { fluency } from './report/fluency.js';
import { goals } from './report/goals.js';
import { list, missing, section } from './report/parts.js';
import { timeline } from './report/timeline.js';
import { vocabulary } from './report/vocabulary.js';
import { fill } from '../texts.js';
import { PENDING, REPORT } from '../wording.js';

export class ReportView {
  /** @param {HTMLElement} place @param {object} words actions for words to learn: see `vocabulary` */
  constructor(place, words) {
    this.place = place;
    this.words = words;
    this.shown = null;
  }

  /** @param {object|null} document as docs/schemas/analysis.schema.json describes it */
  render(document) {
    if (document === this.shown) return;
    const isFirst = !this.shown;
    this.shown = document;
    this.place.hidden = !document;
    this.place.replaceChildren(...(document ? report(document, this.words) : []));
    if (document && isFirst) this.place.scrollIntoView({ block: 'start' });
  }
}

function report(document, words) {
  return [
    el('h2', { id: 'report-title' }, REPORT.title),
    document.summary ? el('p', { class: 'summary' }, document.summary) : missing(document, 'summary'),
    comingUp(document),
    goals(document),
    timeline(document),
    cefr(document),
    fluency(document),
    corrections(document, words.onSay),
    vocabulary(document, words),
    nextSteps(document),
  ].filter(Boolean);
}

function comingUp({ pending }) {
  const parts = list(pending).map((part) => PENDING[part]).filter(Boolean);
  return parts.length > 0 && el('p', { class: 'pending' }, fill(REPORT.still_to_come, { parts: parts.join(', ') }));
}

/** The next steps, or why they are missing. The reason is left out if it already stands in place of the summary. */
function nextSteps(document) {
  const known = list(document.next_steps);
  const reason = missing(document, 'next_steps');
  if (!known.length && (!reason || document.unavailable.next_steps === document.unavailable.summary)) return null;
  return section(
    REPORT.next,
    known.length ? el('ol', { class: 'steps' }, ...known.map((step) => el('li', {}, step))) : reason,
  );
}
