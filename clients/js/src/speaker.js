/**
 * Plays the partner's voice, which is PCM from the server, and reports exactly how much was heard.
 *
 *   speaker.begin(turnId, 24000) → speaker.play(bytes) … → onHeard(turnId, ms) … → onHeard(turnId, all of it, done)
 *   speaker.duck(true)           → softly, until duck(false)
 *   speaker.flush()              → silence within 4 ms; the rest of all turns so far is dropped, even if more arrives
 */
import { Resampler } from './resampler.js';

const DUCKED = 0.15; // of the full volume
const DUCKING_S = 0.03; // time constant
const FLUSH_ANSWER_MS = 80; // a suspended audio thread never answers

export class Speaker {
  /** @param {{onHeard: (turnId: string, heardMs: number, done: boolean) => void, onSuspended: (suspended: boolean) => void}} listeners */
  constructor({ onHeard, onSuspended }) {
    this.onHeard = onHeard;
    this.onSuspended = onSuspended;
    this.turns = new Map(); // turnId → {sampleRate, resampler, received (samples), flushed}
    this.current = null;
  }

  /**
   * Call this from a user's gesture; otherwise the browser keeps the sound off. Call it again if the server could not be
   * reached the first time. Old browsers and insecure pages have no sound; the page then still shows the words.
   */
  async open() {
    if (!globalThis.AudioWorkletNode) return;
    this.context ??= new AudioContext({ latencyHint: 'interactive' });
    this.resume();
    if (!this.node) await this.#connect();
  }

  async #connect() {
    try {
      await this.context.audioWorklet.addModule(new URL('./worklets/playback.js', import.meta.url));
    } catch {
      return; // the server is away: the connection reports that
    }
    if (this.node) return;
    this.node = new AudioWorkletNode(this.context, 'playback', { numberOfInputs: 0, outputChannelCount: [1] });
    this.node.port.onmessage = ({ data }) => this.#told(data);
    this.analyser = new AnalyserNode(this.context, { fftSize: 512 });
    this.volume = new GainNode(this.context);
    this.node.connect(this.volume).connect(this.analyser).connect(this.context.destination);
    this.context.addEventListener('statechange', () => this.onSuspended(this.suspended));
  }

  get suspended() {
    return Boolean(this.context) && !['running', 'closed'].includes(this.context.state);
  }

  /** Ask the browser to play sound. Doesn't wait for the answer: without a gesture, some browsers never give one. */
  resume() {
    if (this.suspended) this.context.resume().catch(() => {});
    setTimeout(() => this.onSuspended(this.suspended), 300);
  }

  /** Audio of this turn follows. @param {number} sampleRate in Hz */
  begin(turnId, sampleRate) {
    this.current = turnId;
    if (!this.node || this.turns.has(turnId)) return;
    const resampler = new Resampler(sampleRate, this.context.sampleRate);
    this.turns.set(turnId, { sampleRate, resampler, received: 0, flushed: false });
  }

  /** @param {ArrayBuffer} bytes little-endian signed 16-bit mono PCM of the turn that began last */
  play(bytes) {
    const turn = this.turns.get(this.current);
    if (!turn || turn.flushed) return;
    const view = new DataView(bytes);
    const samples = Float32Array.from({ length: bytes.byteLength >> 1 }, (_, i) => view.getInt16(2 * i, true) / 0x8000);
    turn.received += samples.length;
    const resampled = turn.resampler.push(samples);
    if (!resampled.length) return;
    this.node.port.postMessage({ type: 'audio', turnId: this.current, samples: resampled }, [resampled.buffer]);
  }

  /** Silence now. Resolves when onHeard has got the last report, or after FLUSH_ANSWER_MS. */
  async flush() {
    for (const turn of this.turns.values()) turn.flushed = true;
    if (!this.node) return;
    const answered = new Promise((resolve) => (this.flushAnswered = resolve));
    this.node.port.postMessage({ type: 'flush' });
    await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, FLUSH_ANSWER_MS))]);
  }

  /** Speak softly while the learner makes a sound, which may be just a "mhm". @param {boolean} softly */
  duck(softly) {
    this.volume?.gain.setTargetAtTime(softly ? DUCKED : 1, this.context.currentTime, DUCKING_S);
  }

  /** The current loudness: RMS, 0 to 1. */
  level() {
    return this.analyser ? rms(this.analyser) : 0;
  }

  #told({ type, turnId, frames }) {
    const turn = this.turns.get(turnId);
    const playedMs = (1000 * frames) / this.context.sampleRate;
    const latencyMs = 1000 * (this.context.outputLatency || 0); // between the audio thread and the ear
    if (type === 'progress') {
      if (!turn.flushed) this.onHeard(turnId, Math.max(0, playedMs - latencyMs), false);
    } else if (type === 'drained') {
      // More audio may follow. The audio received so far still has to pass the device, which takes `latencyMs`.
      const all = Math.ceil((1e6 * turn.received) / turn.sampleRate) / 1000;
      setTimeout(() => turn.flushed || this.onHeard(turnId, all, true), latencyMs);
    } else {
      if (turn) this.onHeard(turnId, playedMs, true);
      this.flushAnswered?.();
    }
  }
}

/** @param {AnalyserNode} analyser */
export function rms(analyser) {
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
}
