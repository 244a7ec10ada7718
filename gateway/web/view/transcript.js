/** The conversation as a play script: who, and what they said; the partner's words come alive as they are spoken. */
import { pieces, states } from '../captions.js';
import { CUT, UNANSWERED, UNHEARD } from '../wording.js';
import { el } from './dom.js';
import { latency } from './latency.js';

const NEAR_END_PX = 160; // closer to the end than this, the page follows the conversation

export class TranscriptView {
  /** @param {HTMLOListElement} list @param {{onResend: (id: string) => void, debug: boolean}} options */
  constructor(list, { onResend, debug }) {
    this.list = list;
    this.debug = debug;
    this.again = el('p', { class: 'unanswered' }, UNANSWERED.text, ' ', el('button', { type: 'button' }, UNANSWERED.action));
    this.again.querySelector('button').addEventListener('click', () => onResend(this.unanswered));
    this.shown = new Map(); // id → {turn, item, …}
  }

  /** @param {(LearnerTurn|PartnerTurn)[]} turns @param {LearnerTurn|null} unanswered see `conversation.js` */
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
    if (turn.who === 'learner') entry.words.textContent = turn.text;
    else showPartner(entry, turn, this.debug);
    return true;
  }

  #add(turn) {
    const words = el('p', { class: 'words' });
    const who = turn.who === 'learner' ? (turn.typed ? 'You, writing' : 'You') : 'Partner';
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

function showPartner(entry, turn, debug) {
  if (entry.text !== turn.text || entry.timed !== turn.words) {
    entry.cut = pieces(turn.text, turn.words);
    entry.spans = entry.cut.map((piece) => el('span', {}, piece.text.trimEnd()));
    const spaces = entry.cut.map((piece) => piece.text.slice(piece.text.trimEnd().length));
    entry.words.replaceChildren(...entry.spans.flatMap((span, i) => [span, spaces[i]]));
    entry.text = turn.text;
    entry.timed = turn.words;
  }
  const now = states(entry.cut, turn);
  const cut = turn.status === 'interrupted' && now.includes('unsaid');
  now.forEach((name, i) => {
    const classes = cut ? unheard(now, i) : name;
    if (entry.spans[i].className !== classes) entry.spans[i].className = classes;
    entry.spans[i].title = cut && name === 'unsaid' ? UNHEARD : '';
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

/** What was not heard stands in brackets. */
function unheard(states, i) {
  if (states[i] !== 'unsaid') return states[i];
  return `unsaid${i === states.indexOf('unsaid') ? ' opens' : ''}${i === states.length - 1 ? ' closes' : ''}`;
}
