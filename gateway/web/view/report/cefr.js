/** The estimated level on its scale, with the evidence. */
import { REPORT, remark } from '../../wording.js';
import { el } from '../dom.js';
import { list, missing, section } from './parts.js';

const SCALE = ['A1', 'A2', 'B1', 'B2', 'C1', 'C2'];

export function cefr(document) {
  const { cefr: found, pending } = document;
  if (list(pending).includes('cefr')) return null; // mistakes count for the level, and the search for them is not over
  const evidence = list(found?.evidence);
  const reason = missing(document, 'cefr');
  if (!found?.estimate && !evidence.length && !reason) return null;
  return section(
    REPORT.level,
    found?.estimate ? verdict(found) : reason,
    evidence.length > 0 && el('ul', { class: 'evidence' }, ...evidence.map((sign, i) => el('li', {}, remark(found.evidence_codes?.[i], sign)))),
  );
}

function verdict({ estimate, confidence }) {
  const steps = SCALE.map((step) => el('li', { class: step === estimate ? 'here' : null }, step));
  return el(
    'div',
    { class: 'verdict' },
    el('p', { class: 'estimate' }, ...about(estimate)),
    el('ol', { class: 'ladder', 'aria-hidden': 'true' }, ...steps),
    el('p', { class: 'fine' }, REPORT[`confidence_${confidence}`] ?? REPORT.estimate_note),
  );
}

/** The level, in bold within its text. */
function about(level) {
  const [before, after] = REPORT.estimate.split('{level}');
  return [before, el('strong', {}, level), after];
}
