/** The sound of the latest replies, kept so that a sentence can be heard again. Pure. */

const BYTES_PER_SAMPLE = 2;
const MOST_REPLIES = 20;
const MOST_SECONDS = 600; // of all replies together: at 24 kHz about 29 MB

export class Recordings {
  constructor({ mostReplies = MOST_REPLIES, mostSeconds = MOST_SECONDS } = {}) {
    this.mostReplies = mostReplies;
    this.mostSeconds = mostSeconds;
    this.replies = new Map(); // turnId → {sampleRate, chunks, bytes}, the oldest first
    this.current = null;
  }

  /** Audio of this turn follows. @param {number} sampleRate in Hz */
  begin(turnId, sampleRate) {
    this.current = this.replies.get(turnId) ?? { sampleRate, chunks: [], bytes: 0 };
    this.replies.set(turnId, this.current);
    this.#dropOldest();
  }

  /** @param {ArrayBuffer} bytes signed 16-bit little-endian mono PCM of the turn that began last */
  add(bytes) {
    if (!this.current) return;
    this.current.chunks.push(bytes);
    this.current.bytes += bytes.byteLength;
    this.#dropOldest();
  }

  /**
   * @param {number} fromMs of the turn's audio
   * @param {number|null} toMs null: up to the end
   * @returns {ArrayBuffer|null} a WAV file; null if none of this audio is kept
   */
  wav(turnId, fromMs, toMs) {
    const reply = this.replies.get(turnId);
    if (!reply) return null;
    const at = (ms) => BYTES_PER_SAMPLE * Math.round((reply.sampleRate * ms) / 1000);
    const start = Math.max(0, at(fromMs));
    const end = Math.min(reply.bytes, toMs === null ? reply.bytes : at(toMs));
    return start < end ? wav(joined(reply.chunks).subarray(start, end), reply.sampleRate) : null;
  }

  #dropOldest() {
    const seconds = () =>
      [...this.replies.values()].reduce((sum, { bytes, sampleRate }) => sum + bytes / BYTES_PER_SAMPLE / sampleRate, 0);
    while (this.replies.size && (this.replies.size > this.mostReplies || seconds() > this.mostSeconds)) {
      const [oldest, reply] = this.replies.entries().next().value;
      this.replies.delete(oldest);
      if (reply === this.current) this.current = null; // this reply alone is too long to be kept
    }
  }
}

function joined(chunks) {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(new Uint8Array(chunk), at);
    at += chunk.byteLength;
  }
  return all;
}

/** @param {Uint8Array} pcm 16-bit mono @param {number} sampleRate in Hz @returns {ArrayBuffer} */
export function wav(pcm, sampleRate) {
  const file = new Uint8Array(44 + pcm.length);
  const view = new DataView(file.buffer);
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, 36 + pcm.length, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true); // length of this chunk
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * BYTES_PER_SAMPLE, true);
  view.setUint16(32, BYTES_PER_SAMPLE, true);
  view.setUint16(34, 8 * BYTES_PER_SAMPLE, true);
  text(36, 'data');
  view.setUint32(40, pcm.length, true);
  file.set(pcm, 44);
  return file.buffer;
}
