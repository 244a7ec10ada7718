/**
 * The page, from the first click to the report. A `Conversation` of the JavaScript client (`clients/js`) talks with the
 * server and holds the state; `view/page.js` draws every new state.
 *
 *   begin → microphone and speaker are opened → the connection is opened → talk … interrupt … → end → report
 */
import { Conversation, Recordings, sentences } from './aitalk/index.js';
import * as memory from './memory.js';
import * as progress from './progress.js';
import { deviceVoice, readAloud, stopReading } from './read_aloud.js';
import { watchReadiness } from './readiness.js';
import { Replay } from './replay.js';
import { loadScenarios } from './scenarios.js';
import { ask, recognise, speech } from './server.js';
import { Meter } from './view/meter.js';
import { Page } from './view/page.js';
import { ChoicesView, choices } from './view/choices.js';
import { VoiceView } from './view/voice.js';
import { base, chosenVoice, languages, loadVoices, practised, voices } from './voices.js';
import { writeInto } from './texts.js';
import { BUTTONS, LINE, MICROPHONE, READINESS, SOUND, fallback } from './wording.js';

const SPEECH_HZ = 24000; // of the server's PCM

writeInto(document);
const query = new URLSearchParams(location.search);
const page = new Page({
  onNotice: act,
  onResend: resend,
  onTopic: choose,
  onPhrase: compose,
  onReplay: replaySentence,
  onHearHint: hearHint,
  canHearHint: () => deviceVoice(language()) !== null,
  onHearSentence: (sentence) => replaySentence(partOf(sentence), false),
  canHearSentence: (sentence) => Boolean(partOf(sentence)),
  language,
  ask,
  shadowing: { soundOf: voiceOf, recognise, prefer: preferredRoad(), onOpen: shadowing },
  debug: query.has('debug'),
});
let dueWords = []; // the learner's words to use in this conversation
const recordings = new Recordings();
const replay = new Replay(replaying);
const voiceView = new VoiceView(page.part);
new ChoicesView({ corrections: page.part.corrections, native: page.part.native, pageLanguage: page.part['page-language'] });
const conversation = new Conversation({
  url: new URL('ws/conversation', document.baseURI).href.replace('http', 'ws'), // relative: a proxy may add a path
  memory: memory.session,
  access: memory.access.load,
  prefer: preferredRoad(),
  start: () => ({ learner: memory.learner(), ...choices(language()), ...spoken(), ...progress.consent() }),
  onChange: changed,
  onMessage: received,
  onAudio: (bytes) => recordings.add(bytes),
  onLine: lineChanged,
  onMicrophone: microphoneChanged,
  onSuspended: soundSuspended,
  onOver: over,
  ...restored(),
});
const meter = new Meter(page.part.meter, () => conversation.loudness);
const stopWatching = watchReadiness(readinessChanged);
loadScenarios().then((scenarios) => page.topics.offer(scenarios));

listen();
render();

/**
 * The initial state: the level, and the conversation that a reload of this tab interrupted. The conversation is empty
 * if nothing had been said.
 */
function restored() {
  const turns = memory.session.load() ? memory.conversation.load() : [];
  if (!turns.length) memory.session.save(null);
  const scenario = turns.length ? memory.scenario.load() : null;
  return { level: memory.level.load() ?? undefined, turns, scenario };
}

function choose(scenario) {
  conversation.dispatch({ type: 'page.scenario', scenario });
}

// --- events ---

function changed(state, before, event) {
  if (event.type === 'ai_audio_start' && page.shadowing.isOpen) conversation.interrupt();
  if (event.type === 'page.heard' && !event.done) stopReplay(); // no two voices at once
  if (state.turns !== before.turns && event.type !== 'page.heard') memory.conversation.save(state.turns);
  render();
}

function render() {
  const { state, microphone } = conversation;
  page.render(state, { talking: microphone.isOpen, kept: state.stage === 'idle' && memory.session.load() !== null, dueWords });
}

function tell(topic, notice) {
  if (notice || conversation.state.notices[topic]) conversation.dispatch({ type: 'page.notice', topic, notice });
}

/** A message from the server. */
function received(message) {
  if (message.type === 'ai_audio_start') recordings.begin(message.turn_id, message.sample_rate);
  if (message.type === 'speech_started') tell('microphone', null);
}

// --- the conversation ---

/**
 * Call this from a gesture, because browsers play sound only then.
 * @param {{speak: boolean}} how by voice, or in writing only
 */
async function begin({ speak }) {
  stopWatching();
  tell('ready', null);
  memory.scenario.save(conversation.state.scenario);
  progress.toPractise(language()).then(useWords);
  await conversation.begin({ speak });
  meter.start();
}

