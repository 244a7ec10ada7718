/** The notices that the page shows for messages of the server. */

// Codes of errors after which the turn goes on, so the learner need not do anything.
const GOES_ON = ['not_saved', 'slow'];

/** Whether an error with this code ends what the learner waits for. */
export const endsTheTurn = (code) => !GOES_ON.includes(code);

/** An error of the server as a sentence. */
export function complaint({ message, code, retryable }) {
  return retryable && endsTheTurn(code) ? `${sentence(message)} You can simply try again.` : sentence(message);
}

/** The text with a capital at its beginning and, if no mark ends it, a full stop at its end. */
export function sentence(text) {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/u.test(capital) ? capital : `${capital}.`;
}

/** The notice before the learner's time for today is used up. */
export function timeLeft(seconds) {
  const minutes = Math.round(seconds / 60);
  const left = minutes > 1 ? `${minutes} minutes` : `${seconds} seconds`;
  return `You have ${left} left today. Then the conversation is kept for another day.`;
}
