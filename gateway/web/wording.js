/** What the page says, by occasion. The texts themselves are in `texts/LANGUAGE.json`. */
import * as memory from './memory.js';
import { PAGE_LANGUAGES, TEXTS, counted, fill, number, pageLanguage } from './texts.js';
import { endsTheTurn, sentence } from './aitalk/notices.js';

/** By phase: the state, and what the learner can do. */
export const PHASES = TEXTS.phases;
export const KEPT = TEXTS.states.kept;
export const REPLAYING = TEXTS.states.replaying;
export const TYPING = TEXTS.states.typing;

/** The status while only the measured parts of the report are there. @param {{done: number, total: number}} progress */
export function analysing({ done, total }) {
  const { now, hint } = TEXTS.states.analysing;
  return { now, hint: fill(hint, { step: Math.min(done + 1, total), total }) };
}
/** Parts of the report that are still to come. */
export const PENDING = TEXTS.pending;

/** @param {boolean} keyboard whether the device has a keyboard */
export function muted(keyboard) {
  return keyboard ? TEXTS.states.muted_with_keyboard : TEXTS.states.muted;
}

/** The first card: no scenario. */
export const JUST_TALK = { id: '', title: TEXTS.scenarios.just_talk, goal: TEXTS.scenarios.just_talk_goal };

/** @param {string} role continues "You are" */
export function youAre(role) {
  return role ? sentence(fill(TEXTS.scenarios.you_are, { role })) : '';
}

/** @param {string} role of the partner; continues "You are" */
export function partnerIs(role) {
  return role ? sentence(fill(TEXTS.scenarios.partner_is, { role })) : '';
}

/** By `start.corrections`. */
export const CORRECTION_TIMES = TEXTS.correction_times;

/** The languages from which the learner chooses the native one. */
export const NATIVE = {
  unknown: TEXTS.native_unknown,
  tags: [
    'ar', 'bn', 'cs', 'da', 'de', 'el', 'en', 'es', 'fa', 'fi', 'fr', 'he', 'hi', 'hu', 'id', 'it', 'ja', 'ko', 'nl', 'no',
    'pl', 'pt', 'ro', 'ru', 'sv', 'th', 'tr', 'uk', 'vi', 'zh',
  ],
};

/** "German" for `de`, in the page's language. */
export function languageName(tag) {
  return capital(new Intl.DisplayNames([pageLanguage], { type: 'language' }).of(tag), pageLanguage);
}

/** The text that replaces the cards if there are none. @param {string} tag the language that is practised */
export function noCards(tag) {
  return fill(TEXTS.scenarios.none, { language: languageName(tag) });
}

/** "Deutsch" for `de`. */
export function ownName(tag) {
  return capital(new Intl.DisplayNames([tag], { type: 'language' }).of(tag), tag);
}

function capital(name, language) {
  return name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
}

export const LEVELS = TEXTS.levels;

/** The large words before the first turn. */
export const PRELUDES = {
  asking: TEXTS.preludes.asking,
  connecting: TEXTS.preludes.waiting,
  reconnecting: TEXTS.preludes.waiting,
  locked: TEXTS.preludes.locked,
  queued: TEXTS.preludes.queued,
  listening: { ...TEXTS.preludes.listening, withoutOpeners: TEXTS.preludes.in_scenario },
  typing: { ...TEXTS.preludes.typing, withoutOpeners: TEXTS.preludes.in_scenario },
  opening: TEXTS.preludes.opening,
};

/** The position in the queue, and the estimated wait. */
export function queueing({ position, seconds }) {
  const rounded = Math.max(5, 5 * Math.round(seconds / 5));
  const { queue } = TEXTS;
  const wait = seconds < 55 ? counted(queue.seconds, rounded) : counted(queue.minutes, Math.round(seconds / 60));
  return fill(position === 1 ? queue.next : queue.place, { wait, position: number(position) });
}

/** By `MicrophoneError.reason`. */
export const MICROPHONE = TEXTS.microphone;
export const SOUND = TEXTS.microphone.sound;
export const BUTTONS = TEXTS.buttons;

export const LINE = {
  lost: TEXTS.line.lost,
  away: (seconds) => counted(TEXTS.line.away, seconds),
  parked: ({ code, reason }) => translated(code) ?? sentence(reason || TEXTS.line.parked),
  refused: ({ code, reason }) => translated(code) ?? (reason ? fill(TEXTS.line.refused_because, { reason }) : TEXTS.line.refused),
  forgotten: TEXTS.line.forgotten,
  wrongToken: TEXTS.line.wrong_token,
  noAnalysis: TEXTS.line.no_analysis,
};

/**
 * Why the server closed the connection; null on an English page, which shows the server's own reason.
 * @param {number} code of the close
 */
function translated(code) {
  return pageLanguage === 'en' ? null : TEXTS.closings[code];
}

