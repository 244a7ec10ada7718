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

/** 1.26 → "1.3", 12.6 → "13", null → null. */
export function number(value) {
  if (!Number.isFinite(value)) return null;
  return value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}

/** "1 word", "2 words". */
export function plural(count, noun) {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}
