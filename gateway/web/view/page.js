/** The page around the transcript: the visible elements and the enabled buttons of each phase. */
import { opening, phase, replying, unanswered } from '../aitalk/state.js';
import { openers } from '../openers.js';
import { BUTTONS, HINTS, KEPT, LEVELS, PHASES, PRELUDES, REPLAYING, TYPING, analysing, muted, queueing } from '../wording.js';
import { el, say } from './dom.js';
import { HintsView } from './hints.js';
import { LookupView } from './lookup.js';
import { MyWordsView } from './my_words.js';
import { NoticesView } from './notices.js';
import { ProgressView } from './progress.js';
import { ReportView } from './report.js';
import { ShadowingView } from './shadowing.js';
import { SheetView } from './sheet.js';
import { TopicsView } from './topics.js';
import { TranscriptView } from './transcript.js';

const NONE = [];
const LIVE = ['listening', 'hearing', 'thinking', 'speaking'];

export class Page {
  /**
   * @param {object} options
   * @param {(name: string, topic: string) => void} options.onNotice a notice's button was pressed
   * @param {(id: string) => void} options.onResend a typed turn is to be sent again
   * @param {(scenario: object|null) => void} options.onTopic a card was chosen
   * @param {(phrase: string) => void} options.onPhrase a phrase is to be written into the composer
   * @param {(part: object, slowly: boolean) => boolean} options.onReplay see `LookupView`
   * @param {() => string} options.language of the conversation
   * @param {(path: string) => Promise<object|null>} options.ask the server
   * @param {(sentence: string) => void} options.onHearHint a hint is to be read aloud
   * @param {() => boolean} options.canHearHint whether hints can be read aloud
   * @param {(sentence: string) => void} options.onHearSentence a sentence of the partner's is to be heard again
   * @param {(sentence: string) => boolean} options.canHearSentence whether its sound is kept
   * @param {object} options.shadowing see `ShadowingView`
   * @param {boolean} options.debug show how long each answer took
   */
  constructor({ onNotice, onResend, onTopic, onPhrase, onReplay, language, ask, onHearHint, canHearHint, onHearSentence, canHearSentence, shadowing, debug }) {
    this.part = Object.fromEntries([...document.querySelectorAll('[id]')].map((element) => [element.id, element]));
    this.myWords = new MyWordsView({ dialog: this.part['my-words'], opener: this.part['my-words-opener'], language });
    this.progress = new ProgressView({ dialog: this.part.progress, opener: this.part['progress-opener'] });
    this.shadowing = new ShadowingView({ dialog: this.part.shadowing, language, ...shadowing });
    const onSay = (...opened) => this.shadowing.open(...opened);
    this.lookup = new LookupView(this.part.lookup, { onReplay, language, ask, onKeep: (entry) => this.myWords.keep(entry), onSay });
    this.report = new ReportView(this.part.report, { onKeep: (entry) => this.myWords.keep(entry), onHear: onHearSentence, canHear: canHearSentence, onSay });
    this.hints = new HintsView(this.part.hints, { onChoose: onPhrase, onHear: onHearHint, canHear: canHearHint });
    this.transcript = new TranscriptView(this.part.transcript, {
      onResend,
      onSentence: (...opened) => this.lookup.open(...opened),
      onReplay: () => this.lookup.replay(),
      language,
      debug,
    });
    this.notices = new NoticesView(this.part.notices, onNotice);
    const { topics, cards, 'every-level': everyLevel } = this.part;
    this.topics = new TopicsView({ topics, cards, everyLevel, noCards: this.part['no-cards'] }, onTopic);
    this.language = language;
    this.sheet = new SheetView(this.part.sheet, onPhrase);
    this.levels = [...this.part.levels.querySelectorAll('input')];
    this.now = this.part.status.querySelector('.status-now');
    this.hint = this.part.status.querySelector('.status-hint');
    this.keyboard = matchMedia('(hover: hover) and (pointer: fine)').matches;
  }

