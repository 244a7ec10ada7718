/** The cards with the subjects: "just talk" first, then the scenarios for the level. One card is chosen. */
import { suiting } from '../scenarios.js';
import { JUST_TALK, partnerIs, youAre } from '../wording.js';
import { el } from './dom.js';

export class TopicsView {
  /**
   * @param {{topics: HTMLElement, cards: HTMLElement, everyLevel: HTMLInputElement}} parts
   * @param {(scenario: import('../scenarios.js').Scenario|null) => void} onChoose
   */
  constructor({ topics, cards, everyLevel }, onChoose) {
    Object.assign(this, { topics, cards, everyLevel });
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

  /** @param {{level: string, scenario: {id: string}|null}} state */
  render({ level, scenario }) {
    this.level = level;
    this.chosen = scenario?.id ?? null;
    this.#draw();
  }

  #draw() {
    this.topics.hidden = !this.scenarios.length;
    const shown = suiting(this.scenarios, this.everyLevel.checked ? null : this.level, this.chosen);
    const key = shown.map(({ id }) => id).join();
    if (key !== this.drawn) {
      this.drawn = key;
      this.cards.replaceChildren(card(JUST_TALK), ...shown.map(card));
    }
    for (const radio of this.cards.querySelectorAll('input')) radio.checked = radio.value === (this.chosen ?? '');
  }
}

function card({ id, title, levels, goal, setting, learner, partner }) {
  const details = setting && el('span', { class: 'more' }, setting, ' ', youAre(learner), ' ', partnerIs(partner));
  return el(
    'label',
    { class: 'card' },
    el('input', { type: 'radio', name: 'topic', value: id }),
    el('span', { class: 'card-title' }, title),
    levels && el('span', { class: 'card-levels' }, levels.from === levels.to ? levels.from : `${levels.from}–${levels.to}`),
    el('span', { class: 'card-goal' }, goal),
    details,
  );
}
