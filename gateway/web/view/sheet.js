/**
 * A sheet that is visible during the conversation: the roles, the tasks and the useful phrases of the chosen scenario,
 * and the learner's words that are due, with a mark at those that the learner has used.
 */
import { words as cut } from '../aitalk/sentences.js';
import { TEXTS, fill } from '../texts.js';
import { partnerIs, youAre } from '../wording.js';
import { el } from './dom.js';

export class SheetView {
  /** @param {HTMLDetailsElement} place @param {(phrase: string) => void} onPhrase a phrase was chosen */
  constructor(place, onPhrase) {
    this.place = place;
    Object.assign(this, { shown: null, due: null, said: null });
    this.roomy = matchMedia('(min-width: 75rem)');
    place.addEventListener('click', ({ target }) => {
      const phrase = target.closest('.phrases button');
      if (phrase) onPhrase(phrase.textContent);
    });
  }

  /**
   * @param {import('../scenarios.js').Scenario|null} scenario
   * @param {string[]} due the learner's words that are due
   * @param {string[]} said the learner's turns
   * @param {string} language of the conversation
   */
  render(scenario, due, said, language) {
    this.place.hidden = !scenario && !due.length;
    if (scenario !== this.shown || due !== this.due) this.#draw(scenario, due);
    if (said.join('\n') === this.said) return;
    this.said = said.join('\n');
    for (const item of this.place.querySelectorAll('[data-word]')) {
      const used = said.some((text) => isUsed(item.dataset.word, text, language));
      item.className = used ? 'used' : '';
      item.textContent = used ? fill(TEXTS.scenarios.word_used, { word: item.dataset.word }) : item.dataset.word;
    }
  }

  #draw(scenario, due) {
    Object.assign(this, { shown: scenario, due, said: null });
    this.place.open = this.roomy.matches;
    const [title, goal] = scenario ? [scenario.title, scenario.goal] : [TEXTS.scenarios.words_to_use, due.join(', ')];
    this.place.replaceChildren(
      el('summary', {}, el('span', { class: 'sheet-title' }, title), ' ', el('span', { class: 'sheet-goal' }, goal)),
      el('div', { class: 'sheet-body' }, ...(scenario ? about(scenario, due) : toUse(due))),
    );
  }
}

function about(scenario, due) {
  return [
    el('p', {}, scenario.setting),
    el('p', {}, youAre(scenario.learner), ' ', partnerIs(scenario.partner)),
    el('h3', {}, TEXTS.scenarios.to_do),
    el('ul', { class: 'tasks' }, ...(scenario.tasks ?? []).map(({ text }) => el('li', {}, text))),
    ...(due.length ? [el('h3', {}, TEXTS.scenarios.words_to_use), ...toUse(due)] : []),
    el('h3', {}, TEXTS.scenarios.phrases),
    el('ul', { class: 'phrases' }, ...(scenario.phrases ?? []).map((phrase) => el('li', {}, el('button', { type: 'button' }, phrase)))),
  ];
}

function toUse(due) {
  return [el('ul', { class: 'due-words' }, ...due.map((word) => el('li', { 'data-word': word }, word)))];
}

const ENDINGS = { en: ['', 's', 'es', "'s", '’s', 'd', 'ed', 'ing'] };
const LONGEST_ENDING = 2; // letters, in other languages

/** Whether the learner has used a word, also with an ending ("journeys", but not "car" in "carpet"). */
export function isUsed(word, text, language) {
  const wanted = word.toLocaleLowerCase();
  if (!/^\p{L}+$/u.test(wanted)) return text.toLocaleLowerCase().includes(wanted);
  const endings = ENDINGS[language.split('-')[0].toLowerCase()];
  const isEnding = (end) => (endings ? endings.includes(end) : end.length <= LONGEST_ENDING);
  const said = cut(text.toLocaleLowerCase(), language);
  return said.some(({ text: word, isWord }) => isWord && word.startsWith(wanted) && isEnding(word.slice(wanted.length)));
}
