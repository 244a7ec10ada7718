/**
 * Sentences to begin with, by level. A click on one sends it, so each is complete. They are in the language that is
 * practised, and not in the page's.
 */
export const OPENERS = {
  beginner: ['Hello! How are you?', 'I like coffee. What do you like?', 'What do you do at the weekend?'],
  intermediate: [
    'What was the best thing you did last weekend?',
    'Can you help me to order in a restaurant?',
    'Ask me why I am learning this language.',
  ],
  advanced: [
    'What have you changed your mind about lately?',
    'Let’s argue: are cities better than the country?',
    'Please interview me for a job.',
  ],
};
