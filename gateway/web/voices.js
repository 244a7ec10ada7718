/** The partner's voices, the languages that can be practised with them, and the learner's choice of both. */
import * as memory from './memory.js';
import { ask } from './server.js';

let known = [];

/** @typedef {{id: string, name: string, language: string}} Voice language: a BCP-47 tag, with the region */

/** Call this once the server is ready. A voice whose language recognition does not know is left out. */
export async function loadVoices() {
  const { voices = [], languages } = (await ask('voices')) ?? {};
  known = languages ? voices.filter(({ language }) => languages.includes(language)) : voices; // an older server has no list
}

/** The languages that can be practised, without regions: the default voice's first. */
export function languages() {
  return [...new Set(known.map(({ language }) => base(language)))];
}

/** The language that is practised, without its region; null: the server decides. */
export function practised() {
  const chosen = memory.practised.load();
  const there = languages();
  return !there.length || there.includes(chosen) ? chosen : there[0];
}

/** The voices that speak the practised language. @returns {Voice[]} */
export function voices() {
  return known.filter(({ language }) => base(language) === practised());
}

/** The id of the voice to request. Null, for the language's first voice, if none was chosen or it no longer exists. */
export function chosenVoice() {
  const id = memory.voice.load();
  return voices().some((voice) => voice.id === id) ? id : null;
}

/** `en` for `en-GB`. */
export function base(tag) {
  return tag.split('-')[0].toLowerCase();
}
