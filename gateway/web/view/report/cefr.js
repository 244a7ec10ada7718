/** The estimated level on its scale, with the evidence. */
import { el } from '../dom.js';
import { list, missing, section } from './parts.js';

const SCALE = ['A1', 'A2', 'B1', 'B2', 'C1', 'C2'];

export function cefr({ cefr: found, unavailable, pending }) {
  if (list(pending).includes('cefr')) return null; // mistakes count for the level, and the search for them is not over
  const evidence = list(found?.evidence);
  if (!found?.estimate && !evidence.length && !unavailable?.cefr) return null;
  return section(
    'Level',
    found?.estimate ? verdict(found) : missing(unavailable?.cefr),
    evidence.length > 0 && el('ul', { class: 'evidence' }, ...evidence.map((sign) => el('li', {}, sign))),
  );
}

function verdict({ estimate, confidence }) {
  const steps = SCALE.map((step) => el('li', { class: step === estimate ? 'here' : null }, step));
  return el(
    'div',
    { class: 'verdict' },
    el('p', { class: 'estimate' }, 'About ', el('strong', {}, estimate)),
    el('ol', { class: 'ladder', 'aria-hidden': 'true' }, ...steps),
    el('p', { class: 'fine' }, `An estimate${confidence ? ` with ${confidence} confidence` : ''} from this one conversation, not an exam.`),
  );
}
