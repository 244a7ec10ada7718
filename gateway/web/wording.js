/** All texts of the page itself. */
import { sentence } from './aitalk/notices.js';

/** By phase: the state, and what the learner can do. */
export const PHASES = {
  idle: { now: 'Ready when you are', hint: '' },
  asking: { now: 'Asking for the microphone', hint: 'Your browser may want you to allow it.' },
  connecting: { now: 'Connecting', hint: '' },
  locked: { now: 'Not let in yet', hint: '' },
  queued: { now: 'Waiting for a place', hint: 'Stay on this page.' },
  listening: { now: 'Listening', hint: 'Your turn to speak.' },
  hearing: { now: 'Hearing you', hint: 'Take your time.' },
  thinking: { now: 'Thinking', hint: '' },
  speaking: { now: 'Speaking', hint: 'Cut in whenever you like.' },
  reconnecting: { now: 'Reconnecting', hint: 'Your conversation is kept.' },
  parked: { now: 'Paused', hint: 'Your conversation is kept.' },
  analysing: { now: 'Looking at how it went', hint: 'This takes a moment.' },
  ended: { now: 'The conversation is over', hint: '' },
};
/** While only the measured parts of the report are there. @param {{done: number, total: number}} progress */
export function analysing({ done, total }) {
  return { now: 'Writing your report', hint: `What was measured is here already. Step ${Math.min(done + 1, total)} of ${total}.` };
}
/** Parts of the report that are still to come. */
export const PENDING = {
  summary: 'a summary',
  cefr: 'your level',
  grammar: 'corrections',
  meanings: 'what new words mean',
  next_steps: 'next steps',
  goals: 'your goals',
};

/** @param {boolean} keyboard whether the device has a keyboard */
export function muted(keyboard) {
  return { now: 'Microphone off', hint: `Press ${keyboard ? 'Space or ' : ''}Unmute to be heard again.` };
}
export const KEPT = { now: 'Your conversation is kept', hint: 'Carry on where you stopped.' };
export const REPLAYING = { now: 'Playing it again', hint: 'Your microphone is off meanwhile.' };
export const TYPING = { now: 'Your turn', hint: 'Write below; the answer is spoken.' };

/** The first card: no scenario. */
export const JUST_TALK = { id: '', title: 'Just talk', goal: 'About anything you like.' };

/** @param {string} role goes on from "You are" */
export function youAre(role) {
  return role ? sentence(`You are ${role}`) : '';
}

/** @param {string} role goes on from "You are", for the partner */
export function partnerIs(role) {
  return role ? sentence(`Your partner is ${role}`) : '';
}

/** By `start.corrections`. */
export const CORRECTION_TIMES = {
  beside: 'beside my words',
  aloud: 'aloud, and beside my words',
  'at the end': 'at the end',
};

/** The languages that the list of the learner's own language offers. */
export const NATIVE = {
  unknown: 'not said',
  tags: [
    'ar', 'bn', 'cs', 'da', 'de', 'el', 'en', 'es', 'fa', 'fi', 'fr', 'he', 'hi', 'hu', 'id', 'it', 'ja', 'ko', 'nl', 'no',
    'pl', 'pt', 'ro', 'ru', 'sv', 'th', 'tr', 'uk', 'vi', 'zh',
  ],
};
export const CORRECTED = 'Correction';

export const LEVELS = {
  beginner: 'Beginner: short, slow sentences and everyday words.',
  intermediate: 'Intermediate: a natural pace, and now and then a new word.',
  advanced: 'Advanced: full speed, idioms and opinions.',
};

/** The large words before the first turn. */
export const PRELUDES = {
  asking: { title: 'May I listen?', text: 'Your browser is asking whether this page may use the microphone. Please allow it.' },
  connecting: { title: 'One moment.', text: '' },
  reconnecting: { title: 'One moment.', text: '' },
  locked: { title: 'Who’s there?', text: 'This server wants an access token. Whoever runs it can give you one.' },
  queued: { title: 'All places are taken.', text: '' },
  listening: { title: 'I’m listening.', text: 'Say hello, or choose a sentence to begin with:', inScenario: 'You begin.' },
  typing: { title: 'Write to me.', text: 'Say hello, or choose a sentence to begin with:', inScenario: 'You begin.' },
  opening: { title: 'Your partner begins.', text: 'Listen, then answer. You can also speak first.' },
};

