/** The learner's words: how many, how rare, and which words to learn. */
import * as myWords from '../../my_words.js';
import { counted, number } from '../../texts.js';
import { BANDS, LOOKUP, REPORT } from '../../wording.js';
import { el, svg } from '../dom.js';
import { list, missing, section } from './parts.js';

/**
 * @param {object} document
 * @param {object} words
 * @param {(entry: import('../../my_words.js').KeptWord) => void} words.onKeep
 * @param {(sentence: string) => boolean} words.canHear whether the sound of a sentence of the partner's is kept
 * @param {(sentence: string) => void} words.onHear
 */
export function vocabulary(document, words) {
  const { vocabulary: found } = document;
  if (!found) return null;
  return section(REPORT.vocabulary, counts(found), rarity(found, document), rarest(found.rarity), toLearn(found.words_to_learn, words));
}

function counts({ words, distinct_words: distinct, unit = 'word' }) {
  if (!Number.isFinite(words)) return null;
  return el('p', {}, counted(unit === 'character' ? REPORT.used_characters : REPORT.used_words, words, { distinct: number(distinct ?? 0) }));
}

function rarity({ rarity: found }, document) {
  const bands = list(found?.bands).filter((band) => band?.words > 0);
  if (!bands.length) return missing(document, 'rarity');
  const total = bands.reduce((sum, band) => sum + band.words, 0);
  let x = 0;
  const bars = bands.map(({ name, words }) => {
    const width = (100 * words) / total;
    const bar = svg('rect', { class: `band ${name}`, x, width: Math.max(0.4, width - 0.4), height: 8 });
    x += width;
    return bar;
  });
  return el(
    'figure',
    { class: 'bands' },
    svg('svg', { viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, ...bars),
    el('figcaption', {}, ...bands.map(({ name, words }) => el('span', { class: `key band ${name}` }, `${BANDS[name] ?? name} ${number(words)}`))),
  );
}

function rarest(found) {
  const words = list(found?.rarest_words).map((each) => each?.word).filter(Boolean);
  const [before, after] = REPORT.rarest.split('{words}');
  return words.length ? el('p', {}, before, el('i', {}, words.slice(0, 8).join(', ')), after) : null;
}

function toLearn(found, words) {
  const known = list(found).filter((each) => each?.word);
  if (!known.length) return null;
  return el(
    'div',
    { class: 'to-learn' },
    el('h4', {}, REPORT.to_learn),
    el('dl', {}, ...known.map((each) => learnable(each, words))),
  );
}

function learnable({ word, meaning, zipf, heard_in: sentence = '' }, { onKeep, onHear, canHear }) {
  const entry = { word, sentence, meaning, zipf, cefr: null, kept: myWords.today() };
  return el(
    'div',
    {},
    el('dt', {}, word),
    meaning && el('dd', { class: 'meaning' }, meaning),
    sentence && el('dd', {}, ...within(sentence, word)),
    el(
      'dd',
      { class: 'learn-actions' },
      keepButton(entry, onKeep),
      sentence && canHear(sentence) && button(LOOKUP.sentence, `${LOOKUP.sentence}: ${word}`, () => onHear(sentence)),
    ),
  );
}

function keepButton(entry, onKeep) {
  const kept = myWords.has(myWords.load(), entry.word);
  const made = button(kept ? LOOKUP.kept : LOOKUP.keep, `${kept ? LOOKUP.kept : LOOKUP.keep}: ${entry.word}`, () => {
    onKeep(entry);
    made.textContent = LOOKUP.kept;
    made.setAttribute('aria-label', `${LOOKUP.kept}: ${entry.word}`);
    made.setAttribute('aria-disabled', 'true');
  });
  return made;
}

function button(label, name, act) {
  const made = el('button', { type: 'button', 'aria-label': name }, label);
  made.addEventListener('click', act);
  return made;
}

/** The sentence, with the word highlighted. */
function within(sentence, word) {
  const at = sentence.toLowerCase().indexOf(word.toLowerCase());
  if (at < 0) return [sentence];
  return [sentence.slice(0, at), el('em', {}, sentence.slice(at, at + word.length)), sentence.slice(at + word.length)];
}
