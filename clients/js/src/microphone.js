/**
 * Records the learner's voice in frames, in the best way that the browser offers.
 *
 *   worklet    raw 16-bit PCM in frames of 20 ms; needs no decoding, has the least delay
 *   recorder   WebM/Opus (or Ogg/Opus, or MP4) from MediaRecorder in pieces of 100 ms
 *
 *   await microphone.open() → microphone.format → microphone.record(send) … → microphone.rest() → microphone.close()
 *
 * Each connection needs a new stream, so each `record` starts one; a recorder's stream begins with its own header.
 */
import { rms } from './speaker.js';

const FRAME_MS = 20;
const TIMESLICE_MS = 100;
const WANTED_HZ = 16000;
const MAX_HZ = 48000; // the protocol's limit
const RECORDER_TYPES = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4'];

/** `reason`: refused, missing, busy, insecure or unsupported. */
export class MicrophoneError extends Error {
  constructor(reason, cause) {
    super(reason, { cause });
    this.reason = reason;
  }
}

const REASONS = {
  NotAllowedError: 'refused',
  SecurityError: 'refused',
  NotFoundError: 'missing',
  OverconstrainedError: 'missing',
  NotReadableError: 'busy',
  AbortError: 'busy',
};

export class Microphone {
  /**
   * @param {{prefer: 'worklet'|'recorder'|null, onLost: () => void}} options
   * prefer: with `recorder`, the worklet is never used; otherwise the recorder is used only if the worklet can't be.
   * onLost: called when the device is gone.
   */
  constructor({ prefer = null, onLost }) {
    this.prefer = prefer;
    this.onLost = onLost;
    this.muted = false;
  }

  get isOpen() {
    return Boolean(this.stream);
  }

  /** Ask for the microphone. @throws {MicrophoneError} */
  async open() {
    if (!globalThis.isSecureContext) throw new MicrophoneError('insecure');
    if (!navigator.mediaDevices?.getUserMedia) throw new MicrophoneError('unsupported');
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
      this.stream.getAudioTracks()[0].addEventListener('ended', () => this.onLost());
      await this.#listen();
    } catch (error) {
      await this.close();
      throw error instanceof MicrophoneError ? error : new MicrophoneError(REASONS[error.name] ?? 'unsupported', error);
    }
    this.mute(this.muted);
  }

  /** What `start` announces: {encoding}, and for raw PCM {sample_rate} in Hz. */
  get format() {
    return this.road === 'worklet'
      ? { encoding: 'pcm_s16le', sample_rate: this.context.sampleRate }
      : { encoding: 'auto' };
  }

  /** Start a stream. @param {(frame: ArrayBuffer) => void} send */
  record(send) {
    this.rest();
    if (!this.isOpen) return;
    if (this.context?.state === 'suspended') this.context.resume().catch(() => {});
    if (this.road === 'worklet') this.node.port.onmessage = ({ data }) => send(data);
    else this.#startRecorder(send);
  }

  /** Send nothing for now. */
  rest() {
    if (this.node) this.node.port.onmessage = null;
    if (this.recorder) {
      this.recorder.ondataavailable = null;
      if (this.recorder.state !== 'inactive') this.recorder.stop();
      this.recorder = null;
    }
  }

  /** A muted microphone sends silence, so that a turn still ends. */
  mute(muted) {
    this.muted = muted;
    this.stream?.getAudioTracks().forEach((track) => (track.enabled = !muted));
  }

  /** The current loudness: RMS, 0 to 1. */
  level() {
    return this.analyser ? rms(this.analyser) : 0;
  }

  async close() {
    this.rest();
    this.stream?.getTracks().forEach((track) => track.stop());
    const context = this.context;
    this.stream = this.context = this.node = this.analyser = null;
    await context?.close();
  }

  async #listen() {
    const source = this.#source();
    this.analyser = new AnalyserNode(this.context, { fftSize: 512 });
    source.connect(this.analyser);
    const fits = Boolean(this.context.audioWorklet) && this.context.sampleRate <= MAX_HZ;
    if (this.prefer === 'recorder' || !fits || !(await this.#capture(source))) {
      if (!globalThis.MediaRecorder) throw new MicrophoneError('unsupported');
      this.road = 'recorder';
    }
  }

  /** @returns {Promise<boolean>} whether the worklet was loaded; false if the server is away */
  async #capture(source) {
    try {
      await this.context.audioWorklet.addModule(new URL('./worklets/capture.js', import.meta.url));
    } catch {
      return false;
    }
    this.node = new AudioWorkletNode(this.context, 'capture', {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: 'explicit',
      processorOptions: { frameMs: FRAME_MS },
    });
    source.connect(this.node);
    this.road = 'worklet';
    return true;
  }

  /** At 16 kHz if the browser resamples a microphone (older versions of Firefox don't), otherwise at the device's rate. */
  #source() {
    try {
      this.context = new AudioContext({ sampleRate: WANTED_HZ });
      return this.context.createMediaStreamSource(this.stream);
    } catch {
      this.context?.close();
      this.context = new AudioContext();
      return this.context.createMediaStreamSource(this.stream);
    }
  }

  #startRecorder(send) {
    const mimeType = RECORDER_TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = new MediaRecorder(this.stream, { mimeType, audioBitsPerSecond: 32000 });
    this.recorder = recorder;
    let order = Promise.resolve(); // arrayBuffer() may resolve out of order, and after the next recording has begun
    recorder.ondataavailable = ({ data }) => {
      order = order.then(async () => {
        const piece = await data.arrayBuffer();
        if (piece.byteLength && recorder === this.recorder) send(piece);
      });
    };
    recorder.start(TIMESLICE_MS);
  }
}
