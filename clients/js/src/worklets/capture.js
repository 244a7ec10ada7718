/**
 * The microphone's side of the audio thread: cuts the stream into frames of 16-bit PCM.
 *
 * processorOptions.frameMs: length of a frame in milliseconds (default 20).
 * Out: one ArrayBuffer per frame, little-endian signed 16-bit mono at the context's rate (`sampleRate`).
 */
class Capture extends AudioWorkletProcessor {
  constructor({ processorOptions = {} }) {
    super();
    this.frame = new DataView(new ArrayBuffer(2 * Math.round((sampleRate * (processorOptions.frameMs ?? 20)) / 1000)));
    this.filled = 0; // bytes of `frame`
  }

  process([channels]) {
    for (const sample of channels[0] ?? []) this.push(sample);
    return true;
  }

  push(sample) {
    const clipped = Math.max(-1, Math.min(1, sample));
    this.frame.setInt16(this.filled, clipped < 0 ? clipped * 0x8000 : clipped * 0x7fff, true);
    this.filled += 2;
    if (this.filled < this.frame.byteLength) return;
    const full = this.frame.buffer;
    this.frame = new DataView(new ArrayBuffer(full.byteLength));
    this.filled = 0;
    this.port.postMessage(full, [full]);
  }
}

registerProcessor('capture', Capture);
