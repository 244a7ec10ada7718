/**
 * Compares the learner's recordings of a sentence ("takes") with the voice that says the same sentence: how long both
 * take, where they pause, and of which words recognition is unsure. Pure.
 *
 * It names a sound only if the server heard another one in its place in several takes, and not in the voice.
 */
import { words as segmented } from './aitalk/sentences.js';
import { common } from './diff.js';

const FRAME_S = 0.01;
const PAUSE_S = 0.25; // shorter silences are part of fluent speech, as in the report
const CLICK_S = 0.04; // a shorter sound is a click, not a voice
const QUIET_DB = 30; // below the loud frames: silence
const FLOOR_DB = 9; // above the background noise: voice
const LEAST_RANGE_DB = 12; // a loud background doesn't raise the limit above this distance from the loud frames
const SILENT_DB = -60; // a recording that never gets louder than this has no voice
const UNSURE = 0.5; // recognition is unsure of a word with a lower confidence
const UNDERSTOOD = 0.5; // a take counts if recognition finds at least this share of the sentence's words in it
const WHOLE = 0.8; // the paces are compared if at least this share was found
const SEVERAL = 2;
const UNSPACED = ['zh', 'ja', 'th', 'lo', 'km', 'my'];

/**
 * @typedef {{samples: Float32Array, rate: number}} Sound mono, −1 to 1; rate in Hz
 * @typedef {{text: string, fromS: number, toS: number, confidence: number}} Heard a word that recognition has found
 * @typedef {{text: string, confidence: number, fromS: number|null, toS: number|null}} Said a word of the sentence.
 *   confidence: 0 if recognition has not found it; fromS, toS: null then
 */

/**
 * Where the voice begins and ends in a recording, and the pauses between.
 * @param {Sound} sound
 * @returns {{fromS: number, toS: number, pauses: {fromS: number, toS: number}[]}|null} null: there is no voice
 */
export function voiced({ samples, rate }) {
  const runs = loudRuns(levels(samples, Math.round(rate * FRAME_S)));
  if (!runs.length) return null;
  const gaps = runs.slice(1).map(([from], i) => ({ fromS: runs[i][1] * FRAME_S, toS: from * FRAME_S }));
  return {
    fromS: runs[0][0] * FRAME_S,
    toS: runs.at(-1)[1] * FRAME_S,
    pauses: gaps.filter(({ fromS, toS }) => toS - fromS >= PAUSE_S - FRAME_S / 2),
  };
}

/** The level of each frame in dB of full scale. */
function levels(samples, size) {
  return Array.from({ length: Math.floor(samples.length / size) }, (_, at) => {
    let sum = 0;
    for (let i = at * size; i < (at + 1) * size; i += 1) sum += samples[i] ** 2;
    return 10 * Math.log10(sum / size + 1e-12);
  });
}

/** The runs of loud frames, without clicks. @returns {[number, number][]} first frame, frame after the last */
function loudRuns(all) {
  const sorted = [...all].sort((a, b) => a - b);
  const at = (share) => sorted[Math.floor(share * (sorted.length - 1))] ?? SILENT_DB;
  const loud = at(0.95);
  if (loud <= SILENT_DB) return [];
  const limit = Math.max(loud - QUIET_DB, Math.min(at(0.1) + FLOOR_DB, loud - LEAST_RANGE_DB));
  const runs = [];
  all.forEach((level, frame) => {
    if (level < limit) return;
    if (runs.at(-1)?.[1] === frame) runs.at(-1)[1] = frame + 1;
    else runs.push([frame, frame + 1]);
  });
  return runs.filter(([from, to]) => (to - from) * FRAME_S >= CLICK_S - FRAME_S / 2);
}

/**
 * Finds the sentence's words among those that recognition has heard.
 * @param {string} sentence
 * @param {Heard[]} heard
 * @param {string} language BCP-47 tag
 * @returns {Said[]} a value for each word of the sentence
 */
export function said(sentence, heard, language) {
  const wanted = tokens(sentence, language);
  const found = timed(heard, language);
  const partner = new Map(common(wanted.map(plain), found.map(({ text }) => plain(text))));
  return wanted.map((text, i) => {
    const { confidence = 0, fromS = null, toS = null } = found[partner.get(i)] ?? {};
    return { text, confidence, fromS, toS };
  });
}