/** @param {string[]} words those of the learner that are due */
function useWords(words) {
  dueWords = words;
  render();
}

function resend(id) {
  write(conversation.state.turns.find((turn) => turn.id === id).text, id);
}

// --- hearing again ---

/** The partner's sentence that begins with this text; null if its sound is no longer kept. */
function partOf(sentence) {
  const beginning = sentence.replace(/\s*…$/u, '');
  const parts = conversation.state.turns
    .filter(({ who }) => who === 'partner')
    .flatMap(({ id, text, words }) => sentences(text, words, language()).map((part) => ({ ...part, turnId: id })));
  return parts.find((part) => part.text.startsWith(beginning) && soundOf(part)) ?? null;
}

function soundOf({ turnId, fromMs, toMs }) {
  return fromMs === null ? null : recordings.wav(turnId, fromMs, toMs);
}

/** @returns {boolean} whether the sentence's sound is still kept */
function replaySentence(part, slowly) {
  const wav = part && soundOf(part);
  if (!wav) return false;
  conversation.interrupt();
  stopReading();
  replay.play(wav, slowly);
  return true;
}

/** The voice that says a sentence: as it was heard in the conversation, or else made now. */
async function voiceOf(part) {
  const kept = part.turnId ? soundOf(part) : null;
  if (kept) return { wav: kept };
  const pcm = await speech(part.text, chosenVoice() ?? voices()[0]?.id ?? 'alloy');
  return pcm && { pcm, rate: SPEECH_HZ };
}

/** While the learner says a sentence after the voice (`isOpen`), the conversation waits. */
function shadowing(isOpen) {
  if (isOpen) conversation.interrupt();
  stopReplay();
  conversation.hold(isOpen);
}

function hearHint(sentence) {
  conversation.interrupt();
  replay.stop();
  readAloud(sentence, deviceVoice(language()), replaying);
}

function stopReplay() {
  if (!conversation.state.replaying) return;
  replay.stop();
  stopReading();
}

/** While a sentence is played (`on`), mute the microphone: the sentence would be taken for the learner's voice. */
function replaying(on) {
  conversation.hold(on || page.shadowing.isOpen); // the end of a sentence may be told after the dialog has opened
  if (conversation.state.replaying !== on) conversation.dispatch({ type: 'page.replaying', replaying: on });
}

/** How the microphone is recorded; null: as the browser can. */
function preferredRoad() {
  return ['recorder', 'worklet'].find((road) => road === query.get('mic')) ?? null;
}

/** The language of the conversation. */
function language() {
  return conversation.state.scenario?.language ?? practised() ?? 'en';
}

/** Fields of `start`: the language, unless the server chooses it, and the voice, if the learner has chosen one. */
function spoken() {
  const voice = chosenVoice();
  return { ...(practised() ? { language: language() } : {}), ...(voice ? { voice } : {}) };
}

function practise(tag) {
  memory.practised.save(tag);
  const { scenario } = conversation.state;
  if (scenario && base(scenario.language) !== tag) choose(null);
  offerVoices();
  render();
}

function offerVoices() {
  voiceView.render({ languages: languages(), practised: practised(), voices: voices(), voice: chosenVoice() });
}

/** Put a sentence into the composer, for the learner to say or to send. */
function compose(sentence) {
  page.part.text.value = sentence;
  page.part.text.focus();
}

/** @param {string} text a typed turn @param {string|null} [insteadOf] id of the turn that it replaces */
function write(text, insteadOf = null) {
  conversation.write(text, insteadOf);
  if (conversation.state.stage === 'idle') begin({ speak: false });
}

function leaveQueue() {
  meter.stop();
  conversation.leave();
}

/** The conversation is over, with an analysis or without. */
function over(analysis) {
  meter.stop();
  memory.conversation.save([]);
  for (const topic of Object.keys(conversation.state.notices)) tell(topic, null);
  if (conversation.state.stage === 'ended' && analysis) page.part.report.focus({ preventScroll: true });
}

function forget() {
  conversation.reset();
  memory.conversation.save([]);
}

function again() {
  forget();
  begin({ speak: true });
}

function setLevel(level) {
  memory.level.save(level);
  conversation.setLevel(level);
}

// --- the connection ---

function lineChanged(line, detail) {
  const handlers = { ready: lineReady, waiting: lineLost, parked: lineParked, over: lineOver, refused: lineOver, locked: lineLocked };
  handlers[line]?.(detail);
}

function lineReady({ forgotten }) {
  tell('line', forgotten ? { tone: 'info', text: LINE.forgotten } : null);
}

function lineLost({ ms, attempt }) {
  const text = attempt === 1 ? LINE.lost : LINE.away(Math.ceil(ms / 1000));
  tell('line', { tone: 'problem', text, action: { label: BUTTONS.try_now, name: 'connect' } });
}

