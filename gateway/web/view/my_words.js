/** The dialog with the learner's kept words and their sentences. The learner can remove words, or download all. */
import * as myWords from '../my_words.js';
import * as progress from '../progress.js';
import { PROGRESS } from '../progress_wording.js';
import { fill } from '../texts.js';
import { MY_WORDS } from '../wording.js';
import { el } from './dom.js';

export class MyWordsView {
  /** @param {{dialog: HTMLDialogElement, opener: HTMLButtonElement, language: () => string}} parts language: of the conversation */
  constructor({ dialog, opener, language }) {
    Object.assign(this, { dialog, opener, language });
    opener.addEventListener('click', () => {
      this.#draw();
      dialog.showModal();
    });
    this.#count();
  }

  /** @param {import('../my_words.js').KeptWord} entry */
  keep(entry) {
    const kept = { ...entry, language: this.language() };
    this.#change(myWords.add(myWords.load(), kept));
    progress.keepWord(kept);
  }

  #change(kept) {
    myWords.save(kept);
    this.#count();
    this.#draw();
  }

  #count() {
    const count = myWords.load().length;
    this.opener.textContent = count ? `${MY_WORDS.title} (${count})` : MY_WORDS.title;
  }

  #draw() {
    const kept = myWords.load();
    const close = button(MY_WORDS.close, () => this.dialog.close());
    const files = [
      button(MY_WORDS.text, () => download('my-words.txt', 'text/plain', myWords.toText(myWords.load()))),
      button(MY_WORDS.csv, () => download('my-words.csv', 'text/csv', myWords.toCsv(myWords.load()))),
    ];
    this.dialog.replaceChildren(
      el('h2', { id: 'my-words-title' }, MY_WORDS.title),
      el('p', { class: 'fine' }, kept.length ? (progress.isKept() ? PROGRESS.twoPlaces : MY_WORDS.where) : MY_WORDS.none),
      el('ul', {}, ...kept.map((each) => this.#item(each))),
      el('div', { class: 'dialog-actions' }, ...(kept.length ? files : []), close),
    );
  }

  #item({ word, meaning, sentence, cefr, language }) {
    const out = button(MY_WORDS.remove, () => {
      this.#change(myWords.remove(myWords.load(), word));
      progress.removeWord(word, language);
      this.dialog.querySelector('button').focus();
    });
    out.setAttribute('aria-label', `${MY_WORDS.remove}: ${word}`);
    const about = cefr && el('span', { class: 'fine' }, ' ', fill(MY_WORDS.about, { level: cefr }));
    return el('li', {}, el('p', {}, el('strong', {}, word), about, meaning && el('span', { class: 'my-meaning' }, meaning), sentence && el('span', { class: 'my-sentence' }, sentence)), out);
  }
}

function button(label, act) {
  const made = el('button', { type: 'button' }, label);
  made.addEventListener('click', act);
  return made;
}

function download(name, type, text) {
  const link = el('a', { href: URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
