/** What the dialog about progress says. The texts themselves are in `texts/LANGUAGE.json`. */
import { TEXTS, counted, fill, number } from './texts.js';

export const PROGRESS = TEXTS.progress;

const { progress_figures: FIGURES } = TEXTS;

/** The charts. Each shows one figure, with a point for each conversation. @type {{field: string, title: string, unit: string}[]} */
export const CHARTS = ['words_per_minute', 'pauses_per_minute', 'distinct_words', 'corrections_per_100_words'].map((field) => ({
  field,
  ...FIGURES[field],
}));

export function erased({ conversations, words_used: used, words_to_learn: words, sessions }) {
  return fill(FIGURES.erased, { conversations, used, words, sessions });
}

/** How often a kind of mistake was made. @param {number} of how many conversations there are */
export function comesBack({ count, conversations }, of) {
  return counted(FIGURES.comes_back, count, { conversations, of });
}

export const dueCount = (count) => counted(FIGURES.due, count);

/** @param {string} when "in 3 days" */
export const nextDue = (when) => fill(FIGURES.next_due, { when });

/** The range of a chart's axis, from 0. @param {number} top */
export const rangeTo = (top) => fill(FIGURES.range, { top: number(top) });

/** The text of a chart for screen readers. @param {string[]} values from the oldest to the latest conversation */
export function summaryOf({ title, unit }, values) {
  const [first, last] = [values[0], values.at(-1)];
  return fill(values.length === 1 ? FIGURES.only : FIGURES.summary, { title, unit, first, last, count: values.length });
}
