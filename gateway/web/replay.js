/** Plays a sentence again, at full speed or slowly with its pitch kept. */
const SLOWLY = 0.7; // times the usual speed

export class Replay {
  /** @param {(playing: boolean) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    this.audio = null;
  }

  /** @param {ArrayBuffer} wav @param {boolean} slowly */
  play(wav, slowly) {
    this.stop();
    const audio = new Audio(URL.createObjectURL(new Blob([wav], { type: 'audio/wav' })));
    this.audio = audio;
    audio.preservesPitch = true;
    audio.defaultPlaybackRate = audio.playbackRate = slowly ? SLOWLY : 1;
    audio.addEventListener('ended', () => this.audio === audio && this.stop());
    this.onChange(true);
    audio.play().catch(() => this.audio === audio && this.stop());
  }

  stop() {
    if (!this.audio) return;
    this.audio.pause();
    URL.revokeObjectURL(this.audio.src);
    this.audio = null;
    this.onChange(false);
  }
}
