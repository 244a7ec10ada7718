/** A sentence of the partner's: the learner can hear it again and look up its words. */
import * as myWords from '../my_words.js';
import { words } from '../aitalk/sentences.js';
import { LOOKUP, SHADOWING, howCommon } from '../wording.js';
import { el } from './dom.js';

export class LookupView {
  /**
   * @param {HTMLElement} place
   * @param {object} options
   * @param {(part: object, slowly: boolean) => boolean} options.onReplay plays the sentence; false if its sound is no longer kept
   * @param {(path: string) => Promise<object|null>} options.ask the server
   * @param {(entry: import('../my_words.js').KeptWord) => void} options.onKeep
   * @param {(part: object, opener: HTMLElement) => void} options.onSay the learner wants to say the sentence, too
   * @param {() => string} options.language of the conversation
   */
  constructor(place, options) {
    Object.assign(this, options, { place, part: null });
    this.sentence = el('p', { class: 'lookup-sentence' });
    this.about = el('div', { class: 'lookup-word', role: 'status' });
    const button = (label, act, quiet) => {
      const made = el('button', { type: 'button', class: quiet ? 'quiet' : null }, label);
      made.addEventListener('click', act);
      return made;
    };
    this.again = button(LOOKUP.again, () => this.#replay(false));
    this.slowly = button(LOOKUP.slowly, () => this.#replay(true));
    this.say = button(SHADOWING.open, () => this.onSay(this.part, this.say));
    const close = button(LOOKUP.close, () => this.close(), true);
    place.append(this.sentence, this.about, el('div', { class: 'lookup-actions' }, this.again, this.slowly, this.say, close));
    this.sentence.addEventListener('click', ({ target }) => target.closest('button') && this.#look(target.closest('button')));
  }

  /**
   * @param {{turnId: string, text: string, fromMs: number|null, toMs: number|null}} part a sentence
   * @param {number|null} at the index of the clicked character in the sentence
   * @param {HTMLElement} opener the element that gets the focus back
   */
  open(part, at, opener) {
    Object.assign(this, { part, opener });
    this.place.hidden = false;
    this.about.replaceChildren(el('p', { class: 'fine' }, LOOKUP.hint));
    let from = 0;
    let clicked = null;
    const children = words(part.text, this.language()).map(({ text, isWord }) => {
      const shown = isWord ? el('button', { type: 'button', 'aria-pressed': 'false' }, text) : text;
      if (isWord && at !== null && at >= from && at < from + text.length) clicked = shown;
      from += text.length;
      return shown;
    });
    this.sentence.replaceChildren(...children);
    if (clicked) this.#look(clicked);
  }

  /** Play the opened sentence. */
  replay() {
    this.#replay(false);
  }

  close() {
    this.place.hidden = true;
    if (this.place.contains(document.activeElement) || document.activeElement === document.body) this.opener?.focus({ preventScroll: true });
  }

  #replay(slowly) {
    if (!this.onReplay(this.part, slowly)) this.about.replaceChildren(el('p', { class: 'fine' }, LOOKUP.gone));
  }

  async #look(button) {
    const word = button.textContent;
    for (const each of this.sentence.querySelectorAll('button')) each.setAttribute('aria-pressed', each === button);
    const { part } = this;
    this.looking = word;
    const query = new URLSearchParams({ text: word, language: this.language() });
    const answer = await this.ask(`words?${query}`);
    if (this.looking !== word || this.part !== part) return;
    this.#tell(word, answer?.words?.[0] ?? null, answer?.unknown_because ?? null);
  }

  #tell(word, found, unknown) {
    const kept = myWords.has(myWords.load(), word);
    const keep = el('button', { type: 'button', class: 'keep', disabled: kept }, kept ? LOOKUP.kept : LOOKUP.keep);
    keep.addEventListener('click', () => {
      this.onKeep(entry(word, this.part.text, found));
      keep.textContent = LOOKUP.kept;
      keep.disabled = true;
      this.again.focus();
    });
    this.about.replaceChildren(el('p', {}, el('strong', {}, word), ' – ', unknown ?? howCommon(found)), keep);
  }
}

function entry(word, sentence, found) {
  return { word, sentence, zipf: found?.zipf ?? null, cefr: found?.cefr ?? null, kept: myWords.today() };
}
