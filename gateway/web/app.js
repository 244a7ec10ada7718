/**
 * The page, from the first click to the report. Everything becomes an event of `state.js`, and `view/page.js`
 * draws every new state.
 *
 *   begin → microphone and speaker are opened → the connection is opened → talk … interrupt … → end → report
 */
import { Connection } from './aitalk/connection.js';
import { initial, opening, phase, reduce, replying } from './aitalk/state.js';
import * as memory from './memory.js';
import { Microphone } from './aitalk/microphone.js';
import { deviceVoice, readAloud, stopReading } from './read_aloud.js';
import { watchReadiness } from './readiness.js';
import { Recordings } from './aitalk/recordings.js';
import { Replay } from './replay.js';
import { loadScenarios } from './scenarios.js';
import { sentences } from './aitalk/sentences.js';
import { ask } from './server.js';
import { Speaker } from './aitalk/speaker.js';
import { Meter } from './view/meter.js';
import { Page } from './view/page.js';
import { VoiceView } from './view/voice.js';
import { chosenVoice, loadVoices } from './voices.js';
import { FALLBACKS, LINE, MICROPHONE, READINESS, SOUND } from './wording.js';

const REPORT_EVERY_MS = 100; // of playback, to the server
const DUCKING = { speech_started: true, speech_stopped: false, interrupted: false, ai_audio_start: false };
const SILENT_AFTER_S = 8; // a microphone that gives no sound at all for this long is reported
const SILENT_RMS = 1e-5;

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
  debug: query.has('debug'),
});
const recordings = new Recordings();
const replay = new Replay(replaying);
const voiceView = new VoiceView(page.part['voice-choice'], page.part.voice);
const meter = new Meter(page.part.meter, () => (phase(state) === 'speaking' ? speaker.level() : microphone.level()));
const speaker = new Speaker({ onHeard: heard, onSuspended: soundSuspended });
const microphone = new Microphone({
  prefer: ['recorder', 'worklet'].find((road) => road === query.get('mic')) ?? null,
  onLost: microphoneLost,
});
const connection = new Connection({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/conversation`,
  memory: memory.session,
  access: memory.access.load,
  start: (resuming) => ({
    learner: memory.learner(),
    level: state.level,
    ...(chosenVoice() ? { voice: chosenVoice() } : {}),
    ...(microphone.isOpen ? { audio: microphone.format } : {}),
    ...(resuming ? {} : topic()),
  }),
  onMessage: received,
  onAudio: played,
  onChange: lineChanged,
});

let state = restored();
let unsent = []; // typed while there was no connection
let reportedAt = 0;
let stopWatching = watchReadiness(readinessChanged);
loadScenarios().then((scenarios) => page.topics.offer(scenarios));

listen();
render();

/** The state that a reload has stopped in this tab, or a new one if nothing had been said. */
function restored() {
  const turns = memory.session.load() ? memory.conversation.load() : [];
  if (!turns.length) memory.session.save(null);
  const scenario = turns.length ? memory.scenario.load() : null;
  return initial({ level: memory.level.load() ?? undefined, turns, scenario });
}

/** The fields of a new session's `start` for its subject and for who begins. */
function topic() {
  const about = state.scenario ? { scenario: state.scenario.id } : {};
  return opening(state) ? { ...about, partner_begins: true } : about;
}

function choose(scenario) {
  dispatch({ type: 'page.scenario', scenario });
}

// --- events ---

function dispatch(event) {
  const before = state;
  state = reduce(state, event);
  if (state.turns !== before.turns && event.type !== 'page.heard') memory.conversation.save(state.turns);
  render();
}

function render() {
  page.render(state, { talking: microphone.isOpen, kept: state.stage === 'idle' && memory.session.load() !== null });
}

function tell(topic, notice) {
  if (notice || state.notices[topic]) dispatch({ type: 'page.notice', topic, notice });
}

/** A message from the server. */
function received(message) {
  if (message.type === 'ai_audio_start') {
    speaker.begin(message.turn_id, message.sample_rate);
    recordings.begin(message.turn_id, message.sample_rate);
  }
  if (message.type === 'interrupted') speaker.flush();
  if (message.type === 'speech_started') tell('microphone', null);
  if (message.type in DUCKING) speaker.duck(DUCKING[message.type]);
  dispatch(message);
  if (message.type === 'analysis') over();
}

function played(bytes) {
  recordings.add(bytes);
  speaker.play(bytes);
}

/** The speaker has played this much of a turn. */
function heard(turnId, heardMs, done) {
  if (!done) stopReplay(); // no two voices at once
  dispatch({ type: 'page.heard', turnId, heardMs });
  if (!done && performance.now() - reportedAt < REPORT_EVERY_MS) return;
  reportedAt = performance.now();
  connection.send({ type: 'playback', turn_id: turnId, played_ms: heardMs });
}

// --- the conversation ---

/** To be called from a gesture. @param {{speak: boolean}} how by voice, or in writing only */
async function begin({ speak }) {
  stopWatching();
  tell('ready', null);
  memory.scenario.save(state.scenario);
  dispatch({ type: 'page.stage', stage: speak ? 'asking' : 'connecting' });
  await Promise.all([speaker.open(), speak && openMicrophone()]);
  meter.start();
  connection.open();
}

function interrupt() {
  if (!replying(state)) return;
  const silent = speaker.flush();
  dispatch({ type: 'page.silenced' });
  silent.then(() => connection.send({ type: 'interrupt' })); // after the report of how much was heard
}

function resend(id) {
  write(state.turns.find((turn) => turn.id === id).text, id);
}

// --- hearing again ---

/** The partner's sentence that begins like this, if its sound is kept. */
function partOf(sentence) {
  const beginning = sentence.replace(/\s*…$/u, '');
  const parts = state.turns
    .filter(({ who }) => who === 'partner')
    .flatMap(({ id, text, words }) => sentences(text, words, language()).map((part) => ({ ...part, turnId: id })));
  return parts.find((part) => part.text.startsWith(beginning) && soundOf(part)) ?? null;
}

function soundOf({ turnId, fromMs, toMs }) {
  return fromMs === null ? null : recordings.wav(turnId, fromMs, toMs);
}

/** @returns {boolean} whether its sound is still kept */
function replaySentence(part, slowly) {
  const wav = part && soundOf(part);
  if (!wav) return false;
  interrupt();
  stopReading();
  replay.play(wav, slowly);
  return true;
}

function askForHint() {
  if (connection.send({ type: 'hint' })) dispatch({ type: 'page.hint' });
}

function hearHint(sentence) {
  interrupt();
  replay.stop();
  readAloud(sentence, deviceVoice(language()), replaying);
}

function stopReplay() {
  if (!state.replaying) return;
  replay.stop();
  stopReading();
}

/** Mute the microphone, which would take the sentence for the learner's voice. */
function replaying(on) {
  microphone.mute(on || state.muted);
  if (state.replaying !== on) dispatch({ type: 'page.replaying', replaying: on });
}

function language() {
  return state.scenario?.language ?? 'en';
}

/** Put a sentence into the composer: to say it, or to send it. */
function compose(sentence) {
  page.part.text.value = sentence;
  page.part.text.focus();
}

/** @param {string} text a typed turn @param {string|null} [insteadOf] id of the turn that it replaces */
function write(text, insteadOf = null) {
  speaker.flush();
  dispatch({ type: 'page.typed', text, insteadOf });
  if (!connection.send({ type: 'text', text })) unsent.push(text);
  if (state.stage === 'idle') begin({ speak: false });
}

function end() {
  speaker.flush();
  microphone.close();
  dispatch({ type: 'page.stage', stage: 'analysing' });
  connection.send({ type: 'end_conversation' }); // now, or as soon as the connection is back
}

function leaveQueue() {
  connection.close();
  connection.clearHeld();
  microphone.close();
  meter.stop();
  unsent = [];
  dispatch({ type: 'page.stage', stage: 'idle' });
}

function over() {
  speaker.flush();
  microphone.close();
  meter.stop();
  connection.clearHeld();
  memory.session.save(null);
  memory.conversation.save([]);
  for (const topic of Object.keys(state.notices)) tell(topic, null);
  if (state.stage === 'ended' && state.analysis) page.part.report.focus();
}

function forget() {
  state = initial({ level: state.level, scenario: state.scenario });
  memory.session.save(null);
  memory.conversation.save([]);
  render();
}

function again() {
  forget();
  begin({ speak: true });
}

function setLevel(level) {
  memory.level.save(level);
  dispatch({ type: 'page.level', level });
  connection.send({ type: 'set_level', level });
}

// --- the connection ---

function lineChanged({ state: line, ...detail }) {
  const handlers = { connecting: lineConnecting, queued: lineQueued, ready: lineReady, moving: lineMoving, waiting: lineLost };
  Object.assign(handlers, { parked: lineParked, over: lineOver, refused: lineOver, locked: lineLocked });
  handlers[line](detail);
}

function lineConnecting({ attempt }) {
  if (attempt === 0 && state.stage !== 'analysing') dispatch({ type: 'page.stage', stage: 'connecting' });
}

function lineQueued({ position, seconds }) {
  if (state.stage !== 'analysing') dispatch({ type: 'page.queued', position, seconds });
}

/** The conversation moves to another gateway between two turns. The learner sees nothing of it. */
function lineMoving() {
  keepUnanswered();
  dispatch({ type: 'page.moving' });
  if (microphone.road === 'recorder') holdVoice();
  else if (!state.hearing) connection.holdRecent();
}

/** Send a typed turn without an answer over the next connection, too: it may have come too late for this one. */
function keepUnanswered() {
  const last = state.turns.at(-1);
  if (state.awaiting && last?.typed && !unsent.includes(last.text)) unsent.push(last.text);
}

/** Keep the learner's speech while there is no connection, as a recording with its own header. */
function holdVoice() {
  connection.clearHeld();
  microphone.record((frame) => connection.sendAudio(frame));
}

function lineReady({ forgotten, held }) {
  tell('line', forgotten ? { tone: 'info', text: LINE.forgotten } : null);
  if (state.stage === 'analysing') return connection.send({ type: 'end_conversation' });
  dispatch({ type: 'page.stage', stage: 'live' });
  speaker.open(); // if that failed without the server
  if (held && (held !== 'cut' || microphone.road === 'worklet')) connection.sendHeld();
  else holdVoice();
  for (const text of unsent.splice(0)) connection.send({ type: 'text', text });
  return undefined;
}

function lineLost({ ms, attempt }) {
  speaker.flush();
  if (attempt === 1 && state.stage === 'live') {
    keepUnanswered();
    holdVoice();
  }
  if (state.stage !== 'analysing') dispatch({ type: 'page.stage', stage: 'reconnecting' });
  const text = attempt === 1 ? LINE.lost : LINE.away(Math.ceil(ms / 1000));
  tell('line', { tone: 'problem', text, action: { label: 'Try now', name: 'connect' } });
}

function lineParked({ reason }) {
  speaker.flush();
  microphone.rest();
  connection.clearHeld();
  dispatch({ type: 'page.stage', stage: 'parked' });
  tell('server', null); // the other notice says the same
  tell('line', { tone: 'info', text: LINE.parked(reason), action: { label: 'Carry on here', name: 'connect' } });
}

/** The server requires a token, and ours is missing or wrong. */
function lineLocked() {
  microphone.rest();
  dispatch({ type: 'page.stage', stage: 'locked' });
  tell('line', memory.access.load() ? { tone: 'problem', text: LINE.wrongToken } : null);
  page.part.token.focus();
}

function unlock(token) {
  if (!/^[\w.~+-]+$/.test(token)) return tell('line', { tone: 'problem', text: LINE.wrongToken }); // can't be sent
  memory.access.save(token);
  tell('line', null);
  connection.open();
  return undefined;
}

function lineOver({ code, reason }) {
  if (state.stage === 'ended') return;
  const analysing = state.stage === 'analysing';
  over();
  dispatch({ type: 'page.stage', stage: 'ended' });
  const text = analysing && code === 1000 ? LINE.noAnalysis : LINE.refused(reason);
  tell('line', { tone: 'problem', text });
}

function readinessChanged({ reached, ready, waitingFor, fallbacks }) {
  if (ready) loadVoices().then((voices) => voiceView.render(voices, chosenVoice()));
  for (const [name, what] of Object.entries(fallbacks)) {
    if (FALLBACKS[name]) tell(`fallback-${name}`, { tone: 'info', text: FALLBACKS[name](what) });
  }
  if (state.stage !== 'idle') return;
  const parts = waitingFor.map((name) => READINESS.services[name] ?? name);
  const text = reached ? READINESS.warming(parts) : READINESS.away;
  tell('ready', ready ? null : { tone: reached ? 'info' : 'problem', text });
}

// --- the microphone and the speaker ---

async function openMicrophone() {
  try {
    await microphone.open();
    tell('microphone', null);
    watchSilence();
  } catch (error) {
    microphoneTrouble(error.reason);
  }
}

function microphoneTrouble(reason) {
  tell('microphone', {
    tone: 'problem',
    text: MICROPHONE[reason] ?? MICROPHONE.unsupported,
    action: { label: 'Try again', name: 'microphone' },
  });
}

async function microphoneLost() {
  await microphone.close();
  microphoneTrouble('lost');
  render();
}

/** A microphone that works is never perfectly silent. */
function watchSilence() {
  let silentS = 0;
  const timer = setInterval(() => {
    if (!microphone.isOpen) return clearInterval(timer);
    silentS = microphone.level() < SILENT_RMS && phase(state) === 'listening' && !state.muted ? silentS + 1 : 0;
    if (silentS === SILENT_AFTER_S) tell('microphone', { tone: 'info', text: MICROPHONE.silent });
    return undefined;
  }, 1000);
}

function mute() {
  microphone.mute(!state.muted || state.replaying);
  dispatch({ type: 'page.muted', muted: !state.muted });
}

function soundSuspended(suspended) {
  const idle = ['idle', 'ended', 'analysing'].includes(state.stage);
  const notice = { tone: 'info', text: SOUND, action: { label: 'Turn the sound on', name: 'sound' } };
  tell('sound', suspended && !idle ? (state.notices.sound ?? notice) : null);
}

// --- what the learner does ---

function act(name, topic) {
  if (name === 'connect') connection.open();
  else if (name === 'sound') speaker.resume();
  else if (name === 'microphone') openMicrophone().then(() => microphone.isOpen && connection.open());
  else tell(topic, null);
}

function listen() {
  const { start, afresh, interrupt: cutIn, mute: muting, end: ending, leave, again: anew, other, writing, text, levels, openers, begins } = page.part;
  start.addEventListener('click', () => begin({ speak: true }));
  afresh.addEventListener('click', forget);
  leave.addEventListener('click', leaveQueue);
  openers.addEventListener('click', ({ target }) => target.closest('button') && write(target.textContent));
  cutIn.addEventListener('click', interrupt);
  muting.addEventListener('click', mute);
  ending.addEventListener('click', end);
  anew.addEventListener('click', again);
  other.addEventListener('click', forget);
  page.part['ask-hint'].addEventListener('click', askForHint);
  begins.addEventListener('change', () => dispatch({ type: 'page.partnerBegins', partnerBegins: begins.checked }));
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
  addEventListener('pagehide', () => connection.close()); // the learner leaves; this is not a lost connection
  addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
  document.addEventListener('visibilitychange', () => document.hidden || speaker.resume());
}

function pressed(event) {
  if (page.part['my-words'].open) return; // the dialog handles its own keys
  if (event.key === 'Escape') interrupt();
  const free = event.target === document.body || event.target === page.part.report;
  if (event.key === ' ' && free && microphone.isOpen && !event.repeat) {
    event.preventDefault();
    mute();
  }
}
