/** Hints below the composer: sentences that the learner could say now. */
import { HINTS } from '../wording.js';
import { el } from './dom.js';

export class HintsView {
  /**
   * @param {HTMLElement} place
   * @param {{onChoose: (sentence: string) => void, onHear: (sentence: string) => void, canHear: () => boolean}} options
   */
  constructor(place, options) {
    Object.assign(this, options, { place, shown: null });
  }

  /** @param {string[]|null} hints null: the learner has not asked for hints */
  render(hints) {
    if (hints === this.shown) return;
    this.shown = hints;
    this.place.hidden = !hints;
    this.place.replaceChildren(...(hints ? [el('p', { class: 'fine' }, hints.length ? HINTS.intro : HINTS.none), this.#list(hints)] : []));
  }

  #list(hints) {
    return el('ul', {}, ...hints.map((sentence) => el('li', {}, this.#sentence(sentence), this.canHear() && this.#hear(sentence))));
  }

  #sentence(sentence) {
    const made = el('button', { type: 'button', class: 'hint-sentence' }, sentence);
    made.addEventListener('click', () => this.onChoose(sentence));
    return made;
  }

  #hear(sentence) {
    const made = el('button', { type: 'button', 'aria-label': `${HINTS.hear}: ${sentence}`, title: HINTS.hear }, '▶');
    made.addEventListener('click', () => this.onHear(sentence));
    return made;
  }
}
