/** The page around the transcript: what can be seen and pressed in each phase. */
import { phase, replying } from '../conversation.js';
import { LEVELS, MUTED, OPENERS, PHASES, PRELUDES, TYPING, queueing } from '../wording.js';
import { el, say } from './dom.js';
import { NoticesView } from './notices.js';
import { ReportView } from './report.js';
import { TranscriptView } from './transcript.js';

const LIVE = ['listening', 'hearing', 'thinking', 'speaking'];

export class Page {
  /** @param {(name: string, topic: string) => void} onAction a notice's button */
  constructor(onAction) {
    this.part = Object.fromEntries([...document.querySelectorAll('[id]')].map((element) => [element.id, element]));
    this.transcript = new TranscriptView(this.part.transcript);
    this.notices = new NoticesView(this.part.notices, onAction);
    this.report = new ReportView(this.part.report);
    this.levels = [...this.part.levels.querySelectorAll('input')];
    this.now = this.part.status.querySelector('.status-now');
    this.hint = this.part.status.querySelector('.status-hint');
  }

  /** @param {object} state of `conversation.js` @param {{talking: boolean, kept: boolean}} around a microphone is open; an earlier session can be carried on */
  render(state, { talking, kept }) {
    const current = phase(state);
    document.body.dataset.phase = current;
    document.body.toggleAttribute('data-empty', !state.turns.length);
    this.transcript.render(state.turns);
    this.notices.render(state.notices);
    this.report.render(state.analysis);
    this.#status(current, state, talking);
    this.#controls(current, state, { talking, kept });
    for (const radio of this.levels) radio.checked = radio.value === state.level;
    say(this.part['level-hint'], LEVELS[state.level]);
    this.#prelude(current === 'listening' && !talking ? 'typing' : current, state);
  }

  #prelude(name, { turns, level, queue }) {
    const { prelude, openers, 'prelude-title': title, 'prelude-text': text } = this.part;
    const words = PRELUDES[name];
    prelude.hidden = !words || turns.length > 0;
    if (prelude.hidden) return;
    say(title, words.title);
    say(text, name === 'queued' ? queueing(queue) : words.text);
    openers.hidden = !['listening', 'typing'].includes(name);
    if (openers.dataset.level === level) return;
    openers.dataset.level = level;
    openers.replaceChildren(...OPENERS[level].map((opener) => el('li', {}, `“${opener}”`)));
  }

  #status(current, { muted, queue, turns }, talking) {
    let words = PHASES[current];
    if (current === 'queued' && turns.length) words = { now: words.now, hint: queueing(queue) };
    if (current === 'listening' && muted) words = MUTED;
    else if (current === 'listening' && !talking) words = TYPING;
    say(this.now, words.now);
    say(this.hint, words.hint);
    // Not the partner's words: those are heard already. Nor every flicker between hearing and thinking.
    if (!['hearing', 'thinking', 'speaking'].includes(current)) say(this.part.announcer, `${words.now}. ${words.hint}`);
  }

  #controls(current, state, { talking, kept }) {
    const { access, welcome, interrupt, mute, end, again, afresh, writing } = this.part;
    const live = LIVE.includes(current);
    welcome.hidden = current !== 'idle';
    access.hidden = current !== 'locked';
    afresh.hidden = !kept;
    say(this.part['start-label'], kept ? 'Carry on talking' : 'Start talking');
    this.#hide(interrupt, !(live && replying(state)), this.part.text);
    this.#hide(mute, !(live && talking), this.part.text);
    this.#hide(end, !(live || current === 'reconnecting'), this.part.text);
    this.#hide(again, current !== 'ended', this.part.text);
    mute.setAttribute('aria-pressed', state.muted);
    say(mute, state.muted ? 'Unmute' : 'Mute');
    writing.hidden = ['ended', 'analysing', 'locked'].includes(current);
  }

  /** A button that goes away must not take the keyboard's place with it. */
  #hide(button, hidden, heir) {
    if (hidden && document.activeElement === button) heir.focus({ preventScroll: true });
    button.hidden = hidden;
  }
}
