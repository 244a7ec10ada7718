/** Types of the package `aitalk`. Times are in milliseconds, sample rates in Hz. */

export type Level = 'beginner' | 'intermediate' | 'advanced';

/** Fields of `start` that a page may choose; docs/protocol.md of AI-Talk explains them. */
export interface StartFields {
  level?: Level;
  voice?: string;
  language?: string;
  learner?: string;
  scenario?: string;
  instructions?: string;
  partner_begins?: boolean;
  audio?: AudioFormat;
}

export interface AudioFormat {
  encoding: 'auto' | 'pcm_s16le' | 'webm' | 'ogg' | 'mp4' | 'aac' | 'flac' | 'wav';
  sample_rate?: number;
}

/** A function of the page that the partner may call. */
export interface Tool {
  name: string;
  /** What it does, for the language model. */
  description?: string;
  /** A JSON Schema of its arguments. */
  parameters?: object;
  /** The language model wrote the arguments: check them. A result that is not a string is sent as JSON. */
  run: (given: any) => unknown;
}

/** A message of the server. */
export interface Message {
  type: string;
  [field: string]: unknown;
}

export interface Word {
  text: string;
  start_ms: number;
  end_ms: number;
}

export interface LearnerTurn {
  id: string;
  who: 'learner';
  text: string;
  status: 'partial' | 'final';
  typed: boolean;
  /** Corrections that came during the conversation, if `start` had `corrections` as `beside` or `aloud`. */
  corrections?: Correction[];
}

/** `original` is a part of `sentence`, letter for letter. */
export interface Correction {
  sentence: string;
  original: string;
  corrected: string;
  /** The reason, or empty. */
  why: string;
  /** The reason as a code, to show it in another language; null if a model wrote it. */
  why_code: { code: string; values: Record<string, string> } | null;
}

export interface PartnerTurn {
  id: string;
  who: 'partner';
  text: string;
  status: 'coming' | 'speaking' | 'complete' | 'interrupted';
  words: Word[];
  /** How much of the audio was played. */
  heardMs: number;
  /** Of an interrupted turn: how many characters of `text` were heard; null: not known. */
  heardLength: number | null;
  /** What ended an interrupted turn. */
  cutBy: null | 'learner' | 'line' | 'pause' | 'error' | 'end';
  latencyMs: Record<string, number> | null;
}

export type Turn = LearnerTurn | PartnerTurn;

export interface Scenario {
  id: string;
  [field: string]: unknown;
}

export type Phase =
  | 'idle' | 'asking' | 'connecting' | 'locked' | 'queued' | 'listening' | 'hearing' | 'thinking' | 'speaking'
  | 'reconnecting' | 'parked' | 'analysing' | 'ended';

export interface Notice {
  tone: 'info' | 'problem';
  text: string;
  action?: { label: string; name: string } | null;
  /** The server's error that this notice is about, so that you can write your own text. */
  error?: { message: string; code: string; retryable: boolean };
  /** How long the learner may go on today. */
  seconds?: number;
}

/** Everything that a page shows of a conversation. It is never changed: each event makes a new one. */
export interface State {
  readonly stage: 'live' | Exclude<Phase, 'listening' | 'hearing' | 'thinking' | 'speaking'>;
  readonly level: Level;
  readonly turns: readonly Turn[];
  readonly scenario: Scenario | null;
  readonly partnerBegins: boolean;
  readonly hearing: boolean;
  readonly awaiting: boolean;
  readonly moving: boolean;
  readonly muted: boolean;
  readonly hints: readonly string[] | null;
  readonly hintAsked: boolean;
  readonly replaying: boolean;
  readonly queue: { position: number; seconds: number } | null;
  readonly analysis: object | null;
  readonly progress: { done: number; total: number } | null;
  readonly notices: Readonly<Record<string, Notice>>;
}

export interface Beginning {
  level?: Level;
  /** Turns of an earlier page of the same session. */
  turns?: Turn[];
  scenario?: Scenario | null;
  /** Whether the partner speaks first; by default only in a scenario. */
  partnerBegins?: boolean;
}

/** Keeps the session, so that it survives a lost connection, or a reload of the page. */
export interface SessionMemory {
  load(): { id: string; token: string } | null;
  save(session: { id: string; token: string } | null): void;
}

export type Line = 'connecting' | 'queued' | 'ready' | 'moving' | 'waiting' | 'parked' | 'over' | 'refused' | 'locked';
export type MicrophoneProblem = 'refused' | 'missing' | 'busy' | 'insecure' | 'unsupported';

/** What a connection reports with its state. Each state has only some of these fields. */
export interface LineDetail {
  attempt?: number;
  position?: number;
  seconds?: number;
  resumed?: boolean;
  forgotten?: boolean;
  held?: boolean | 'cut';
  ms?: number;
  code?: number;
  reason?: string;
  wasAnalysing?: boolean;
}

