/** Measures, for tests, the sound that the page sends to the loudspeaker. */
class Tap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.counts = { frames: 0, sounding: 0, longestGap: 0, largestStep: 0, peak: 0, sinceReset: 0, started: false };
    this.gap = 0;
    this.last = 0;
    this.port.onmessage = ({ data }) => {
      if (data === 'reset') this.counts.sinceReset = this.counts.peak = 0;
      this.port.postMessage({ ...this.counts });
    };
  }

  process([channels]) {
    const counts = this.counts;
    for (const sample of channels[0] ?? new Float32Array(128)) {
      counts.frames += 1;
      counts.largestStep = Math.max(counts.largestStep, Math.abs(sample - this.last));
      this.last = sample;
      counts.peak = Math.max(counts.peak, Math.abs(sample));
      if (Math.abs(sample) > 1e-4) {
        counts.sounding += 1;
        counts.sinceReset += 1;
        if (counts.started) counts.longestGap = Math.max(counts.longestGap, this.gap);
        counts.started = true;
        this.gap = 0;
      } else {
        this.gap += 1;
      }
    }
    return true;
  }
}

registerProcessor('tap', Tap);
