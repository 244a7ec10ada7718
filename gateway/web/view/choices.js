/**
 * The learner's choices on the welcome page that stay for the next visit: when to be corrected, the learner's own
 * language, and the page's language.
 */
import * as memory from '../memory.js';
import { PAGE_LANGUAGES, pageLanguage } from '../texts.js';
import { CORRECTION_TIMES, NATIVE, ownName } from '../wording.js';
import { el } from './dom.js';

export class ChoicesView {
  /** @param {{corrections: HTMLSelectElement, native: HTMLSelectElement, pageLanguage: HTMLSelectElement}} parts */
  constructor({ corrections, native, pageLanguage: language }) {
    corrections.replaceChildren(...Object.entries(CORRECTION_TIMES).map(([value, text]) => el('option', { value }, text)));
    corrections.value = chosenCorrections();
    corrections.addEventListener('change', () => memory.corrections.save(corrections.value));
    native.replaceChildren(el('option', { value: '' }, NATIVE.unknown), ...NATIVE.tags.map((tag) => el('option', { value: tag }, ownName(tag))));
    native.value = memory.native.load() ?? '';
    native.addEventListener('change', () => memory.native.save(native.value || null));
    language.replaceChildren(...PAGE_LANGUAGES.map((tag) => el('option', { value: tag, lang: tag }, ownName(tag))));
    language.value = pageLanguage;
    language.addEventListener('change', () => {
      memory.pageLanguage.save(language.value);
      location.reload();
    });
  }
}

/** @param {string} practised a BCP-47 tag @returns {{corrections: string, native_language?: string}} fields of `start` */
export function choices(practised) {
  const native = memory.native.load();
  const differs = native && native.split('-')[0] !== practised.split('-')[0];
  return { corrections: chosenCorrections(), ...(differs ? { native_language: native } : {}) };
}

function chosenCorrections() {
  const chosen = memory.corrections.load();
  return chosen in CORRECTION_TIMES ? chosen : 'beside';
}
