/** Corrections as an editor would write them into the sentence. */
import { wordDiff } from '../../diff.js';
import { REPORT, SHADOWING, reason as told } from '../../wording.js';
import { el } from '../dom.js';
import { list, missing, section } from './parts.js';

/**
 * @param {object} document
 * @param {(part: {text: string}, opener: HTMLElement) => void} onSay the learner wants to say the corrected sentence
 */
export function corrections(document, onSay) {
  const { grammar, pending } = document;
  const found = list(grammar?.corrections).filter((each) => each?.original && each.corrected);
  const reason = missing(document, 'grammar');
  if (!found.length && (list(pending).includes('grammar') || (!grammar && !reason))) return null;
  if (!found.length) return section(REPORT.corrections, reason ?? el('p', {}, REPORT.nothing_to_correct));
  return section(REPORT.corrections, el('ul', { class: 'corrections' }, ...found.map((each) => correction(each, onSay))), reason);
}

function correction(found, onSay) {
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
    at >= 0 && say(`${before}${corrected}${after}`, onSay),
  );
}

function say(text, onSay) {
  const button = el('button', { type: 'button', class: 'say-it', 'aria-label': `${SHADOWING.open}: ${text}` }, SHADOWING.open);
  button.addEventListener('click', () => onSay({ text }, button));
  return button;
}

/** What was said, struck out, and what to say instead. @returns {(Node|string)[]} */
export function markUp(original, corrected) {
  return wordDiff(original, corrected).flatMap(({ kind, text }) => {
    if (kind === 'same') return [text];
    const word = text.trimEnd();
    return [el(kind === 'out' ? 'del' : 'ins', {}, word), text.slice(word.length) || ' '];
  });
}
