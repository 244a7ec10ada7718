/** Records one take of the learner: a microphone of its own, beside that of the conversation, which is muted. */
import { Microphone } from './aitalk/index.js';
import { wav } from './aitalk/recordings.js';

const RECORDED_HZ = 16000; // of a take that the browser has to decode first

/** @typedef {import('./shadowing.js').Sound & {wav: ArrayBuffer}} Recording */

export class Take {
  /** @param {'worklet'|'recorder'|null} prefer see `Microphone` @param {() => void} onLost the device is gone */
  constructor(prefer, onLost) {
    this.frames = [];
    this.microphone = new Microphone({ prefer, onLost });
  }

  /** Ask for the microphone, and record. @throws {import('./aitalk/index.js').MicrophoneError} */
  async begin() {
    await this.microphone.open();
    this.microphone.record((frame) => this.frames.push(frame));
  }

  /** @returns {Promise<Recording|null>} the take; null if nothing was recorded */
  async end() {
    const { encoding, sample_rate: rate } = this.microphone.format;
    await this.cancel();
    if (!this.frames.length) return null;
    const whole = await new Blob(this.frames).arrayBuffer();
    return encoding === 'pcm_s16le' ? recording(whole, rate) : decoded(whole);
  }

  /** Close the microphone. */
  cancel() {
    return this.microphone.close();
  }
}

/** @param {ArrayBuffer} pcm 16-bit little-endian mono @param {number} rate in Hz @returns {Recording} */
export function recording(pcm, rate) {
  const view = new DataView(pcm);
  const samples = Float32Array.from({ length: pcm.byteLength >> 1 }, (_, i) => view.getInt16(2 * i, true) / 0x8000);
  return { samples, rate, wav: wav(new Uint8Array(pcm), rate) };
}

/** A recording of the page's own WAV format. @param {ArrayBuffer} file @returns {Recording} */
export function recordingOf(file) {
  return recording(file.slice(44), new DataView(file).getUint32(24, true));
}

/** A take in a container, which only the browser can decode. */
async function decoded(file) {
  const context = new OfflineAudioContext(1, 1, RECORDED_HZ);
  const buffer = await context.decodeAudioData(file).catch(() => null);
  if (!buffer) return null;
  const samples = buffer.getChannelData(0);
  const pcm = Int16Array.from(samples, (sample) => Math.max(-1, Math.min(1, sample)) * 0x7fff);
  return { samples, rate: buffer.sampleRate, wav: wav(new Uint8Array(pcm.buffer), buffer.sampleRate) };
}
