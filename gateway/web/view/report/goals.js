/** The scenario's tasks: measured in the learner's words and, separately, the model's opinion. */
import { REPORT } from '../../wording.js';
import { el } from '../dom.js';
import { list, missing, section } from './parts.js';

const MEASURED = { true: REPORT.heard, false: REPORT.not_heard };
const OPINION = { true: REPORT.done, false: REPORT.not_done };

export function goals(document) {
  const { goals: found } = document;
  const reason = missing(document, 'goals');
  const tasks = list(found?.tasks).filter((task) => task?.text);
  if (!tasks.length) return reason ? section(REPORT.goals, reason) : null;
  const judged = tasks.some(({ opinion }) => opinion in OPINION);
  return section(
    REPORT.goals,
    found.goal && el('p', {}, found.goal),
    el('table', { class: 'goals' }, head(judged), el('tbody', {}, ...tasks.map((task) => row(task, judged)))),
    el('p', { class: 'fine' }, judged ? `${REPORT.how_measured} ${REPORT.may_be_wrong}` : REPORT.how_measured),
    !judged && reason,
  );
}

function head(judged) {
  const titles = [REPORT.task, REPORT.in_your_words, ...(judged ? [REPORT.opinion] : [])];
  return el('thead', {}, el('tr', {}, ...titles.map((title) => el('th', { scope: 'col' }, title))));
}

function row({ text, measured, opinion }, judged) {
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, text),
    el('td', { class: measured === true ? 'reached' : null }, MEASURED[measured] ?? REPORT.unknown),
    judged && el('td', { class: 'opinion' }, OPINION[opinion] ?? REPORT.no_opinion),
  );
}
