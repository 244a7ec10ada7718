/** The list of voices on the welcome page; hidden if there is nothing to choose. */
import { el } from './dom.js';

export class VoiceView {
  /** @param {HTMLLabelElement} label around @param {HTMLSelectElement} select */
  constructor(label, select) {
    this.label = label;
    this.select = select;
  }

  /** @param {{id: string, name: string, language: string}[]} voices @param {string|null} chosen an id; null: the first */
  render(voices, chosen) {
    const languages = new Set(voices.map((voice) => voice.language));
    const title = ({ name, language }) => (languages.size > 1 ? `${name} (${language})` : name);
    this.select.replaceChildren(...voices.map((voice) => el('option', { value: voice.id }, title(voice))));
    if (chosen) this.select.value = chosen;
    this.label.hidden = voices.length < 2;
  }
}
