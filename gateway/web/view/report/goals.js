/** The scenario's tasks: measured in the learner's words and, separately, the model's opinion. */
import { el } from '../dom.js';
import { list, missing, section } from './parts.js';

const MEASURED = { true: '✓ heard', false: '– not heard' };
const OPINION = { true: '✓ done', false: '– not done' };

export function goals({ goals: found, unavailable }) {
  const tasks = list(found?.tasks).filter((task) => task?.text);
  if (!tasks.length) return unavailable?.goals ? section('Your goals', missing(unavailable.goals)) : null;
  const judged = tasks.some(({ opinion }) => opinion in OPINION);
  return section(
    'Your goals',
    found.goal && el('p', {}, found.goal),
    el('table', { class: 'goals' }, head(judged), el('tbody', {}, ...tasks.map((task) => row(task, judged)))),
    el('p', { class: 'fine' }, judged ? `${HOW} The language model may be wrong.` : HOW),
    !judged && missing(unavailable?.goals),
  );
}

const HOW = '“In your words” is measured: a turn of yours had the words that show it.';

function head(judged) {
  const titles = ['To do', 'In your words', ...(judged ? ['The language model thinks'] : [])];
  return el('thead', {}, el('tr', {}, ...titles.map((title) => el('th', { scope: 'col' }, title))));
}

function row({ text, measured, opinion }, judged) {
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, text),
    el('td', { class: measured === true ? 'reached' : null }, MEASURED[measured] ?? 'unknown'),
    judged && el('td', { class: 'opinion' }, OPINION[opinion] ?? 'no opinion'),
  );
}