  /**
   * @param {object} state of `aitalk/state.js`
   * @param {{talking: boolean, kept: boolean, dueWords: string[]}} around talking: a microphone is open. kept: a session
   *   can be resumed. dueWords: the learner's words to use in this conversation
   */
  render(state, { talking, kept, dueWords }) {
    const current = phase(state);
    document.body.dataset.phase = current;
    document.body.toggleAttribute('data-empty', !state.turns.length);
    document.body.toggleAttribute('data-kept', kept);
    this.transcript.render(state.turns, unanswered(state));
    this.notices.render(state.notices);
    this.report.render(state.analysis);
    this.#status(current, state, { talking, kept });
    this.#controls(current, state, { talking, kept });
    for (const radio of this.levels) radio.checked = radio.value === state.level;
    say(this.part['level-hint'], LEVELS[state.level].hint);
    this.hints.render(state.hints);
    this.part['ask-hint'].setAttribute('aria-disabled', state.hintAsked);
    say(this.part['ask-hint'], state.hintAsked ? HINTS.coming : HINTS.ask);
    this.topics.render(state, this.language());
    const isShown = sheetShown(current, kept);
    const said = state.turns.filter(({ who }) => who === 'learner').map(({ text }) => text);
    this.sheet.render(isShown ? state.scenario : null, isShown ? dueWords : NONE, said, this.language());
    this.#prelude(prelude(current, state, talking), state);
  }

  #prelude(name, { turns, level, queue, scenario }) {
    const { prelude, openers: list, 'prelude-title': title, 'prelude-text': text } = this.part;
    const words = PRELUDES[name];
    const sentences = scenario ? [] : openers(this.language(), level);
    prelude.hidden = !words || turns.length > 0;
    if (prelude.hidden) return;
    say(title, words.title);
    say(text, name === 'queued' ? queueing(queue) : sentences.length ? words.text : (words.withoutOpeners ?? words.text));
    list.hidden = !['listening', 'typing'].includes(name) || !sentences.length;
    list.lang = this.language();
    if (list.dataset.shown === sentences.join()) return;
    list.dataset.shown = sentences.join();
    list.replaceChildren(...sentences.map((opener) => el('li', {}, el('button', { type: 'button' }, opener))));
  }

  #status(current, { muted: off, replaying, queue, turns, progress }, { talking, kept }) {
    let words = kept ? KEPT : PHASES[current]; // when idle, this is only for screen readers: others see the buttons
    if (current === 'queued' && turns.length) words = { now: words.now, hint: queueing(queue) };
    if (current === 'listening' && replaying) words = REPLAYING;
    else if (current === 'listening' && off) words = muted(this.keyboard);
    else if (current === 'listening' && !talking) words = TYPING;
    if (current === 'analysing' && progress) words = analysing(progress);
    say(this.now, words.now);
    say(this.hint, words.hint);
    // Announce neither that the partner speaks, which is audible, nor each short change between hearing and thinking.
    if (!['hearing', 'thinking', 'speaking'].includes(current)) say(this.part.announcer, `${words.now}. ${words.hint}`);
  }

  #controls(current, state, { talking, kept }) {
    const { access, welcome, interrupt, mute, end, leave, again, other, afresh, writing } = this.part;
    const live = LIVE.includes(current);
    welcome.hidden = current !== 'idle' || kept;
    this.part['welcome-actions'].hidden = current !== 'idle';
    access.hidden = current !== 'locked';
    afresh.hidden = !kept;
    say(this.part['start-label'], kept ? BUTTONS.carry_on : BUTTONS.start);
    this.#hide(interrupt, !(live && replying(state)), this.part.text);
    this.#hide(mute, !(live && talking), this.part.text);
    this.#hide(this.part['ask-hint'], !(live && !['speaking', 'hearing'].includes(current)), this.part.text);
    this.#hide(end, !(live || current === 'reconnecting'), this.part.text);
    this.#hide(leave, current !== 'queued', this.part.text);
    this.#hide(other, current !== 'ended', this.part.text);
    this.part['partner-begins'].hidden = kept;
    this.part.begins.checked = state.partnerBegins;
    this.#hide(again, current !== 'ended', this.part.text);
    mute.setAttribute('aria-pressed', state.muted);
    say(mute, state.muted ? BUTTONS.unmute : BUTTONS.mute);
    writing.hidden = ['ended', 'analysing', 'locked'].includes(current);
  }

  /** When a focused button is hidden, `heir` gets the focus. */
  #hide(button, hidden, heir) {
    if (hidden && document.activeElement === button) heir.focus({ preventScroll: true });
    button.hidden = hidden;
  }
}

function sheetShown(current, kept) {
  return current === 'idle' ? kept : !['analysing', 'ended'].includes(current);
}

/** The name, in `PRELUDES`, of the words in large letters before the first turn. */
function prelude(current, state, talking) {
  if (current === 'thinking' && opening(state)) return 'opening';
  return current === 'listening' && !talking ? 'typing' : current;
}
