/**
 * One learner's conversation: the connection, the microphone, the speaker and the state, working together.
 *
 *   const conversation = new Conversation({ url: 'ws://localhost:8000/ws/conversation', onChange: draw });
 *   await conversation.begin();             from a click; otherwise the browser keeps the sound off
 *   conversation.interrupt() … conversation.write('Hello') … conversation.askForHint()
 *   const analysis = await conversation.end();
 *
 * `onChange` gets every new state, as `state.js` describes it. Problems are reported to `onLine`, `onMicrophone`
 * and `onSuspended`.
 */
import { Connection } from './connection.js';
import { Sound } from './sound.js';
import { initial, opening, phase, reduce, replying } from './state.js';
import { Tools } from './tools.js';

const REPORT_EVERY_MS = 100; // how often the server is told how much was played
const DUCKING = { speech_started: true, speech_stopped: false, interrupted: false, ai_audio_start: false };
const NOTHING = () => {};

/** Keeps the session for as long as the page is open. */
export function sessionMemory() {
  let session = null;
  return { load: () => session, save: (value) => { session = value; } };
}

export class Conversation {
  /** @param {import('./index.d.ts').ConversationOptions} options */
  constructor(options) {
    const { level, turns, scenario, partnerBegins, prefer = null, memory = sessionMemory() } = options;
    for (const name of ['onChange', 'onMessage', 'onAudio', 'onLine', 'onMicrophone', 'onSuspended', 'onOver']) {
      this[name] = options[name] ?? NOTHING;
    }
    this.start = options.start ?? (() => ({}));
    this.state = initial({ level, turns, scenario, partnerBegins });
    this.memory = memory;
    this.tools = new Tools(options.tools ?? [], options.confirmTool ?? null);
    this.sound = new Sound({
      prefer,
      isListening: () => this.phase === 'listening',
      onHeard: (...report) => this.#heard(...report),
      onMicrophone: (problem) => this.onMicrophone(problem),
      onSuspended: (isSuspended) => this.#suspended(isSuspended),
    });
    this.speaker = this.sound.speaker;
    this.microphone = this.sound.microphone;
    this.connection = new Connection({
      url: options.url,
      memory,
      access: options.access ?? (() => null),
      start: (resuming) => this.#start(resuming),
      onMessage: (message) => this.#received(message),
      onAudio: (bytes) => this.#played(bytes),
      onChange: ({ state: line, ...detail }) => this.#lineChanged(line, detail),
    });
    this.unsent = []; // typed while there was no connection
    this.reportedAt = 0;
  }

  /** What happens now: `idle`, `listening`, `speaking` or another of the phases that `state.js` lists. */
  get phase() {
    return phase(this.state);
  }

  /** The current loudness of the partner while it speaks, otherwise of the learner: RMS, 0 to 1. */
  get loudness() {
    return this.phase === 'speaking' ? this.speaker.level() : this.microphone.level();
  }

  /** Open the microphone. `onMicrophone` gets what is wrong with it, or null. */
  openMicrophone() {
    return this.sound.openMicrophone();
  }

  // --- what the learner does ------------------------------------------------------------------

  /** Begin, or continue a kept session. Call it from a gesture. @param {{speak?: boolean}} how speak false: typing only */
  async begin({ speak = true } = {}) {
    this.dispatch({ type: 'page.stage', stage: speak ? 'asking' : 'connecting' });
    await Promise.all([this.speaker.open(), speak && this.openMicrophone()]);
    this.connection.open();
  }

  /** Try to connect again now. */
  connect() {
    this.connection.open();
  }

  /** Stop the partner. */
  interrupt() {
    if (!replying(this.state)) return;
    const silent = this.speaker.flush();
    this.dispatch({ type: 'page.silenced' });
    silent.then(() => this.connection.send({ type: 'interrupt' })); // after the report of how much was heard
  }

  /**
   * Send a typed turn. Without a connection, it is sent as soon as there is one.
   * @param {string} text a typed turn @param {string|null} [insteadOf] id of the turn that it replaces
   */
  write(text, insteadOf = null) {
    this.speaker.flush();
    this.dispatch({ type: 'page.typed', text, insteadOf });
    if (!this.connection.send({ type: 'text', text })) this.unsent.push(text);
  }

  /** Ask what the learner could say now; the answer comes as `state.hints`. */
  askForHint() {
    if (this.connection.send({ type: 'hint' })) this.dispatch({ type: 'page.hint' });
  }

  /** @param {'beginner'|'intermediate'|'advanced'} level from the next reply on */
  setLevel(level) {
    this.dispatch({ type: 'page.level', level });
    this.connection.send({ type: 'set_level', level });
  }

  /** Switch the microphone off or on. While it is off, silence is sent. @param {boolean} muted */
  mute(muted) {
    this.sound.mute(muted);
    this.dispatch({ type: 'page.muted', muted });
  }

  /** Mute the microphone for a while. The learner's own choice (`mute`) stays as it is. @param {boolean} held */
  hold(held) {
    this.sound.hold(held);
  }

  /** End the conversation. @returns {Promise<object|null>} the analysis; null if there is none */
  end() {
    this.speaker.flush();
    this.microphone.close();
    this.dispatch({ type: 'page.stage', stage: 'analysing' });
    this.connection.send({ type: 'end_conversation' }); // now, or as soon as the connection is back
    return new Promise((resolve) => {
      this.answerEnd = resolve;
    });
  }

  /** Leave at once, without an analysis. The session can be continued. */
  leave() {
    this.connection.close();
    this.connection.clearHeld();
    this.microphone.close();
    this.unsent = [];
    this.dispatch({ type: 'page.stage', stage: 'idle' });
  }