function lineParked(closing) {
  tell('server', null); // the notice about the line says the same
  tell('line', { tone: 'info', text: LINE.parked(closing), action: { label: BUTTONS.carry_on_here, name: 'connect' } });
}

function lineLocked() {
  tell('line', memory.access.load() ? { tone: 'problem', text: LINE.wrongToken } : null);
  page.part.token.focus();
}

function unlock(token) {
  if (!/^[\w.~+-]+$/.test(token)) return tell('line', { tone: 'problem', text: LINE.wrongToken }); // such a token can't be sent
  memory.access.save(token);
  tell('line', null);
  conversation.connect();
  return undefined;
}

function lineOver({ code, reason, wasAnalysing }) {
  const text = wasAnalysing && code === 1000 ? LINE.noAnalysis : LINE.refused({ code, reason });
  tell('line', { tone: 'problem', text });
}

function readinessChanged({ reached, ready, waitingFor, fallbacks }) {
  if (ready) loadVoices().then(offerVoices).then(render);
  for (const [name, what] of Object.entries(fallbacks)) {
    const text = fallback(name, what);
    if (text) tell(`fallback-${name}`, { tone: 'info', text });
  }
  if (conversation.state.stage !== 'idle') return;
  const parts = waitingFor.map((name) => READINESS.services[name] ?? name);
  const text = reached ? READINESS.warming(parts) : READINESS.away;
  tell('ready', ready ? null : { tone: reached ? 'info' : 'problem', text });
}

// --- the microphone and the speaker ---

/** @param {string|null} problem null: the microphone works */
function microphoneChanged(problem) {
  if (problem === null) tell('microphone', null);
  else if (problem === 'silent') tell('microphone', { tone: 'info', text: MICROPHONE.silent });
  else {
    const text = MICROPHONE[problem] ?? MICROPHONE.unsupported;
    tell('microphone', { tone: 'problem', text, action: { label: BUTTONS.try_again, name: 'microphone' } });
  }
}

function soundSuspended(suspended) {
  const notice = { tone: 'info', text: SOUND, action: { label: BUTTONS.sound_on, name: 'sound' } };
  tell('sound', suspended ? (conversation.state.notices.sound ?? notice) : null);
}

// --- what the learner does ---

function act(name, topic) {
  const { microphone, speaker } = conversation;
  if (name === 'connect') conversation.connect();
  else if (name === 'sound') speaker.resume();
  else if (name === 'microphone') conversation.openMicrophone().then(() => microphone.isOpen && conversation.connect());
  else tell(topic, null);
}

function listen() {
  const { start, afresh, interrupt, mute: muting, end, leave, again: anew, other, writing, text, levels, openers, begins } = page.part;
  start.addEventListener('click', () => begin({ speak: true }));
  afresh.addEventListener('click', forget);
  leave.addEventListener('click', leaveQueue);
  openers.addEventListener('click', ({ target }) => target.closest('button') && write(target.textContent));
  interrupt.addEventListener('click', () => conversation.interrupt());
  muting.addEventListener('click', mute);
  end.addEventListener('click', () => conversation.end());
  anew.addEventListener('click', again);
  other.addEventListener('click', forget);
  page.part['ask-hint'].addEventListener('click', () => conversation.askForHint());
  begins.addEventListener('change', () => conversation.dispatch({ type: 'page.partnerBegins', partnerBegins: begins.checked }));
  page.part.practised.addEventListener('change', ({ target }) => practise(target.value));
  page.part.voice.addEventListener('change', ({ target }) => memory.voice.save(target.value));
  levels.addEventListener('change', ({ target }) => setLevel(target.value));
  writing.addEventListener('submit', (event) => {
    event.preventDefault();
    const said = text.value.trim();
    text.value = '';
    if (said) write(said);
  });
  page.part.access.addEventListener('submit', (event) => {
    event.preventDefault();
    const { token } = page.part;
    if (token.value.trim()) unlock(token.value.trim());
    token.value = '';
  });
  addEventListener('keydown', pressed);
  addEventListener('pagehide', () => conversation.connection.close()); // the learner leaves; this is not a lost connection
  addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
  document.addEventListener('visibilitychange', () => document.hidden || conversation.speaker.resume());
}

function mute() {
  conversation.mute(!conversation.state.muted);
}

function pressed(event) {
  if (page.part['my-words'].open || page.part.progress.open || page.shadowing.isOpen) return; // the dialog handles its own keys
  if (event.key === 'Escape') conversation.interrupt();
  const free = event.target === document.body || event.target === page.part.report;
  if (event.key === ' ' && free && conversation.microphone.isOpen && !event.repeat) {
    event.preventDefault();
    mute();
  }
}
