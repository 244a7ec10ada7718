/**
 * The dialog for shadowing: hear a sentence, say it, see both waveforms with the times of the words, hear both.
 *
 *   open → hear the voice … → record → stop → compare → record again …
 */
import { MicrophoneError } from '../aitalk/index.js';
import { Replay } from '../replay.js';
import { isUnderstood, isWhole, outline, said, slipsOf, tempo, unsure } from '../shadowing.js';
import { Take, recording, recordingOf } from '../take.js';
import { number } from '../texts.js';
import { MICROPHONE, SHADOWING, TRANSCRIPT, otherSound, unclear, waveform } from '../wording.js';
import { el, svg } from './dom.js';

const WIDTH = 640;
const WAVE = 72; // height
const ROW = 22; // height of a row of words
const LETTER = 10; // width
const COLUMNS = 320;
const QUIETEST = 0.01; // a softer recording is drawn flatter than the others
const LONGEST_S = 30;

/**
 * @typedef {import('../take.js').Recording} Recording
 * @typedef {import('../shadowing.js').Said} Said
 */

export class ShadowingView {
  /**
   * @param {object} parts
   * @param {HTMLDialogElement} parts.dialog
   * @param {() => string} parts.language of the conversation
   * @param {(part: object) => Promise<{wav: ArrayBuffer}|{pcm: ArrayBuffer, rate: number}|null>} parts.soundOf the voice
   *   that says a sentence; null: it can't be had
   * @param {(wav: ArrayBuffer, language: string, sentence: string) => Promise<object|null>} parts.recognise the words
   *   and the slips of a recording; null: the server is away
   * @param {'worklet'|'recorder'|null} parts.prefer how the microphone is recorded
   * @param {(isOpen: boolean) => void} parts.onOpen the dialog was opened or closed
   */
  constructor(parts) {
    Object.assign(this, parts, { part: null, take: null });
    this.replay = new Replay((playing) => playing || this.#played());
    this.dialog.addEventListener('close', () => this.#closed());
  }

  get isOpen() {
    return this.dialog.open;
  }

  /** @param {{text: string}} part a sentence @param {HTMLElement} [opener] gets the focus back */
  async open(part, opener = document.activeElement) {
    Object.assign(this, { part, opener, voice: null, takes: [], told: SHADOWING.intro, busy: false, next: null });
    this.dialog.showModal();
    this.onOpen(true);
    this.#draw();
    const sound = await this.soundOf(part);
    if (this.part !== part) return;
    if (!sound) return this.#tell(SHADOWING.no_voice);
    const voice = sound.wav ? recordingOf(sound.wav) : recording(sound.pcm, sound.rate);
    this.voice = { ...voice, words: null, slips: [] };
    this.#draw();
    this.dialog.querySelector('button:not([disabled])')?.focus();
    const heard = await this.#heard(voice);
    if (this.part !== part) return undefined;
    Object.assign(this.voice, heard);
    this.#draw();
    return undefined;
  }

  // --- what the learner does ---

  #hear(...sounds) {
    const [first, ...rest] = sounds;
    this.replay.stop();
    this.next = rest.length ? rest : null;
    this.replay.play(first.wav, false);
  }

  #played() {
    const { next } = this;
    this.next = null;
    if (next) this.#hear(...next);
  }

