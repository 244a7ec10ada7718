/** Corrections as an editor would write them into the sentence. */
import { wordDiff } from '../../diff.js';
import { REPORT, reason as told } from '../../wording.js';
import { el } from '../dom.js';
import { list, missing, section } from './parts.js';

export function corrections(document) {
  const { grammar, pending } = document;
  const found = list(grammar?.corrections).filter((each) => each?.original && each.corrected);
  const reason = missing(document, 'grammar');
  if (!found.length && (list(pending).includes('grammar') || (!grammar && !reason))) return null;
  if (!found.length) return section(REPORT.corrections, reason ?? el('p', {}, REPORT.nothing_to_correct));
  return section(REPORT.corrections, el('ul', { class: 'corrections' }, ...found.map(correction)), reason);
}

function correction(found) {
  const { original, corrected, sentence } = found;
  const why = told(found);
  const at = sentence ? sentence.indexOf(original) : -1;
  const before = at < 0 ? '' : sentence.slice(0, at);
  const after = at < 0 ? '' : sentence.slice(at + original.length);
  return el(
    'li',
    {},
    el('p', { class: 'marked' }, before, ...markUp(original, corrected), after),
    why && el('p', { class: 'why' }, why),
  );
}

/** What was said, struck out, and what to say instead. @returns {(Node|string)[]} */
export function markUp(original, corrected) {
  return wordDiff(original, corrected).flatMap(({ kind, text }) => {
    if (kind === 'same') return [text];
    const word = text.trimEnd();
    return [el(kind === 'out' ? 'del' : 'ins', {}, word), text.slice(word.length) || ' '];
  });
}
