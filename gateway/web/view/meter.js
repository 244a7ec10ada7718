/** The voice line: draws the loudness of the learner's or the partner's voice over time. */
import { svg } from './dom.js';

const BARS = 24;
const HEIGHT = 32;
const FRAME_MS = 50;
const FLOOR_DB = -60;

export class Meter {
  /**
   * @param {SVGSVGElement} picture of viewBox 96 × 32
   * @param {() => number} level RMS, 0 to 1
   */
  constructor(picture, level) {
    this.level = level;
    this.calm = matchMedia('(prefers-reduced-motion: reduce)');
    this.history = new Array(BARS).fill(0);
    this.bars = this.history.map((_, i) => svg('rect', { x: i * 4 + 1, width: 2, rx: 1 }));
    picture.replaceChildren(...this.bars);
    this.#draw();
  }

  start() {
    this.timer ??= setInterval(() => this.#tick(), FRAME_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.history.fill(0);
    this.#draw();
  }

  #tick() {
    const loudness = Math.max(0, 1 - (20 * Math.log10(this.level() + 1e-6)) / FLOOR_DB);
    if (this.calm.matches) this.history.fill(0).fill(1, 0, Math.round(loudness * BARS)); // reduced motion: only the present loudness
    else this.history = [...this.history.slice(1), loudness];
    this.#draw();
  }

  #draw() {
    const scale = this.calm.matches ? 0.5 : 1;
    this.bars.forEach((bar, i) => {
      const height = 2 + this.history[i] ** 1.6 * scale * (HEIGHT - 4);
      bar.setAttribute('y', (HEIGHT - height) / 2);
      bar.setAttribute('height', height);
    });
  }
}