  async #record() {
    this.next = null;
    this.replay.stop();
    const take = new Take(this.prefer, () => this.take === take && this.#stop());
    this.take = take;
    this.#tell(SHADOWING.recording);
    try {
      await take.begin();
    } catch (error) {
      if (this.take !== take) return;
      this.take = null;
      this.#tell(MICROPHONE[error instanceof MicrophoneError ? error.reason : 'unsupported'] ?? MICROPHONE.unsupported);
      return;
    }
    if (this.take !== take) take.cancel(); // the dialog was closed
    else this.limit = setTimeout(() => this.#stop(), 1000 * LONGEST_S);
  }

  async #stop() {
    const { take, part } = this;
    clearTimeout(this.limit);
    if (!take) return;
    this.take = null;
    this.busy = true;
    this.#tell(SHADOWING.comparing);
    const recorded = await take.end();
    const isSilent = !recorded || !tempo(recorded, 1);
    const heard = isSilent ? null : await this.#heard(recorded);
    if (this.part !== part) return;
    if (heard?.words && !this.voice.words) Object.assign(this.voice, await this.#heard(this.voice)); // the server was away before
    if (this.part !== part) return;
    this.busy = false;
    if (isSilent) return this.#tell(SHADOWING.silent);
    this.takes.push({ ...recorded, ...heard });
    this.#tell(this.#finding());
    this.dialog.querySelector('#shadowing-record')?.focus();
  }

  #closed() {
    clearTimeout(this.limit);
    this.next = null;
    this.replay.stop();
    this.take?.cancel();
    Object.assign(this, { part: null, take: null, voice: null, takes: [] });
    this.onOpen(false);
    this.opener?.focus?.({ preventScroll: true });
  }

  // --- what is found ---

