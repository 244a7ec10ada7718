/** Shared by the parts of the report. */
import { remark } from '../../wording.js';
import { el } from '../dom.js';

/** A part of the report with its heading. */
export function section(title, ...children) {
  return el('section', { class: 'part' }, el('h3', {}, title), ...children);
}

/** Why a part is missing; null if there is no reason. @param {object} document the analysis @param {string} part */
export function whyMissing({ unavailable, unavailable_codes: codes }, part) {
  return unavailable?.[part] ? remark(codes?.[part], unavailable[part]) : null;
}

/** The same as a paragraph. */
export function missing(document, part) {
  const reason = whyMissing(document, part);
  return reason && el('p', { class: 'missing' }, reason);
}

/** `value` if it is a list, else an empty list. */
export function list(value) {
  return Array.isArray(value) ? value : [];
}
