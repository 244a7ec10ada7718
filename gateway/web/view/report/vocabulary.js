/** The learner's words: how many, how rare, and which ones to take home. */
import { el, svg } from '../dom.js';
import { list, missing, number, plural, section } from './parts.js';

const BANDS = {
  most_common: 'most common',
  common: 'common',
  less_common: 'less common',
  rare: 'rare',
  unknown: 'not in the list',
};

export function vocabulary({ vocabulary: found, unavailable }) {
  if (!found) return null;
  return section('Words', counts(found), rarity(found, unavailable), rarest(found.rarity), toLearn(found.words_to_learn));
}

function counts({ words, distinct_words: distinct, unit = 'word' }) {
  if (!Number.isFinite(words)) return null;
  return el('p', {}, `You used ${plural(words, unit)}, ${number(distinct ?? 0)} of them different.`);
}

function rarity({ rarity: found }, unavailable) {
  const bands = list(found?.bands).filter((band) => band?.words > 0);
  if (!bands.length) return missing(unavailable?.rarity);
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
  return words.length ? el('p', {}, 'Your rarest: ', el('i', {}, words.slice(0, 8).join(', ')), '.') : null;
}

function toLearn(words) {
  const known = list(words).filter((each) => each?.word);
  if (!known.length) return null;
  return el(
    'div',
    { class: 'to-learn' },
    el('h4', {}, 'Worth learning'),
    el('dl', {}, ...known.map(learnable)),
  );
}

function learnable({ word, meaning, heard_in: sentence }) {
  return el(
    'div',
    {},
    el('dt', {}, word),
    meaning && el('dd', { class: 'meaning' }, meaning),
    sentence && el('dd', {}, ...within(sentence, word)),
  );
}

/** The sentence, with the word picked out. */
function within(sentence, word) {
  const at = sentence.toLowerCase().indexOf(word.toLowerCase());
  if (at < 0) return [sentence];
  return [sentence.slice(0, at), el('em', {}, sentence.slice(at, at + word.length)), sentence.slice(at + word.length)];
}