  /** What recognition hears. @param {Recording} recorded @returns {Promise<{words: Said[]|null, slips: object[]}>} */
  async #heard(recorded) {
    const { text } = this.part;
    const language = this.language();
    const heard = await this.recognise(recorded.wav, language, text);
    if (!heard) return { words: null, slips: [] };
    const words = heard.words.map(({ word, start, end, confidence = 1 }) => ({ text: word, fromS: start, toS: end, confidence }));
    return { words: said(text, words, language), slips: heard.slips ?? [] };
  }

  /** What the takes show. */
  #finding() {
    const { words } = this.takes.at(-1);
    if (!words) return SHADOWING.unavailable;
    if (!isUnderstood(words)) return SHADOWING.not_understood;
    const found = this.#unsure();
    if (!found) return SHADOWING.once_more;
    const told = found.length ? [unclear(found.map((i) => words[i].text))] : [];
    const spelled = this.part.text.split(/\s+/u);
    const known = this.takes.filter((take) => take.words);
    told.push(...slipsOf(known, this.voice.slips).map((slip) => otherSound(slip, spelled[slip.word])));
    return told.length ? told.join(' ') : SHADOWING.clear;
  }

  /** See `unsure`; null also if the server could not look at a recording. */
  #unsure() {
    const known = this.takes.map(({ words }) => words).filter(Boolean);
    return this.voice?.words ? unsure(known, this.voice.words) : null;
  }

  // --- what is drawn ---

  #tell(text) {
    this.told = text;
    this.#draw();
  }

  #draw() {
    const { voice, take, busy, part } = this;
    const mine = this.takes.at(-1);
    const focused = this.dialog.contains(document.activeElement) ? document.activeElement.id : '';
    const rest = Boolean(voice) && !take && !busy;
    this.dialog.replaceChildren(
      el('h2', { id: 'shadowing-title' }, SHADOWING.title),
      el('p', { class: 'lookup-sentence', lang: this.language() }, part.text),
      ...this.#pictures(),
      el('p', { class: 'fine', role: 'status', id: 'shadowing-told' }, this.told),
      mine && this.#comparison(mine),
      el(
        'div',
        { class: 'dialog-actions' },
        button('hear', SHADOWING.hear_voice, rest, () => this.#hear(voice)),
        take ? button('record', SHADOWING.stop, true, () => this.#stop(), 'urge') : button('record', mine ? SHADOWING.again : SHADOWING.record, rest, () => this.#record(), 'urge'),
        mine && button('mine', SHADOWING.hear_mine, rest, () => this.#hear(mine)),
        mine && button('both', SHADOWING.hear_both, rest, () => this.#hear(voice, mine)),
        button('close', SHADOWING.close, true, () => this.dialog.close()),
      ),
    );
    if (focused) this.dialog.querySelector(`#${focused}:not([disabled])`)?.focus();
  }

  /** Both waveforms on one scale of time, so that a longer recording is wider. */
  #pictures() {
    const shown = [
      [SHADOWING.voice, 'partner', this.voice],
      [TRANSCRIPT.you, 'learner', this.takes.at(-1)],
    ].filter(([, , sound]) => sound);
    const longest = Math.max(...shown.map(([, , sound]) => length(sound)));
    const marked = new Set(this.#unsure() ?? []);
    return shown.map(([who, name, sound]) => picture(who, name, sound, longest, name === 'learner' ? marked : new Set()));
  }

  /** The length, the pace and the pauses of the voice and of the latest take. */
  #comparison(mine) {
    if (!mine.words || !isUnderstood(mine.words)) return null;
    const [theirs, own] = [this.voice, mine].map((sound) => tempo(sound, mine.words.length));
    if (!theirs || !own) return null;
    const whole = isWhole(mine.words);
    const row = (title, ...values) => el('tr', {}, el('th', { scope: 'row' }, title), ...values.map((value) => el('td', {}, value)));
    const table = el(
      'table',
      {},
      el('thead', {}, el('tr', {}, ...['', SHADOWING.voice, TRANSCRIPT.you].map((title) => el('th', { scope: 'col' }, title)))),
      el(
        'tbody',
        {},
        row(SHADOWING.length, number(theirs.seconds), number(own.seconds)),
        row(SHADOWING.pace, number(Math.round(theirs.perMinute)), whole ? number(Math.round(own.perMinute)) : '–'),
        row(SHADOWING.pauses, number(theirs.pauses), number(own.pauses)),
        row(SHADOWING.pause_time, number(theirs.pauseS), number(own.pauseS)),
      ),
    );
    return el('div', { class: 'figures-table' }, table, !whole && el('p', { class: 'fine' }, SHADOWING.not_whole));
  }
}

const length = ({ samples, rate }) => samples.length / rate;

function picture(who, name, sound, longestS, marked) {
  const scale = WIDTH / longestS;
  const labels = placed((sound.words ?? []).map((word, index) => ({ ...word, index })).filter(({ fromS }) => fromS !== null), scale);
  const rows = 1 + Math.max(0, ...labels.map(({ row }) => row));
  const height = WAVE + ROW * rows;
  const wave = outline(sound.samples, COLUMNS);
  const step = (length(sound) * scale) / COLUMNS;
  const loudest = Math.max(...wave, QUIETEST);
  const line = (side) => wave.map((peak, i) => `${(i * step).toFixed(1)} ${(WAVE / 2) * (1 - (side * peak) / loudest)}`);
  return el(
    'figure',
    { class: `waveform ${name}` },
    el('figcaption', {}, who),
    svg(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': waveform(who, length(sound)) },
      svg('path', { d: `M${[...line(1), ...line(-1).reverse()].join('L')}Z` }),
      ...labels.flatMap(({ text, x, row, fromS, toS, index }) => [
        svg('line', { x1: x, x2: x, y1: 0, y2: WAVE }),
        svg('text', { x: x + 3, y: WAVE + ROW * (row + 1) - 6, class: marked.has(index) ? 'unsure' : null }, text, svg('title', {}, `${number(fromS)}–${number(toS)} s`)),
      ]),
    ),
  );
}

/** The words with their places: each in the first row in which it overlaps no other. */
function placed(words, scale) {
  const ends = [];
  return words.map((word) => {
    const width = LETTER * word.text.length + 8;
    const x = word.fromS * scale;
    const free = ends.findIndex((end) => end <= x);
    const row = free < 0 ? ends.length : free;
    ends[row] = x + width;
    return { ...word, x: Math.max(0, Math.min(x, WIDTH - width)), row };
  });
}

function button(name, label, enabled, act, kind = null) {
  const made = el('button', { type: 'button', id: `shadowing-${name}`, class: kind, disabled: !enabled }, label);
  made.addEventListener('click', act);
  return made;
}
