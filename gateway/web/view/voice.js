/** The practised language and the partner's voice on the welcome page; a list without a choice is hidden. */
import { languageName } from '../wording.js';
import { el } from './dom.js';

export class VoiceView {
  /** @param {{practised: HTMLSelectElement, voice: HTMLSelectElement}} parts each in its label */
  constructor({ practised, voice }) {
    Object.assign(this, { practised, voice });
  }

  /**
   * @param {{languages: string[], practised: string, voices: import('../voices.js').Voice[], voice: string|null}} choice
   * voices: of the practised language. voice: an id; null: the first
   */
  render({ languages, practised, voices, voice }) {
    const named = languages.map((tag) => [tag, languageName(tag)]).sort(([, one], [, other]) => one.localeCompare(other));
    offer(this.practised, named, practised);
    const regions = new Set(voices.map(({ language }) => language));
    const title = ({ name, language }) => (regions.size > 1 ? `${name} (${language})` : name);
    offer(this.voice, voices.map((each) => [each.id, title(each)]), voice);
  }
}

/** @param {HTMLSelectElement} select @param {[string, string][]} options value and text @param {string|null} chosen */
function offer(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => el('option', { value }, text)));
  if (chosen) select.value = chosen;
  select.closest('label').hidden = options.length < 2;
}