/** The position in the queue, and the estimated wait. */
export function queueing({ position, seconds }) {
  const place = position === 1 ? 'You’re next' : `You’re number ${position} in line`;
  const minutes = Math.round(seconds / 60);
  const wait = seconds < 55 ? `about ${Math.max(5, 5 * Math.round(seconds / 5))} seconds` : `about ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
  return `${place}: ${wait} to go. It begins by itself.`;
}

/** Sentences to begin with. A click on one sends it, so each is complete. */
export const OPENERS = {
  beginner: ['Hello! How are you?', 'I like coffee. What do you like?', 'What do you do at the weekend?'],
  intermediate: [
    'What was the best thing you did last weekend?',
    'Can you help me to order in a restaurant?',
    'Ask me why I am learning this language.',
  ],
  advanced: [
    'What have you changed your mind about lately?',
    'Let’s argue: are cities better than the country?',
    'Please interview me for a job.',
  ],
};

/** By `MicrophoneError.reason`. */
export const MICROPHONE = {
  refused: 'The microphone is blocked for this page. Allow it in the address bar’s site settings, then try again. Until then you can write.',
  missing: 'No microphone was found. Plug one in, then try again. Until then you can write.',
  busy: 'The microphone is in use by another program. Close it there, then try again. Until then you can write.',
  insecure: 'Browsers give the microphone only to pages that come over https or from localhost. Open this page that way to talk; here you can write.',
  unsupported: 'This browser can’t record sound here. A current Firefox, Chrome, Edge or Safari can. Here you can write.',
  lost: 'The microphone went away. Plug it in again, then try again. Until then you can write.',
  silent: 'Nothing comes from your microphone. Is it muted, or is another one chosen?',
};

export const LINE = {
  lost: 'The connection was lost. Trying again …',
  away: (seconds) => `The server can’t be reached. Trying again in ${seconds} s.`,
  parked: (reason) => sentence(reason || 'the conversation is paused'),
  refused: (reason) => `The server ended the conversation${reason ? `: ${reason}` : '.'}`,
  forgotten: 'The server no longer knew your conversation, so this is a fresh one. What you see above stays on this page only.',
  wrongToken: 'That token isn’t good here, or not any more.',
  noAnalysis: 'The conversation ended before it could be looked at.',
};

export const READINESS = {
  warming: (parts) => `The server is still warming up${parts.length ? ` (${parts.join(', ')})` : ''}. This can take a minute.`,
  away: 'The server can’t be reached right now.',
  services: { asr: 'hearing', llm: 'thinking', tts: 'speaking' },
};

/** By service, if it does not run the requested engine. @type {Object<string, (what: string) => string>} */
export const FALLBACKS = {
  asr: (what) => sentence(`Listening with ${what}`),
  llm: (what) => sentence(`Thinking with ${what}`),
  tts: (what) => sentence(`Speaking with ${what}`),
};

/** By stage of `latency_ms`. */
export const STAGES = {
  eager: 'you seem done',
  end_of_turn: 'you are done',
  first_token: 'first word thought',
  first_audio_made: 'first sound made',
  first_audio_sent: 'first sound sent',
  first_audio_played: 'first sound heard',
};

export const SOUND = 'Your browser is holding the sound back.';

/** By `cutBy` of a partner's turn: why it ended early. */
export const CUT = {
  learner: 'You cut in here',
  line: 'The connection broke off here',
  pause: 'The conversation paused here',
  error: 'Your partner could not go on here',
  end: 'You ended the conversation here',
};
export const UNHEARD = 'You did not hear this part.';
export const UNANSWERED = { text: 'This was not answered.', action: 'Send it again' };

/** Texts of the look-up of a sentence and its words. */
export const LOOKUP = {
  open: 'Hear again',
  again: 'Hear again',
  sentence: 'Hear the sentence',
  slowly: 'Slowly',
  close: 'Close',
  hint: 'Choose a word to see how common it is.',
  keep: 'Keep in my words',
  kept: 'In my words',
  gone: 'The sound of this sentence is no longer kept.',
};

const BANDS = {
  most_common: 'a very common word',
  common: 'a common word',
  less_common: 'a less common word',
  rare: 'a rare word',
};

/** @param {{zipf: number, band: string, cefr: string|null}|null} word as `GET /words` has it; null: the server is away */
export function howCommon(word) {
  if (!word) return 'How common it is can’t be looked up right now.';
  if (!BANDS[word.band]) return 'not in the list of common words.';
  const level = word.cefr ? `, about ${word.cefr}` : '';
  return `${BANDS[word.band]}${level}. It is one word in ${oneIn(word.zipf)} (Zipf ${word.zipf.toFixed(1)}).`;
}

/** 5.2 → "6,300": one in how many words it is, on average; two digits. */
function oneIn(zipf) {
  return Number((10 ** (9 - zipf)).toPrecision(2)).toLocaleString('en');
}

export const MY_WORDS = {
  title: 'My words',
  where: 'They are kept in this browser only.',
  none: 'No words yet. Choose a word that your partner said, then “Keep in my words”.',
  remove: 'Remove',
  text: 'Save as text',
  csv: 'Save as CSV',
  close: 'Close',
};

export const HINTS = {
  ask: 'Hint',
  coming: 'Hint …',
  intro: 'You could say one of these. Say it aloud, or choose it to write it.',
  none: 'There is no hint right now.',
  hear: 'Hear it',
};
