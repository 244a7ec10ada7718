/**
 * The conversation as the page knows it: events in, state out. Pure: no DOM, no socket.
 *
 *   state = reduce(state, event)      event: a message of the server, or one of the page's own (`page.…`)
 *   phase(state)                      idle · asking · connecting · locked · queued · listening · hearing · thinking · speaking ·
 *                                     reconnecting · parked · analysing · ended
 *
 * A turn stays the same object until it changes, so that a view redraws only changed turns.
 *
 * @typedef {{id: string, who: 'learner', text: string, status: 'partial'|'final', typed: boolean,
 *   corrections?: {original: string, corrected: string, why: string, why_code: ?Object, sentence: string}[]}} LearnerTurn
 * @typedef {{id: string, who: 'partner', text: string, status: 'coming'|'speaking'|'complete'|'interrupted',
 *   words: {text: string, start_ms: number, end_ms: number}[], heardMs: number, heardLength: number|null,
 *   cutBy: null|'learner'|'line'|'pause'|'error'|'end', latencyMs: Object<string, number>|null}} PartnerTurn
 * cutBy: what ended an interrupted turn.
 */
import { heardLength } from './captions.js';
import { complaint, endsTheTurn, timeLeft } from './notices.js';

/**
 * @param {import('./index.d.ts').Beginning} [kept] how the page begins; `turns` may come from an earlier page
 */
export function initial({ level = 'intermediate', turns = [], scenario = null, partnerBegins = scenario !== null } = {}) {
  return {
    stage: 'idle', // idle, asking, connecting, locked, queued, live, reconnecting, parked, analysing, ended
    level,
    turns,
    scenario, // the subject of the conversation; null: anything
    partnerBegins: partnerBegins && !turns.length,
    hearing: false, // the learner's voice
    awaiting: false, // a reply is due
    moving: false, // another gateway is about to continue the session
    muted: false,
    hints: null, // sentences that the learner could say now
    hintAsked: false, // asked, and not answered yet
    replaying: false, // a sentence is being replayed
    queue: null, // {position, seconds}, while all seats are taken
    analysis: null, // while `stage` is analysing, the analysis so far; at the end, all of it
    progress: null, // of the analysis: {done, total}
    notices: {}, // topic → a `Notice` (index.d.ts)
    count: turns.length, // of all turns so far, even removed ones; the learner's turns get their ids from it
  };
}

/** A reply whose audio stops for a moment is still being spoken; a message from the server marks its end. */
export function phase(state) {
  if (state.stage !== 'live') return state.stage;
  if (state.hearing) return 'hearing';
  const reply = replying(state);
  if (reply?.status === 'speaking') return 'speaking';
  return reply || state.awaiting ? 'thinking' : 'listening';
}

/** Whether the partner should speak first and has not begun. */
export function opening({ partnerBegins, turns }) {
  return partnerBegins && !turns.length;
}

/** The typed turn that gets no answer, because speech or a lost connection ended its reply before the first word. */
export function unanswered(state) {
  if (phase(state) !== 'listening') return null;
  const last = state.turns.findLastIndex((turn) => turn.text && (turn.who === 'partner' || turn.typed));
  return state.turns[last]?.typed ? state.turns[last] : null;
}

/** The partner's turn that an interruption would end, audible or not. */
export function replying({ turns }) {
  return turns.findLast((turn) => turn.who === 'partner' && ['coming', 'speaking'].includes(turn.status)) ?? null;
}

