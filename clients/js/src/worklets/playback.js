/**
 * The speaker's side of the audio thread: plays the partner's turns one after another without a gap, can fall silent at
 * once, and reports how much it has really played. Frames are samples at the context's rate (`sampleRate`).
 *
 * In:  {type: 'audio', turnId, samples: Float32Array}   appended to that turn
 *      {type: 'flush'}                                  silence: a fade of a few milliseconds, the rest is dropped
 * Out: {type: 'progress', turnId, frames}               every 50 ms while a turn plays
 *      {type: 'drained', turnId, frames}                everything received so far has been played
 *      {type: 'flushed', turnId, frames}                answer to flush; turnId is null if there was no turn
 *
 * To avoid clicks, the gain falls over the last queued frames and rises over the first frames that follow, whether the
 * turn ends, a flush ends it, or the network is late.
 */
const FADE = Math.round(0.004 * sampleRate); // frames
// A turn starts when this many frames have come, or after a wait as long as they would play.
const CUSHION = Math.round(0.08 * sampleRate);
const REPORT = Math.round(0.05 * sampleRate); // frames between progress messages

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.turns = []; // {turnId, chunks, offset, left, played}: the first one plays
    this.playing = false;
    this.waited = 0;
    this.sinceReport = 0;
    this.gain = 0;
    this.flushing = null;
    this.port.onmessage = ({ data }) => (data.type === 'flush' ? this.flush() : this.append(data));
  }

  append({ turnId, samples }) {
    let turn = this.turns.at(-1);
    if (turn?.turnId !== turnId) {
      turn = { turnId, chunks: [], offset: 0, left: 0, played: 0 };
      this.turns.push(turn);
    }
    turn.chunks.push(samples);
    turn.left += samples.length;
  }

  /** Keep just enough of the playing turn for a fade-out; `process` answers when that has been played. */
  flush() {
    const turn = this.turns[0];
    this.turns.length = Math.min(this.turns.length, 1);
    if (turn && this.playing && turn.left > 0) {
      turn.left = Math.min(turn.left, FADE);
      this.flushing = turn;
    } else {
      this.turns.length = 0;
      this.playing = false;
      this.waited = 0;
      this.tell('flushed', turn);
    }
  }

  process(_inputs, [[out]]) {
    for (let i = 0; i < out.length; i += 1) out[i] = this.next();
    return true;
  }

  next() {
    if (!this.playing && !this.ready()) return 0;
    const turn = this.turns[0];
    const target = turn.left > FADE ? 1 : 0;
    this.gain += Math.max(-1 / FADE, Math.min(1 / FADE, target - this.gain));
    const sample = this.take(turn) * this.gain;
    if (turn.left === 0) this.ranOut(turn);
    else if (++this.sinceReport >= REPORT) this.tell('progress', turn);
    return sample;
  }

  /** Whether the next turn may start. A turn that has been played is dropped as soon as another one has come. */
  ready() {
    if (this.turns.length > 1 && this.turns[0].left === 0) this.turns.shift();
    const turn = this.turns[0];
    if (!turn || turn.left === 0) return false;
    this.waited += 1;
    if (turn.left < CUSHION && this.waited < CUSHION) return false;
    this.playing = true;
    this.gain = 0;
    return true;
  }

  take(turn) {
    const sample = turn.chunks[0][turn.offset];
    turn.offset += 1;
    turn.left -= 1;
    turn.played += 1;
    if (turn.offset === turn.chunks[0].length) {
      turn.chunks.shift();
      turn.offset = 0;
    }
    return sample;
  }

  ranOut(turn) {
    this.playing = false;
    this.waited = 0;
    if (this.flushing === turn) {
      this.flushing = null;
      this.turns.shift();
      this.tell('flushed', turn);
    } else {
      this.tell('drained', turn);
    }
  }

  tell(type, turn) {
    this.sinceReport = 0;
    this.port.postMessage({ type, turnId: turn?.turnId ?? null, frames: turn?.played ?? 0 });
  }
}

registerProcessor('playback', Playback);
