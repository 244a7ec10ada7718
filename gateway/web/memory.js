/**
 * What the page remembers. A tab keeps its conversation and its log-in in `sessionStorage`: they survive a reload and
 * are deleted when the tab is closed. The learner's choices, words and id are in `localStorage`, and stay in this
 * browser.
 */
const SESSION = 'aitalk.session';
const CONVERSATION = 'aitalk.conversation';
const SCENARIO = 'aitalk.scenario';
const ACCESS = 'aitalk.access';
const LEVEL = 'aitalk.level';
const PRACTISED = 'aitalk.practised';
const VOICE = 'aitalk.voice';
const CORRECTIONS = 'aitalk.corrections';
const NATIVE = 'aitalk.native';
const PAGE_LANGUAGE = 'aitalk.page_language';
const WORDS = 'aitalk.words';
const LEARNER = 'aitalk.learner';
const PROGRESS = 'aitalk.progress';

/** `{id, token}` of the session, or null. */
export const session = {
  load: () => read(sessionStorage, SESSION),
  save: (value) => write(sessionStorage, SESSION, value),
};

/** The turns so far, as `aitalk/state.js` has them. */
export const conversation = {
  load: () => read(sessionStorage, CONVERSATION) ?? [],
  save: (turns) => write(sessionStorage, CONVERSATION, turns),
};

/** The scenario of the conversation, or null. */
export const scenario = {
  load: () => read(sessionStorage, SCENARIO),
  save: (value) => write(sessionStorage, SCENARIO, value),
};

/** The tab's log-in token, if the server requires one. */
export const access = {
  load: () => read(sessionStorage, ACCESS),
  save: (value) => write(sessionStorage, ACCESS, value),
};

/** The level chosen last, kept for the next visit. */
export const level = {
  load: () => read(localStorage, LEVEL),
  save: (value) => write(localStorage, LEVEL, value),
};

/**
 * The practised language, without its region, or null. A tab keeps the one that was chosen in it. In any other tab it
 * is the one that was chosen last in this browser.
 */
export const practised = {
  load: () => read(sessionStorage, PRACTISED) ?? read(localStorage, PRACTISED),
  save: (value) => [sessionStorage, localStorage].forEach((storage) => write(storage, PRACTISED, value)),
};

/** The id of the voice chosen last, kept for the next visit. */
export const voice = {
  load: () => read(localStorage, VOICE),
  save: (value) => write(localStorage, VOICE, value),
};

/** When the learner wants to be corrected, as `start.corrections` has it. */
export const corrections = {
  load: () => read(localStorage, CORRECTIONS),
  save: (value) => write(localStorage, CORRECTIONS, value),
};

/** The tag of the learner's own language, or null. */
export const native = {
  load: () => read(localStorage, NATIVE),
  save: (value) => write(localStorage, NATIVE, value),
};

/** The language that the learner chose for the page, or null. */
export const pageLanguage = {
  load: () => read(localStorage, PAGE_LANGUAGE),
  save: (value) => write(localStorage, PAGE_LANGUAGE, value),
};

/** The words that the learner keeps: see `my_words.js`. */
export const words = {
  load: () => read(localStorage, WORDS),
  save: (value) => write(localStorage, WORDS, value),
};

/** Whether the learner agrees that the server keeps their progress. */
export const keepsProgress = {
  load: () => read(localStorage, PROGRESS),
  save: (value) => write(localStorage, PROGRESS, value),
};

/**
 * A random id for the learner in this browser, made once. Under it the server keeps the learner's usual pause and, if
 * the learner agrees, the record of progress.
 */
export function learner() {
  const known = read(localStorage, LEARNER);
  if (known) return known;
  const made = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  write(localStorage, LEARNER, made);
  return made;
}

function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key));
  } catch {
    return null;
  }
}

function write(storage, key, value) {
  if (value === null) storage.removeItem(key);
  else storage.setItem(key, JSON.stringify(value));
}