const HANDLERS = {
  // --- messages from the server ---
  speech_started: (state) => ({ ...settled(state), hearing: true, awaiting: false }),
  hint: (state, { sentences }) => ({
    ...settled(state),
    hints: Array.isArray(sentences) ? sentences : [],
    hintAsked: false,
  }),
  speech_stopped: (state) => ({ ...state, hearing: false, awaiting: true }),
  transcript: (state, { text, is_final: final }) => (final ? finalTranscript(state, text) : partialTranscript(state, text)),
  transcript_revised: (state, { was, text }) => revised(state, was, text),
  ai_text: (state, { turn_id: id, text }) =>
    changePartner(settled(state), id, (turn) => ({ ...turn, text: turn.text + text })),
  ai_audio_start: (state, { turn_id: id }) => changePartner(state, id, (turn) => turn),
  captions: (state, { turn_id: id, words }) =>
    changePartner(state, id, (turn) => ({ ...turn, words: [...turn.words, ...words] })),
  interrupted: (state, { turn_id: id, heard_text: heard }) =>
    endPartner(state, id, (turn) => ({
      ...silenced(turn, causeOfInterruption(state)),
      heardLength: heardLength(turn.text, heard),
    })),
  turn_complete: (state, { turn_id: id, latency_ms: latencyMs }) =>
    endPartner(state, id, (turn) => ({ ...turn, status: 'complete', latencyMs })),
  correction: (state, given) => corrected(state, given),
  analysis_progress: (state, { data, done, total }) => ({ ...state, analysis: data, progress: { done, total } }),
  analysis: (state, { data }) => ({ ...quiet(state, 'end'), stage: 'ended', analysis: data }),
  resumed: (state, { level }) => ({ ...state, level }),
  time_left: (state, { seconds }) => notice(state, 'time', { tone: 'info', text: timeLeft(seconds), seconds }),
  error: (state, error) => ({
    ...notice(state, 'server', { tone: 'problem', text: complaint(error), error }),
    ...(endsTheTurn(error.code) && { awaiting: false, hintAsked: false }),
  }),

  // --- the page's own events ---
  'page.stage': (state, { stage }) => ({
    ...(stage === 'live' ? state : quiet(state, CUT_BY_STAGE[stage] ?? 'line')),
    stage,
    moving: false,
    awaiting: stage === 'live' && (state.awaiting || opening(state)),
  }),
  'page.moving': (state) => ({ ...state, moving: true }),
  'page.queued': (state, { position, seconds }) => ({
    ...quiet(state, 'line'),
    stage: 'queued',
    queue: { position, seconds },
  }),
  'page.scenario': (state, { scenario }) => ({ ...state, scenario, partnerBegins: scenario !== null }),
  'page.partnerBegins': (state, { partnerBegins }) => ({ ...state, partnerBegins }),
  'page.level': (state, { level }) => ({ ...state, level }),
  'page.muted': (state, { muted }) => ({ ...state, muted }),
  'page.typed': (state, { text, insteadOf = null }) => {
    const before = insteadOf ? remove(state, state.turns.find(({ id }) => id === insteadOf)) : state;
    const next = add(silenceAll(settled(before), 'learner'), { who: 'learner', text, status: 'final', typed: true, echoed: false });
    return { ...next, awaiting: true, hints: null };
  },
  'page.heard': (state, { turnId, heardMs }) => heard(state, turnId, heardMs),
  'page.hint': (state) => ({ ...state, hintAsked: true }),
  'page.replaying': (state, { replaying }) => ({ ...state, replaying }),
  'page.silenced': (state) => ({ ...silenceAll(state, 'learner'), awaiting: false }),
  'page.notice': (state, { topic, notice: given }) => notice(state, topic, given),
};

/** The next state. Messages without a handler (pong, those of a newer server) change nothing. */
export function reduce(state, event) {
  return HANDLERS[event.type]?.(state, event) ?? state;
}

// --- the learner's turns ---

function partialTranscript(state, text) {
  const last = openTurn(state);
  if (last) return replace(state, last, { ...last, text });
  return text ? add(state, { who: 'learner', text, status: 'partial', typed: false }) : state;
}

