/** The cards with the subjects: "just talk" first, then the scenarios for the language and level. One card is chosen. */
import { suiting } from '../scenarios.js';
import { base } from '../voices.js';
import { JUST_TALK, noCards, partnerIs, youAre } from '../wording.js';
import { el, say } from './dom.js';

export class TopicsView {
  /**
   * @param {{topics: HTMLElement, cards: HTMLElement, everyLevel: HTMLInputElement, noCards: HTMLElement}} parts
   * @param {(scenario: import('../scenarios.js').Scenario|null) => void} onChoose
   */
  constructor({ topics, cards, everyLevel, noCards: none }, onChoose) {
    Object.assign(this, { topics, cards, everyLevel, none, language: 'en' });
    this.scenarios = [];
    this.drawn = '';
    cards.addEventListener('change', ({ target }) => onChoose(this.scenarios.find(({ id }) => id === target.value) ?? null));
    everyLevel.addEventListener('change', () => this.#draw());
  }

  /** @param {import('../scenarios.js').Scenario[]} scenarios */
  offer(scenarios) {
    this.scenarios = scenarios;
    this.drawn = '';
    this.#draw();
  }

  /** @param {{level: string, scenario: {id: string}|null}} state @param {string} language that is practised */
  render({ level, scenario }, language) {
    this.level = level;
    this.language = language;
    this.chosen = scenario?.id ?? null;
    this.#draw();
  }

  #draw() {
    this.topics.hidden = !this.scenarios.length;
    const inLanguage = this.scenarios.filter(({ language }) => base(language) === base(this.language));
    const shown = suiting(inLanguage, this.everyLevel.checked ? null : this.level, this.chosen);
    this.everyLevel.parentElement.hidden = this.cards.hidden = !inLanguage.length;
    this.none.hidden = inLanguage.length > 0;
    if (!inLanguage.length) say(this.none, noCards(this.language));
    const key = shown.map(({ id }) => id).join();
    if (key !== this.drawn) {
      this.drawn = key;
      this.cards.replaceChildren(card(JUST_TALK), ...shown.map(card));
    }
    for (const radio of this.cards.querySelectorAll('input')) radio.checked = radio.value === (this.chosen ?? '');
  }
}

function card({ id, title, language, levels, goal, setting, learner, partner }) {
  const details = setting && el('span', { class: 'more' }, setting, ' ', youAre(learner), ' ', partnerIs(partner));
  return el(
    'label',
    { class: 'card', lang: language },
    el('input', { type: 'radio', name: 'topic', value: id }),
    el('span', { class: 'card-title' }, title),
    levels && el('span', { class: 'card-levels' }, levels.from === levels.to ? levels.from : `${levels.from}–${levels.to}`),
    el('span', { class: 'card-goal' }, goal),
    details,
  );
}