/** The words as the sentence's words are cut, because recognition may cut them in another way ("well-known"). */
function timed(heard, language) {
  const space = UNSPACED.includes(language.split('-')[0].toLowerCase()) ? '' : ' ';
  const spans = [];
  let text = '';
  for (const word of heard) {
    text += spans.length ? space : '';
    spans.push({ ...word, start: text.length });
    text += word.text.trim();
  }
  let from = 0;
  return segmented(text, language).flatMap(({ text: part, isWord }) => {
    const [start, end] = [from, (from += part.length)];
    const under = spans.filter((span) => span.start < end && span.start + span.text.trim().length > start);
    if (!isWord || !under.length) return [];
    const confidence = Math.min(...under.map((span) => span.confidence));
    return [{ text: part, confidence, fromS: under[0].fromS, toS: under.at(-1).toS }];
  });
}

function tokens(sentence, language) {
  return segmented(sentence, language).filter(({ isWord }) => isWord).map(({ text }) => text);
}

function plain(word) {
  return word.normalize('NFKC').toLocaleLowerCase().replaceAll('’', "'").replaceAll(/[^\p{L}\p{M}\p{N}']/gu, '');
}

/** The share of the sentence's words that recognition has found in a take. @param {Said[]} words */
export function found(words) {
  return words.length ? words.filter(({ fromS }) => fromS !== null).length / words.length : 0;
}

/**
 * The pace and the pauses of a recording of a sentence.
 * @param {Sound} sound
 * @param {number} words how many the sentence has
 * @returns {{seconds: number, perMinute: number, pauses: number, pauseS: number}|null} null: there is no voice
 */
export function tempo(sound, words) {
  const range = voiced(sound);
  if (!range) return null;
  const seconds = range.toS - range.fromS;
  const pauseS = range.pauses.reduce((sum, { fromS, toS }) => sum + toS - fromS, 0);
  return { seconds, perMinute: (60 * words) / seconds, pauses: range.pauses.length, pauseS };
}

/** Whether the take has so much of the sentence that its pace can be compared with the voice's. @param {Said[]} words */
export const isWhole = (words) => found(words) >= WHOLE;

/** Whether the take counts at all. @param {Said[]} words */
export const isUnderstood = (words) => found(words) >= UNDERSTOOD;

/**
 * The words of which recognition was unsure in several takes. A word that it does not recognise surely in the voice,
 * either, is left out, because then the learner is not the reason.
 * @param {Said[][]} takes
 * @param {Said[]} voice
 * @returns {number[]|null} indices of the sentence's words; null: there are too few takes that count
 */
export function unsure(takes, voice) {
  const counted = takes.filter(isUnderstood);
  if (counted.length < SEVERAL) return null;
  return voice.flatMap(({ confidence }, i) => {
    const doubts = counted.filter((words) => words[i].confidence < UNSURE).length;
    return confidence >= UNSURE && doubts >= SEVERAL && doubts > counted.length / 2 ? [i] : [];
  });
}

/**
 * The sounds in whose place another one was heard in several takes.
 * @param {{words: Said[], slips: Slip[]}[]} takes
 * @param {Slip[]} voice the slips that were heard in the voice: nobody made these
 * @returns {Slip[]}
 * @typedef {{word: number, expected: string, heard: string}} Slip word: its number among the words that white space
 *   separates. expected, heard: in IPA; heard: empty if the sound was missing
 */
export function slipsOf(takes, voice) {
  const counted = takes.filter(({ words }) => isUnderstood(words));
  if (counted.length < SEVERAL) return [];
  const key = ({ word, expected }) => `${word} ${expected}`;
  const known = new Set(voice.map(key));
  const times = new Map();
  for (const slip of counted.flatMap(({ slips }) => slips)) times.set(key(slip), [...(times.get(key(slip)) ?? []), slip]);
  return [...times.entries()]
    .filter(([name, found]) => !known.has(name) && found.length >= SEVERAL && found.length > counted.length / 2)
    .map(([, found]) => found.at(-1));
}

/** The loudest sample of each of `columns` equal parts of a recording, 0 to 1. @param {Float32Array} samples */
export function outline(samples, columns) {
  const size = samples.length / columns;
  return Array.from({ length: columns }, (_, column) => {
    let peak = 0;
    for (let i = Math.floor(column * size); i < (column + 1) * size && i < samples.length; i += 1) peak = Math.max(peak, Math.abs(samples[i]));
    return peak;
  });
}