function finalTranscript(state, text) {
  const next = { ...state, hearing: false, awaiting: Boolean(text), hints: text ? null : state.hints };
  const echo = state.turns.findLast((turn) => turn.who === 'learner');
  if (echo?.typed && !echo.echoed && echo.text === text) return replace(next, echo, { ...echo, echoed: true });
  const last = openTurn(next);
  if (!last) return text ? add(next, { who: 'learner', text, status: 'final', typed: false }) : next;
  return text ? replace(next, last, { ...last, text, status: 'final' }) : remove(next, last);
}

/** Replaces the text of the latest turn whose text is `was` with what the learner really said. */
function revised(state, was, text) {
  const turn = state.turns.findLast((each) => each.who === 'learner' && each.status === 'final' && each.text === was);
  return turn ? replace(state, turn, { ...turn, text }) : state;
}

/** Adds a correction to the learner's latest turn with that sentence. One that comes again is ignored. */
function corrected(state, { sentence, original, corrected: right, why, why_code: code = null }) {
  const turn = state.turns.findLast((each) => each.who === 'learner' && oneLine(each.text).includes(sentence));
  const known = turn?.corrections ?? [];
  if (!turn || known.some((each) => each.sentence === sentence && each.original === original)) return state;
  return replace(state, turn, { ...turn, corrections: [...known, { sentence, original, corrected: right, why, why_code: code }] });
}

function oneLine(text) {
  return text.replace(/\s+/gu, ' ');
}

function openTurn({ turns }) {
  return turns.findLast((turn) => turn.who === 'learner' && turn.status === 'partial');
}

// --- the partner's turns ---

const FRESH = { who: 'partner', text: '', words: [], status: 'coming', heardMs: 0, heardLength: null, cutBy: null, latencyMs: null };
const CUT_BY_STAGE = { parked: 'pause', analysing: 'end', ended: 'end' };

function changePartner(state, id, change) {
  const known = state.turns.find((turn) => turn.id === id);
  if (known) return replace(state, known, change(known));
  return { ...state, count: state.count + 1, turns: [...state.turns, change({ ...FRESH, id })] };
}

function endPartner(state, id, change) {
  const known = state.turns.some((turn) => turn.id === id);
  return { ...(known ? changePartner(state, id, change) : state), awaiting: false };
}

function heard(state, turnId, heardMs) {
  const turn = state.turns.find(({ id }) => id === turnId);
  if (!turn || turn.status === 'complete' || turn.status === 'interrupted') return state;
  return { ...replace(state, turn, { ...turn, status: 'speaking', heardMs }), awaiting: false };
}

/** A cause that the page already knows stays: the server's `interrupted` then only confirms the interruption. */
function silenced(turn, cutBy) {
  return { ...turn, status: 'interrupted', cutBy: turn.cutBy ?? cutBy };
}

function silenceAll(state, cutBy) {
  const turn = replying(state);
  return turn ? silenceAll(replace(state, turn, silenced(turn, cutBy)), cutBy) : state;
}

/** Before `interrupted`, the server sends `error` if the reply failed, and `reconnect` if a hand-over cut the reply. */
function causeOfInterruption({ moving, notices }) {
  if (moving) return 'line';
  return notices.server ? 'error' : 'learner';
}

/** The connection is gone, or the conversation is over: nobody speaks and no reply is due. */
function quiet(state, cutBy) {
  return { ...silenceAll(state, cutBy), hearing: false, awaiting: false, hints: null, hintAsked: false };
}

// --- lists ---

function add(state, turn) {
  return { ...state, count: state.count + 1, turns: [...state.turns, { id: `page-${state.count}`, ...turn }] };
}

function replace(state, old, turn) {
  return { ...state, turns: state.turns.map((each) => (each === old ? turn : each)) };
}

function remove(state, turn) {
  return { ...state, turns: state.turns.filter((each) => each !== turn) };
}

/** The conversation goes on, so remove the server's error. */
function settled(state) {
  return state.notices.server ? notice(state, 'server', null) : state;
}

function notice(state, topic, given) {
  const { [topic]: _, ...others } = state.notices;
  return { ...state, notices: given ? { ...others, [topic]: given } : others };
}
