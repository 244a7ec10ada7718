/**
 * Holds the microphone and the speaker of one conversation, and reports what is wrong with them.
 */
import { Microphone } from './microphone.js';
import { Speaker } from './speaker.js';

const SILENT_AFTER_S = 8; // a microphone that gives no sound at all for this long is reported
const SILENT_RMS = 1e-5;

export class Sound {
  /**
   * @param {object} options
   * @param {'worklet'|'recorder'|null} options.prefer how the microphone is recorded
   * @param {() => boolean} options.isListening whether the learner could be speaking now
   * @param {(turnId: string, heardMs: number, done: boolean) => void} options.onHeard
   * @param {(problem: string|null) => void} options.onMicrophone
   * @param {(suspended: boolean) => void} options.onSuspended
   */
  constructor({ prefer, isListening, onHeard, onMicrophone, onSuspended }) {
    this.isListening = isListening;
    this.onMicrophone = onMicrophone;
    this.speaker = new Speaker({ onHeard, onSuspended });
    this.microphone = new Microphone({ prefer, onLost: () => this.#lost() });
    this.muted = false; // by the learner
    this.held = false; // because something else is played
  }

  /** Open the microphone. `onMicrophone` gets what is wrong with it, or null. */
  async openMicrophone() {
    try {
      await this.microphone.open();
      this.onMicrophone(null);
      this.#watchSilence();
    } catch (error) {
      this.onMicrophone(error.reason);
    }
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.muted = muted;
    this.microphone.mute(muted || this.held);
  }

  /** @param {boolean} held */
  hold(held) {
    this.held = held;
    this.microphone.mute(held || this.muted);
  }

  async #lost() {
    await this.microphone.close();
    this.onMicrophone('lost');
  }

  /** A microphone that works is never perfectly silent. */
  #watchSilence() {
    let silentS = 0;
    const timer = setInterval(() => {
      if (!this.microphone.isOpen) {
        clearInterval(timer);
        return;
      }
      silentS = this.microphone.level() < SILENT_RMS && this.isListening() && !this.muted ? silentS + 1 : 0;
      if (silentS === SILENT_AFTER_S) this.onMicrophone('silent');
    }, 1000);
  }
}
