/**
 * The learner's record of progress: whether the learner agreed to one, and the requests for it. The server keeps the
 * record, under the learner's id. This browser keeps only the learner's choice.
 */
import * as memory from './memory.js';
import { ask, send } from './server.js';
import { pageLanguage } from './texts.js';
import { base } from './voices.js';

const MOST_PRACTISED = 4; // as gateway/conversation/learner.py has it

/**
 * @typedef {{ended_at: string, language: string, words: number, distinct_words: number, words_per_minute: number|null,
 *   pauses_per_minute: number|null, corrections_per_100_words: number|null, new_words: number}} Talk
 * @typedef {{word: string, language: string, sentence: string, meaning: string, card: {due: string}}} WordToLearn
 * @typedef {{kept: boolean, conversations: Talk[], mistakes: object[], words_to_learn: WordToLearn[]}} Progress
 */

/** Whether the learner has agreed to a record, by a choice in this browser. */
export const isKept = () => memory.keepsProgress.load() === true;

/** The field of `start` that says that the learner agrees; empty without consent. */
export function consent() {
  return isKept() ? { keep_progress: true } : {};
}

/**
 * Agree to a record. `words`, those that this browser keeps, are added to it.
 * @returns {Promise<boolean>} whether the record was begun
 */
export async function agree(words) {
  const begun = await send('PUT', 'learner', { keep_progress: true });
  if (!begun) return false;
  memory.keepsProgress.save(true);
  // one after the other, because the number of connections at once is limited
  for (const word of words) await keepWord(word);
  return true;
}

/** Keep no new data from now on. Existing data stay until they are erased. */
export function stop() {
  memory.keepsProgress.save(false);
}

/** @returns {Promise<Progress|null>} null: the server can't be reached, or refuses */
export const load = () => ask('learner/progress');

/** @param {import('./my_words.js').KeptWord & {language?: string}} entry */
export async function keepWord({ word, sentence, meaning, language }) {
  if (!isKept()) return;
  await send('POST', 'learner/words', { word, language: language ?? 'en', sentence: (sentence ?? '').slice(0, 400), meaning: (meaning ?? '').slice(0, 400) });
}

export async function removeWord(word, language) {
  if (isKept()) await send('POST', 'learner/words/remove', { word, language: language ?? 'en' });
}

/** @param {'again'|'hard'|'good'|'easy'} rating @returns {Promise<WordToLearn|null>} */
export const review = ({ word, language }, rating) => send('POST', 'learner/words/review', { word, language, rating });

/** @returns {Promise<object|null>} everything that the server keeps about the learner */
export const everything = () => ask('learner/export');

/** @returns {Promise<object|null>} what was erased; null: nothing, because the server can't be reached, or refuses */
export async function erase() {
  const answer = await send('DELETE', 'learner');
  if (answer) stop();
  return answer?.erased ?? null;
}

/** The words that are due at this time; the one that has been due the longest comes first. @param {Progress} progress @param {Date} now */
export function due(progress, now) {
  const found = progress.words_to_learn.filter(({ card }) => new Date(card.due) <= now);
  return found.sort((a, b) => new Date(a.card.due) - new Date(b.card.due) || (a.word < b.word ? -1 : 1));
}

/**
 * The words to use in the next conversation. The server tells the partner the same words, if its model is large enough.
 * @param {string} language BCP-47 tag @returns {Promise<string[]>} none without consent, or if the server is away
 */
export async function toPractise(language) {
  const found = isKept() ? await load() : null;
  if (!found?.kept) return [];
  const spoken = due(found, new Date()).filter((each) => base(each.language) === base(language));
  return spoken.slice(0, MOST_PRACTISED).map(({ word }) => word);
}

/** "in 3 days": when a word comes back. @param {string} time @param {Date} now */
export function fromNow(time, now) {
  const minutes = Math.max(1, Math.round((new Date(time) - now) / 60_000));
  const [count, unit] = minutes < 90 ? [minutes, 'minute'] : minutes < 36 * 60 ? [Math.round(minutes / 60), 'hour'] : [Math.round(minutes / 1440), 'day'];
  return new Intl.RelativeTimeFormat(pageLanguage).format(count, unit);
}
