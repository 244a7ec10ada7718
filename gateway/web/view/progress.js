/** The dialog about the learner's progress: consent, charts, recurring mistakes, words to review, export, erasure. */
import * as myWords from '../my_words.js';
import * as progress from '../progress.js';
import { PROGRESS, comesBack, dueCount, erased, nextDue } from '../progress_wording.js';
import { el, say } from './dom.js';
import { charts, table } from './progress_charts.js';

export class ProgressView {
  /** @param {{dialog: HTMLDialogElement, opener: HTMLButtonElement}} parts */
  constructor({ dialog, opener }) {
    Object.assign(this, { dialog, opener, found: null, asking: null });
    opener.addEventListener('click', () => {
      dialog.showModal();
      this.#refresh();
    });
  }

  /** Ask the server, and draw the answer. @param {string} [told] a sentence about the action that has just ended */
  async #refresh(told = '') {
    this.#draw(told);
    const asking = (this.asking = Symbol('asking'));
    const found = await progress.load();
    if (this.asking !== asking) return; // the learner has done something since
    this.found = found;
    this.#draw(this.found ? told : told || PROGRESS.away);
  }

  #draw(told) {
    const { found } = this;
    const kept = found?.kept ?? false;
    this.dialog.replaceChildren(
      el('h2', { id: 'progress-title' }, PROGRESS.title),
      this.#consent(),
      el('p', { class: 'fine', role: 'status', id: 'progress-told' }, told || this.#state(kept)),
      ...(kept ? this.#record(found) : []),
      el('div', { class: 'dialog-actions' }, ...(kept ? this.#actions() : []), button(PROGRESS.close, () => this.dialog.close())),
    );
  }

  #state(kept) {
    if (progress.isKept()) return '';
    return kept ? PROGRESS.stays : PROGRESS.off;
  }

  #consent() {
    const box = el('input', { type: 'checkbox', role: 'switch', id: 'keep-progress', checked: progress.isKept() });
    box.addEventListener('change', async () => {
      this.asking = null;
      if (!box.checked) {
        progress.stop();
        this.#draw('');
      } else if (await progress.agree(myWords.load())) {
        await this.#refresh();
      } else {
        box.checked = false;
        this.#tell(PROGRESS.refused);
      }
      this.dialog.querySelector('#keep-progress').focus();
    });
    return el('div', { class: 'consent' }, el('label', {}, box, ` ${PROGRESS.keep}`), el('p', { class: 'fine' }, PROGRESS.about));
  }

  #record({ conversations, mistakes, words_to_learn: words }) {
    const talks = conversations.length ? [charts(conversations), table(conversations)] : [el('p', {}, PROGRESS.first)];
    return [
      section(PROGRESS.talks, ...talks),
      conversations.length > 0 && section(PROGRESS.mistakes, mistakeList(mistakes, conversations.length)),
      section(PROGRESS.words, this.#words(words)),
    ].filter(Boolean);
  }

  #words(words) {
    const now = new Date();
    const [first] = progress.due(this.found, now);
    if (!words.length) return el('p', {}, PROGRESS.noWords);
    if (!first) return el('p', {}, `${PROGRESS.nothingDue} ${nextDue(progress.fromNow(words[0].card.due, now))}`);
    return el('div', { class: 'review' }, el('p', { class: 'fine' }, dueCount(progress.due(this.found, now).length)), this.#card(first));
  }

  /** One word to review: first the word alone, then its sentence and meaning with the ratings. */
  #card(word) {
    const answer = el('div', { class: 'answer', hidden: true }, word.meaning && el('p', {}, word.meaning), word.sentence && el('p', { class: 'my-sentence' }, word.sentence));
    const ratings = Object.entries(PROGRESS.ratings).map(([rating, label]) => button(label, () => this.#rate(word, rating)));
    const show = button(PROGRESS.show, () => {
      answer.hidden = false;
      show.hidden = true;
      ratings[2].focus();
    });
    answer.append(el('div', { class: 'ratings' }, ...ratings));
    return el('div', { class: 'card-to-review' }, el('p', { class: 'word', lang: word.language }, word.word), show, answer);
  }

  async #rate(word, rating) {
    const rated = await progress.review(word, rating);
    if (!rated) return this.#tell(PROGRESS.notRated);
    await this.#refresh();
    this.dialog.querySelector('.review button, .dialog-actions button')?.focus();
    return undefined;
  }

  #actions() {
    const erase = button(PROGRESS.erase, () => {
      const actions = erase.parentElement;
      const no = button(PROGRESS.no, () => this.#draw(''));
      actions.replaceChildren(el('p', {}, PROGRESS.sure), button(PROGRESS.yes, () => this.#erase()), no);
      no.focus();
    });
    erase.className = 'dangerous';
    return [button(PROGRESS.save, () => this.#save()), erase];
  }

  async #save() {
    const all = await progress.everything();
    if (!all) return this.#tell(PROGRESS.away);
    const link = el('a', { href: URL.createObjectURL(new Blob([JSON.stringify(all, null, 1)], { type: 'application/json' })), download: 'ai-talk-learner.json' });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    return undefined;
  }

  async #erase() {
    const gone = await progress.erase();
    await this.#refresh(gone ? erased(gone) : PROGRESS.away);
    this.dialog.querySelector('.dialog-actions button').focus();
  }

  #tell(text) {
    say(this.dialog.querySelector('#progress-told'), text);
  }
}

function mistakeList(mistakes, of) {
  if (!mistakes.length) return el('p', {}, PROGRESS.noMistakes);
  return el('ul', { class: 'recurring' }, ...mistakes.slice(0, 8).map((each) => mistake(each, of)));
}

function mistake({ title, count, conversations, examples }, of) {
  const shown = examples.map(({ original, corrected }) => el('p', { class: 'marked' }, el('del', {}, original), ' ', el('ins', {}, corrected)));
  return el('li', {}, el('p', {}, el('strong', {}, title), ' ', el('span', { class: 'fine' }, comesBack({ count, conversations }, of))), ...shown);
}

function section(title, ...children) {
  return el('section', { class: 'part' }, el('h3', {}, title), ...children);
}

function button(label, act) {
  const made = el('button', { type: 'button' }, label);
  made.addEventListener('click', act);
  return made;
}