  /** Forget the session and its turns; the level and the scenario stay. */
  reset() {
    this.memory.save(null);
    this.sound.mute(false);
    this.#change(initial({ level: this.state.level, scenario: this.state.scenario }), { type: 'page.reset' });
  }

  // --- state ----------------------------------------------------------------------------------

  /** Take an event: a message of the server, or one of the page's own. */
  dispatch(event) {
    this.#change(reduce(this.state, event), event);
  }

  #change(state, event) {
    const before = this.state;
    this.state = state;
    this.onChange(state, before, event);
  }

  // --- the server -----------------------------------------------------------------------------

  /** The fields of `start`, without the subject and the tools if the session is resumed: the server knows them. */
  #start(resuming) {
    const { scenario, level } = this.state;
    const about = scenario ? { scenario: scenario.id } : {};
    const topic = opening(this.state) ? { ...about, partner_begins: true } : about;
    return {
      level,
      ...(this.microphone.isOpen ? { audio: this.microphone.format } : {}),
      ...(resuming ? {} : { ...topic, ...this.tools.fields }),
      ...this.start(resuming),
    };
  }

  #received(message) {
    if (message.type === 'ai_audio_start') this.speaker.begin(message.turn_id, message.sample_rate);
    if (message.type === 'interrupted') this.speaker.flush();
    if (message.type in DUCKING) this.speaker.duck(DUCKING[message.type]);
    this.onMessage(message);
    this.dispatch(message);
    if (message.type === 'tool_call') this.tools.answer(message).then((result) => this.connection.send(result));
    if (message.type === 'analysis') this.#over();
  }

  #played(bytes) {
    this.onAudio(bytes);
    this.speaker.play(bytes);
  }

  /** The speaker has played this much of a turn. */
  #heard(turnId, heardMs, done) {
    this.dispatch({ type: 'page.heard', turnId, heardMs, done });
    if (!done && performance.now() - this.reportedAt < REPORT_EVERY_MS) return;
    this.reportedAt = performance.now();
    this.connection.send({ type: 'playback', turn_id: turnId, played_ms: heardMs });
  }

  #over() {
    this.speaker.flush();
    this.microphone.close();
    this.connection.clearHeld();
    this.memory.save(null);
    this.onOver(this.state.analysis);
    this.answerEnd?.(this.state.stage === 'ended' ? this.state.analysis : null);
    this.answerEnd = null;
  }

  // --- the connection -------------------------------------------------------------------------

  #lineChanged(line, detail) {
    const wasAnalysing = this.state.stage === 'analysing';
    const wasEnded = this.state.stage === 'ended';
    const handlers = {
      connecting: () => this.#connecting(detail),
      queued: () => wasAnalysing || this.dispatch({ type: 'page.queued', ...detail }),
      ready: () => this.#ready(detail),
      moving: () => this.#moving(),
      waiting: () => this.#lost(detail),
      parked: () => this.#parked(),
      locked: () => this.#locked(),
    };
    (handlers[line] ?? (() => wasEnded || this.#closed()))();
    if (!wasEnded) this.onLine(line, { ...detail, wasAnalysing });
  }

  #connecting({ attempt }) {
    if (attempt === 0 && this.state.stage !== 'analysing') this.dispatch({ type: 'page.stage', stage: 'connecting' });
  }

  #ready({ held }) {
    if (this.state.stage === 'analysing') {
      this.connection.send({ type: 'end_conversation' });
      return;
    }
    this.dispatch({ type: 'page.stage', stage: 'live' });
    this.speaker.open(); // again, if it could not load its files while the server was away
    if (held && (held !== 'cut' || this.microphone.road === 'worklet')) this.connection.sendHeld();
    else this.#holdVoice();
    for (const text of this.unsent.splice(0)) this.connection.send({ type: 'text', text });
  }

  /** The conversation moves to another gateway between two turns. The learner doesn't notice. */
  #moving() {
    this.#keepUnanswered();
    this.dispatch({ type: 'page.moving' });
    if (this.microphone.road === 'recorder') this.#holdVoice();
    else if (!this.state.hearing) this.connection.holdRecent();
  }

  #lost({ attempt }) {
    this.speaker.flush();
    if (attempt === 1 && this.state.stage === 'live') {
      this.#keepUnanswered();
      this.#holdVoice();
    }
    if (this.state.stage !== 'analysing') this.dispatch({ type: 'page.stage', stage: 'reconnecting' });
  }

  #parked() {
    this.speaker.flush();
    this.microphone.rest();
    this.connection.clearHeld();
    this.dispatch({ type: 'page.stage', stage: 'parked' });
  }

  /** The server requires a token, and ours is missing or wrong. */
  #locked() {
    this.microphone.rest();
    this.dispatch({ type: 'page.stage', stage: 'locked' });
  }

  #closed() {
    this.#over();
    this.dispatch({ type: 'page.stage', stage: 'ended' });
  }

  /** If a typed turn has no answer, send it again over the next connection, because it may not have arrived. */
  #keepUnanswered() {
    const last = this.state.turns.at(-1);
    if (this.state.awaiting && last?.typed && !this.unsent.includes(last.text)) this.unsent.push(last.text);
  }

  /** Start a new recording, and drop what was kept. Without a connection, the new recording is kept. */
  #holdVoice() {
    this.connection.clearHeld();
    this.microphone.record((frame) => this.connection.sendAudio(frame));
  }

  /** Report whether the browser blocks the sound. An idle page has nothing to play, so it counts as not blocked. */
  #suspended(isSuspended) {
    const isIdle = ['idle', 'ended', 'analysing'].includes(this.state.stage);
    this.onSuspended(isSuspended && !isIdle);
  }
}