/** The text of a notice of the JavaScript client, in the page's language. The client's own texts are in English. */
export function noticeText({ text, error, seconds }) {
  if (pageLanguage === 'en') return text;
  if (seconds !== undefined) return timeLeft(seconds);
  return error ? complaint(error) : text;
}

/** Groups of error codes of docs/protocol.md. The learner gets one text for all codes of a group. */
const ALIKE = {
  sound: ['audio_stalled', 'corrupt_audio', 'empty_audio', 'no_audio_track', 'odd_length_audio', 'truncated_audio', 'unsupported_audio', 'wrong_encoding'],
  client: ['announced_too_late', 'audio_after_end', 'frame_too_large', 'invalid_json', 'invalid_message', 'out_of_sequence', 'unknown_call', 'unknown_type'],
};

function complaint({ code, message, retryable }) {
  const name = Object.keys(ALIKE).find((kind) => ALIKE[kind].includes(code)) ?? code;
  const told = fill(TEXTS.errors[name] ?? TEXTS.errors.other, { message: sentence(message) });
  return retryable && endsTheTurn(code) ? `${told} ${TEXTS.errors.again}` : told;
}

function timeLeft(seconds) {
  const minutes = Math.round(seconds / 60);
  return minutes > 1 ? counted(TEXTS.time_left.minutes, minutes) : counted(TEXTS.time_left.seconds, seconds);
}

export const READINESS = {
  warming: (parts) => (parts.length ? fill(TEXTS.readiness.warming_parts, { parts: parts.join(', ') }) : TEXTS.readiness.warming),
  away: TEXTS.readiness.away,
  services: TEXTS.readiness,
};

/**
 * What to say if a service does not run the requested engine.
 * @param {string} service @param {string} what it runs, and why
 */
export function fallback(service, what) {
  return service in TEXTS.fallbacks ? sentence(fill(TEXTS.fallbacks[service], { what })) : null;
}

/** By stage of `latency_ms`. */
export const STAGES = TEXTS.stages;

/** By `cutBy` of a partner's turn: why it ended early. */
export const CUT = TEXTS.cut;
export const TRANSCRIPT = TEXTS.transcript;
export const LOOKUP = TEXTS.lookup;
export const SHADOWING = TEXTS.shadowing;

/** The words of which recognition was unsure. @param {string[]} words */
export const unclear = (words) => fill(SHADOWING.unsure, { words: words.join(', ') });

/** A sound in whose place another one was heard. @param {{expected: string, heard: string}} slip @param {string} word */
export function otherSound({ expected, heard }, word) {
  const bare = word.replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '');
  return fill(heard ? SHADOWING.other_sound : SHADOWING.no_sound, { word: bare, expected, heard });
}

/** A waveform, for screen readers. @param {string} who @param {number} seconds */
export const waveform = (who, seconds) => fill(SHADOWING.waveform, { who, seconds: number(seconds) });

/** @param {{zipf: number, band: string, cefr: string|null}|null} word as `GET /words` has it; null: the server is away */
export function howCommon(word) {
  if (!word) return LOOKUP.unknown;
  if (!(word.band in TEXTS.bands) || word.band === 'unknown') return LOOKUP.unlisted;
  const level = word.cefr ? fill(LOOKUP.level, { level: word.cefr }) : '';
  return fill(LOOKUP.found, { band: LOOKUP[word.band], level, count: oneIn(word.zipf), zipf: word.zipf.toFixed(1) });
}

/** On average, one word in this many is the given word. Two significant digits: "6,300" for a Zipf value of 5.2. */
function oneIn(zipf) {
  return Number((10 ** (9 - zipf)).toPrecision(2)).toLocaleString(pageLanguage);
}

/**
 * A sentence of the report: in the page's language if it is one of the server's fixed sentences, otherwise `text`.
 * @param {{code: string, values: Object<string, string|number>}|null|undefined} told null: the language model wrote it
 * @param {string} text the sentence as the server gives it, in the practised language or in English
 */
export function remark(told, text) {
  const forms = TEXTS.remarks[told?.code];
  if (!forms) return text;
  const shown = Object.fromEntries(Object.entries(told.values).map(([name, value]) => [name, shownValue(name, value)]));
  return typeof forms === 'string' ? fill(forms, shown) : counted(forms, told.values.count, shown);
}

/**
 * Why something was corrected. If the learner's native language is one of `PAGE_LANGUAGES`, the server has already
 * written a rule's reason in it. Otherwise this reason is given in the page's language.
 * @param {{why: string, why_code: ?{code: string, values: Object<string, string>}}} correction
 */
export function reason({ why, why_code: told }) {
  return PAGE_LANGUAGES.includes(memory.native.load()) ? why : remark(told, why);
}

function shownValue(name, value) {
  if (name === 'language') return languageName(value);
  return typeof value === 'number' ? value.toLocaleString(pageLanguage, { maximumFractionDigits: 1 }) : value;
}

export const MY_WORDS = TEXTS.my_words;
export const HINTS = TEXTS.hints;
export const REPORT = TEXTS.report;
export const BANDS = TEXTS.bands;
