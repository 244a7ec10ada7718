/** The conversation: the speakers and their words. The partner's words are highlighted as they are spoken. */
import { pieces, states } from '../aitalk/captions.js';
import { sentences } from '../aitalk/sentences.js';
import { CUT, LOOKUP, TRANSCRIPT, reason } from '../wording.js';
import { el, svg } from './dom.js';
import { latency } from './latency.js';
import { markUp } from './report/corrections.js';

const NEAR_END_PX = 160; // within this distance from the end, the page follows the conversation

export class TranscriptView {
  /**
   * @param {HTMLOListElement} list
   * @param {object} options
   * @param {(id: string) => void} options.onResend a typed turn is to be sent again
   * @param {(part: object, at: number|null, opener: HTMLElement) => void} options.onSentence one of the partner's
   *   sentences was chosen
   * @param {() => void} options.onReplay the chosen sentence is to be played again
   * @param {() => string} options.language of the conversation
   * @param {boolean} options.debug show how long each answer took
   */
  constructor(list, { onResend, onSentence, onReplay, language, debug }) {
    Object.assign(this, { list, onSentence, onReplay, language, debug });
    list.addEventListener('click', ({ target }) => this.#clicked(target));
    this.again = el('p', { class: 'unanswered' }, TRANSCRIPT.unanswered, ' ', el('button', { type: 'button' }, TRANSCRIPT.send_again));
    this.again.querySelector('button').addEventListener('click', () => onResend(this.unanswered));
    this.shown = new Map(); // id → {turn, item, …}
  }

  /** @param {(LearnerTurn|PartnerTurn)[]} turns @param {LearnerTurn|null} unanswered see `aitalk/state.js` */
  render(turns, unanswered) {
    const following = this.#nearEnd();
    let changed = false;
    const ids = new Set(turns.map((turn) => turn.id));
    for (const [id, { item }] of this.shown) {
      if (ids.has(id)) continue;
      item.remove();
      this.shown.delete(id);
    }
    for (const turn of turns) changed = this.#show(turn) || changed;
    this.#offerAgain(unanswered);
    if (changed && following) scrollTo({ top: document.documentElement.scrollHeight });
  }

  #offerAgain(turn) {
    this.unanswered = turn?.id ?? null;
    if (turn) this.shown.get(turn.id).item.append(this.again);
    else this.again.remove();
  }

  #show(turn) {
    const known = this.shown.get(turn.id);
    if (known?.turn === turn) return false;
    const entry = known ?? this.#add(turn);
    entry.turn = turn;
    entry.item.hidden = !turn.text.trim();
    entry.item.className = `turn ${turn.who} ${turn.status}`;
    if (turn.who === 'learner') showLearner(entry, turn);
    else showPartner(entry, turn, this);
    return true;
  }

  /** Handle a click on a word of the partner's, or on the button after a sentence. */
  #clicked(target) {
    const { turn: id, sentence, at } = target.closest('[data-sentence]')?.dataset ?? {};
    const entry = this.shown.get(id);
    if (!entry || String(getSelection())) return; // selecting text is not a click: the learner wants to copy it
    const part = sentences(entry.turn.text, entry.turn.words, this.language())[Number(sentence)];
    if (!part) return;
    const button = target.closest('button');
    this.onSentence({ ...part, turnId: id }, at === undefined ? null : Number(at) - part.textStart, button ?? entry.words.querySelector('button'));
    if (button) this.onReplay();
  }

  #add(turn) {
    const words = el('p', { class: 'words' });
    const who = turn.who === 'learner' ? (turn.typed ? TRANSCRIPT.you_writing : TRANSCRIPT.you) : TRANSCRIPT.partner;
    const item = el('li', {}, el('span', { class: 'who' }, who), words);
    const entry = { item, words, spans: [], text: null, timed: null, latency: null };
    this.list.append(item);
    this.shown.set(turn.id, entry);
    return entry;
  }

  #nearEnd() {
    const page = document.documentElement;
    return page.scrollHeight - page.scrollTop - page.clientHeight < NEAR_END_PX;
  }
}

/** The learner's words with their corrections below. */
function showLearner(entry, turn) {
  entry.words.textContent = turn.text;
  const corrections = turn.corrections ?? [];
  if (!corrections.length || entry.corrections === corrections) return;
  entry.corrections = corrections;
  entry.beside?.remove();
  const lines = corrections.map((found) => {
    const why = reason(found);
    return el('li', {}, ...markUp(found.original, found.corrected), why && el('span', { class: 'why' }, ` – ${why}`));
  });
  entry.beside = el('ul', { class: 'beside', 'aria-label': TRANSCRIPT.correction }, ...lines);
  entry.item.append(entry.beside);
}

function showPartner(entry, turn, { debug, language }) {
  if (entry.text !== turn.text || entry.timed !== turn.words) {
    entry.cut = pieces(turn.text, turn.words);
    entry.spans = entry.cut.map((piece) => el('span', {}, piece.text.trimEnd()));
    entry.parts = null;
    entry.text = turn.text;
    entry.timed = turn.words;
  }
  layOut(entry, turn, language());
  const now = states(entry.cut, turn);
  const cut = turn.status === 'interrupted' && now.includes('unsaid');
  now.forEach((name, i) => {
    const classes = cut ? unheard(now, i) : name;
    if (entry.spans[i].className !== classes) entry.spans[i].className = classes;
    entry.spans[i].title = cut && name === 'unsaid' ? TRANSCRIPT.unheard : '';
  });
  if (cut && !entry.mark) {
    entry.mark = el('span', { class: 'cut-in' }, CUT[turn.cutBy] ?? CUT.line);
    entry.item.append(entry.mark);
  }
  if (debug && turn.latencyMs && !entry.latency) {
    entry.latency = latency(turn.latencyMs);
    if (entry.latency) entry.item.append(entry.latency);
  }
}

/** The classes of word `i`. They put the words that were not heard between brackets. */
function unheard(states, i) {
  if (states[i] !== 'unsaid') return states[i];
  return `unsaid${i === states.indexOf('unsaid') ? ' opens' : ''}${i === states.length - 1 ? ' closes' : ''}`;
}

/** Lay the words out. When the reply is over, each sentence gets a button. */
function layOut(entry, turn, language) {
  const over = ['complete', 'interrupted'].includes(turn.status);
  if (entry.parts && entry.over === over) return;
  entry.over = over;
  entry.parts = over ? sentences(turn.text, turn.words, language) : [];
  const children = entry.cut.flatMap((piece, i) => {
    const span = entry.spans[i];
    const space = piece.text.slice(piece.text.trimEnd().length);
    const within = entry.parts.findIndex(({ start, end }) => piece.start >= start && piece.start < end);
    if (within < 0) return [span, space];
    Object.assign(span.dataset, { turn: turn.id, sentence: within });
    if (piece.startMs !== null) span.dataset.at = piece.start + piece.text.length - piece.text.trimStart().length;
    const next = entry.cut[i + 1];
    const ends = !next || next.start >= entry.parts[within].end;
    return ends ? [span, hearAgain(turn.id, within, entry.parts[within].text), space] : [span, space];
  });
  entry.words.replaceChildren(...children);
}

function hearAgain(turnId, sentence, text) {
  return el(
    'button',
    { type: 'button', class: 'hear-again', 'data-turn': turnId, 'data-sentence': String(sentence), 'aria-label': `${LOOKUP.again}: ${text}`, title: LOOKUP.again },
    svg('svg', { viewBox: '0 0 12 12', 'aria-hidden': 'true' }, svg('path', { d: 'M2.5 1.5v9l8-4.5z' })),
  );
}
