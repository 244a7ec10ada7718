/**
 * The words that the learner keeps. `load` and `save` use this browser's storage, and `today` its clock; the rest is
 * pure.
 */
import * as memory from './memory.js';

/**
 * @typedef {{word: string, sentence: string, meaning?: string|null, zipf: number|null, cefr: string|null, kept: string, language?: string}} KeptWord
 * kept: an ISO date
 */

/** @returns {KeptWord[]} the latest first */
export function load() {
  const kept = memory.words.load();
  return Array.isArray(kept) ? kept.filter((each) => typeof each?.word === 'string') : [];
}

export const save = memory.words.save;

/** Add a word. The same word has one entry, with the latest sentence. */
export function add(kept, entry) {
  return [entry, ...remove(kept, entry.word)];
}

export function remove(kept, word) {
  return kept.filter((each) => key(each.word) !== key(word));
}

export function has(kept, word) {
  return kept.some((each) => key(each.word) === key(word));
}

/** A line for each word: the word, a tab, its sentence. */
export function toText(kept) {
  return kept.map(({ word, sentence }) => `${word}\t${sentence.replaceAll(/\s+/gu, ' ')}\n`).join('');
}

/** CSV by RFC 4180, with a header row. A cell that a spreadsheet would take for a formula gets a leading apostrophe. */
export function toCsv(kept) {
  const rows = kept.map(({ word, meaning, sentence, zipf, cefr, kept: date }) => [word, meaning ?? '', sentence, zipf ?? '', cefr ?? '', date]);
  return [['word', 'meaning', 'sentence', 'zipf', 'level', 'kept'], ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/** Today's ISO date in UTC. */
export function today() {
  return new Date().toISOString().slice(0, 10);
}

function cell(value) {
  const text = String(value);
  return `"${(/^[=+\-@\t\r]/u.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}

function key(word) {
  return word.toLocaleLowerCase();
}
