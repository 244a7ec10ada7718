/** Shared by the parts of the report. */
import { el } from '../dom.js';

/** A part of the report with its heading. */
export function section(title, ...children) {
  return el('section', { class: 'part' }, el('h3', {}, title), ...children);
}

/** Why a part is missing, in the server's words. */
export function missing(reason) {
  return reason ? el('p', { class: 'missing' }, reason) : null;
}

/** `value` if it is a list, else an empty list. */
export function list(value) {
  return Array.isArray(value) ? value : [];
}
