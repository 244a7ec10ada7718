/** The texts of the dialog about progress. */
export const PROGRESS = {
  title: 'My progress',
  keep: 'Keep my progress',
  about:
    'After each conversation, the server then keeps how fast you spoke, your pauses, your words, and the kinds of mistakes. No recordings. You can save or erase all of it here.',
  off: 'Nothing is kept now.',
  stays: 'No new conversations are kept. What was kept before is still there until you erase it.',
  away: 'Your progress can’t be reached right now.',
  refused: 'This server keeps no progress, or can’t be reached.',
  first: 'Have a conversation, end it, and look here again.',
  close: 'Close',
  save: 'Save everything as a file',
  erase: 'Erase everything',
  sure: 'Really erase? This can’t be undone.',
  yes: 'Yes, erase',
  no: 'Keep it',
  mistakes: 'Mistakes that come back',
  noMistakes: 'None yet.',
  words: 'Words to learn',
  noWords: 'Keep a word of your partner’s, and it is here to review.',
  talks: 'Your conversations',
  table: 'As a table',
  show: 'Show the sentence',
  nothingDue: 'None is due now.',
  ratings: { again: 'Forgot', hard: 'Hard', good: 'Good', easy: 'Easy' },
  twoPlaces: 'They are kept in this browser and in your progress.',
  notRated: 'That could not be saved. Try again.',
};

/** The pictures: a figure of each conversation. @type {{field: string, title: string, unit: string}[]} */
export const CHARTS = [
  { field: 'words_per_minute', title: 'How fast you speak', unit: 'words per minute' },
  { field: 'pauses_per_minute', title: 'Pauses', unit: 'pauses per minute' },
  { field: 'distinct_words', title: 'Different words', unit: 'words in a conversation' },
  { field: 'corrections_per_100_words', title: 'Corrections', unit: 'for 100 words' },
];

export function erased({ conversations, words_used: used, words_to_learn: words, sessions }) {
  return `Erased: ${conversations} conversations in your record, ${used} words you have used, ${words} words to learn, ${sessions} stored conversations.`;
}

export function comesBack({ count, conversations }, of) {
  return `${count} ${count === 1 ? 'time' : 'times'}, in ${conversations} of ${of} conversations`;
}

export const dueCount = (count) => `${count} ${count === 1 ? 'word is' : 'words are'} due.`;

/** @param {string} when "in 3 days" */
export const nextDue = (when) => `The next one is due ${when}.`;

export function summaryOf({ title, unit }, values) {
  const [first, last] = [values[0], values.at(-1)];
  if (values.length === 1) return `${title}: ${last} ${unit}.`;
  return `${title}: ${last} ${unit} in the latest conversation, ${first} in the first of ${values.length}.`;
}
