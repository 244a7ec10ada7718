/** Notices for the learner; each stays until its cause is over. */
import { BUTTONS, noticeText } from '../wording.js';
import { el } from './dom.js';

export class NoticesView {
  /**
   * @param {HTMLElement} place
   * @param {(name: string, topic: string) => void} onAction
   */
  constructor(place, onAction) {
    this.place = place;
    this.onAction = onAction;
    this.shown = new Map(); // topic → {notice, item}
  }

  /** @param {Object<string, {tone: 'info'|'problem', text: string, action?: {label: string, name: string}}>} notices */
  render(notices) {
    for (const [topic, { notice, item }] of this.shown) {
      if (notices[topic] === notice) continue;
      item.remove();
      this.shown.delete(topic);
    }
    for (const [topic, notice] of Object.entries(notices)) {
      if (!this.shown.has(topic)) this.#add(topic, notice);
    }
  }

  #add(topic, notice) {
    const { tone, action = { label: BUTTONS.dismiss, name: 'dismiss' } } = notice;
    const button = el('button', { type: 'button' }, action.label);
    button.addEventListener('click', () => this.onAction(action.name, topic));
    const role = tone === 'problem' ? 'alert' : 'status';
    const item = el('div', { class: `notice ${tone}`, role, 'data-topic': topic }, el('p', {}, noticeText(notice)), button);
    this.place.append(item);
    this.shown.set(topic, { notice, item });
  }
}
