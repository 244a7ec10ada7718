/** The chosen scenario, visible during the conversation: the roles, the tasks, and useful phrases. */
import { TEXTS } from '../texts.js';
import { partnerIs, youAre } from '../wording.js';
import { el } from './dom.js';

export class SheetView {
  /** @param {HTMLDetailsElement} place @param {(phrase: string) => void} onPhrase a phrase was chosen */
  constructor(place, onPhrase) {
    this.place = place;
    this.shown = null;
    this.roomy = matchMedia('(min-width: 75rem)');
    place.addEventListener('click', ({ target }) => {
      const phrase = target.closest('.phrases button');
      if (phrase) onPhrase(phrase.textContent);
    });
  }

  /** @param {import('../scenarios.js').Scenario|null} scenario null: nothing to show */
  render(scenario) {
    this.place.hidden = !scenario;
    if (!scenario || scenario === this.shown) return;
    this.shown = scenario;
    this.place.open = this.roomy.matches;
    this.place.replaceChildren(
      el('summary', {}, el('span', { class: 'sheet-title' }, scenario.title), ' ', el('span', { class: 'sheet-goal' }, scenario.goal)),
      el(
        'div',
        { class: 'sheet-body' },
        el('p', {}, scenario.setting),
        el('p', {}, youAre(scenario.learner), ' ', partnerIs(scenario.partner)),
        el('h3', {}, TEXTS.scenarios.to_do),
        el('ul', { class: 'tasks' }, ...(scenario.tasks ?? []).map(({ text }) => el('li', {}, text))),
        el('h3', {}, TEXTS.scenarios.phrases),
        el(
          'ul',
          { class: 'phrases' },
          ...(scenario.phrases ?? []).map((phrase) => el('li', {}, el('button', { type: 'button' }, phrase))),
        ),
      ),
    );
  }
}