export interface ConversationOptions extends Beginning {
  /** The gateway's address: `ws://host:8000/ws/conversation`, or with `wss:`. */
  url: string;
  /** The log-in token, if the gateway requires one. */
  access?: () => string | null;
  /** Further fields of `start`. resuming: the server already knows the subject of the session. */
  start?: (resuming: boolean) => StartFields;
  tools?: Tool[];
  /** Ask the learner whether the gateway may run a tool that needs consent. Without it, no such tool is used. */
  confirmTool?: (call: { name: string; arguments: object }) => boolean | Promise<boolean>;
  /** By default the session is kept for as long as the page is open. */
  memory?: SessionMemory;
  /** recorder: MediaRecorder records. Otherwise the worklet does, or MediaRecorder if the worklet can't be used. */
  prefer?: 'worklet' | 'recorder' | null;
  onChange?: (state: State, before: State, event: Message) => void;
  /**
   * Each message of the server, before it changes the state. Messages that only the connection needs don't come:
   * `connected`, `queued`, `reconnect`, and an `error` that refuses the token or the resume.
   */
  onMessage?: (message: Message) => void;
  /** The partner's audio: 16-bit little-endian mono PCM of the turn that `ai_audio_start` has announced. */
  onAudio?: (pcm: ArrayBuffer) => void;
  onLine?: (line: Line, detail: LineDetail) => void;
  /** null: the microphone works. lost: the device is gone. silent: no sound at all comes from it. */
  onMicrophone?: (problem: MicrophoneProblem | 'lost' | 'silent' | null) => void;
  /** Whether the browser blocks the sound until the learner clicks. */
  onSuspended?: (suspended: boolean) => void;
  onOver?: (analysis: object | null) => void;
}

export class Conversation {
  constructor(options: ConversationOptions);
  readonly state: State;
  readonly phase: Phase;
  /** 0 to 1: loudness of the partner while it speaks, otherwise of the learner. */
  readonly loudness: number;
  readonly connection: Connection;
  readonly microphone: Microphone;
  readonly speaker: Speaker;
  begin(how?: { speak?: boolean }): Promise<void>;
  connect(): void;
  interrupt(): void;
  write(text: string, insteadOf?: string | null): void;
  askForHint(): void;
  setLevel(level: Level): void;
  mute(muted: boolean): void;
  hold(held: boolean): void;
  openMicrophone(): Promise<void>;
  end(): Promise<object | null>;
  leave(): void;
  reset(): void;
  dispatch(event: Message): void;
}

export function sessionMemory(): SessionMemory;

export interface ConnectionOptions {
  url: string;
  memory: SessionMemory;
  access: () => string | null;
  start: (resuming: boolean) => StartFields;
  onMessage: (message: Message) => void;
  onAudio: (pcm: ArrayBuffer) => void;
  onChange: (change: { state: Line } & LineDetail) => void;
}

/** One WebSocket after another, and the session that survives them. */
export class Connection {
  constructor(options: ConnectionOptions);
  open(): void;
  send(message: Message): boolean;
  sendAudio(frame: ArrayBuffer): void;
  holdRecent(): void;
  sendHeld(): void;
  clearHeld(): void;
  close(): void;
}

export class MicrophoneError extends Error {
  readonly reason: MicrophoneProblem;
}

export class Microphone {
  constructor(options: { prefer?: 'worklet' | 'recorder' | null; onLost: () => void });
  readonly isOpen: boolean;
  readonly format: AudioFormat;
  muted: boolean;
  /** Throws MicrophoneError. */
  open(): Promise<void>;
  record(send: (frame: ArrayBuffer) => void): void;
  rest(): void;
  mute(muted: boolean): void;
  level(): number;
  close(): Promise<void>;
}

export class Speaker {
  constructor(listeners: {
    onHeard: (turnId: string, heardMs: number, done: boolean) => void;
    onSuspended: (suspended: boolean) => void;
  });
  readonly suspended: boolean;
  open(): Promise<void>;
  resume(): void;
  begin(turnId: string, sampleRate: number): void;
  play(pcm: ArrayBuffer): void;
  flush(): Promise<void>;
  duck(softly: boolean): void;
  level(): number;
}

/** Changes the sample rate of a stream, piece by piece. */
export class Resampler {
  constructor(fromHz: number, toHz: number);
  push(samples: Float32Array): Float32Array;
}

/** The sound of the latest replies. */
export class Recordings {
  constructor(limits?: { mostReplies?: number; mostSeconds?: number });
  begin(turnId: string, sampleRate: number): void;
  add(pcm: ArrayBuffer): void;
  /** A WAV file; null: none of this audio is kept. toMs null: up to the end. */
  wav(turnId: string, fromMs: number, toMs: number | null): ArrayBuffer | null;
}

export function initial(kept?: Beginning): State;
export function phase(state: State): Phase;
export function reduce(state: State, event: Message): State;
/** Whether the partner should speak first and has not begun. */
export function opening(state: Pick<State, 'partnerBegins' | 'turns'>): boolean;
/** The partner's turn that an interruption would end. */
export function replying(state: Pick<State, 'turns'>): PartnerTurn | null;

export interface Piece {
  text: string;
  start: number;
  startMs: number | null;
}

/** Cuts a reply into pieces at its timed words. */
export function pieces(text: string, words: readonly Word[]): Piece[];
/** Tells which of these pieces were said. */
export function states(
  cut: readonly Piece[], turn: Pick<PartnerTurn, 'heardMs' | 'status' | 'heardLength'>,
): ('said' | 'now' | 'unsaid')[];

export interface Sentence {
  text: string;
  textStart: number;
  start: number;
  end: number;
  fromMs: number | null;
  toMs: number | null;
}

export function sentences(text: string, words: readonly Word[], language?: string): Sentence[];
