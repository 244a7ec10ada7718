/**
 * Changes the sample rate of a stream, piece by piece, with no seam between the pieces: a windowed-sinc interpolator.
 * Method: J. O. Smith, "Digital Audio Resampling Home Page" (https://ccrma.stanford.edu/~jos/resample/).
 */
const HALF_WIDTH = 16; // input samples on either side, at a cutoff of 1
const STEPS = 256; // table entries per input sample; values between two entries are interpolated linearly

export class Resampler {
  /**
   * @param {number} fromHz sample rate of what is pushed
   * @param {number} toHz sample rate of what comes back
   */
  constructor(fromHz, toHz) {
    this.step = fromHz / toHz; // input samples per output sample
    this.cutoff = Math.min(1, 1 / this.step);
    this.reach = Math.ceil(HALF_WIDTH / this.cutoff);
    this.table = Float32Array.from({ length: this.reach * STEPS + 2 }, (_, n) => this.#kernel(n / STEPS));
    this.history = new Float32Array(this.reach); // silence before the first sample
    this.position = this.reach; // of the next output sample, in `history`
  }

  /**
   * @param {Float32Array} samples the next piece
   * @returns {Float32Array} the output that is ready; near the last `reach` samples, output needs the next piece
   */
  push(samples) {
    if (this.step === 1) return samples;
    const input = new Float32Array(this.history.length + samples.length);
    input.set(this.history);
    input.set(samples, this.history.length);
    const count = Math.max(0, Math.ceil((input.length - this.reach - this.position) / this.step));
    const output = Float32Array.from({ length: count }, (_, n) => this.#at(input, this.position + n * this.step));
    this.position += count * this.step;
    const spent = Math.max(0, Math.floor(this.position) - this.reach);
    this.history = input.slice(spent);
    this.position -= spent;
    return output;
  }

  /** Band-limited value of `input` at a fractional position. */
  #at(input, position) {
    const first = Math.max(0, Math.ceil(position - this.reach));
    const last = Math.min(input.length - 1, Math.floor(position + this.reach));
    let sum = 0;
    for (let i = first; i <= last; i += 1) {
      const at = Math.abs(i - position) * STEPS;
      const left = this.table[at | 0];
      sum += input[i] * (left + (at - (at | 0)) * (this.table[(at | 0) + 1] - left));
    }
    return sum;
  }

  /** Sinc under a Hann window, `x` input samples from its middle. */
  #kernel(x) {
    if (x >= this.reach) return 0;
    const phase = Math.PI * x * this.cutoff;
    const sinc = Math.abs(phase) < 1e-9 ? 1 : Math.sin(phase) / phase;
    return this.cutoff * sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / this.reach));
  }
}
