/** Finds out which words of a reply were said: matches the timed words of `captions` with the text of `ai_text`. Pure. */

// In characters. A timed word that is not found within so many is written differently in the text ("20", not "twenty").
const LOOKAHEAD = 48;

/**
 * Cut a text into pieces that are said one after another. A piece goes from one timed word to the next. Text after
 * the last timed word is one more piece, without a time.
 * @param {string} text
 * @param {{text: string, start_ms: number, end_ms: number}[]} words in order of time
 * @returns {{text: string, start: number, startMs: number|null}[]} start: in characters. startMs null: time not known yet
 */
export function pieces(text, words) {
  const cuts = [];
  let from = 0;
  for (const word of words) {
    const at = find(text, word.text, from);
    if (at < 0) continue;
    cuts.push({ at, startMs: word.start_ms });
    from = at + word.text.trim().length;
  }
  if (!cuts.length) return text ? [{ text, start: 0, startMs: null }] : [];
  cuts[0].at = 0;
  const timed = cuts.map(({ at, startMs }, i) => ({
    text: text.slice(at, cuts[i + 1]?.at ?? endOfWord(text, from)),
    start: at,
    startMs,
  }));
  const rest = endOfWord(text, from);
  return rest < text.length ? [...timed, { text: text.slice(rest), start: rest, startMs: null }] : timed;
}

/**
 * The state of each piece.
 * @param {ReturnType<typeof pieces>} cut
 * @param {{heardMs: number, status: string, heardLength: number|null}} turn heardLength: characters heard, once known
 * @returns {('said'|'now'|'unsaid')[]}
 */
export function states(cut, { heardMs, status, heardLength }) {
  if (status === 'complete' || !cut.some((piece) => piece.startMs !== null)) {
    return cut.map((piece) => (heardLength !== null && piece.start >= heardLength ? 'unsaid' : 'said'));
  }
  const said = (piece) =>
    heardLength === null ? piece.startMs !== null && piece.startMs < heardMs : piece.start < heardLength;
  const count = cut.findLastIndex(said) + 1;
  const speaking = status === 'speaking';
  return cut.map((_, i) => (i >= count ? 'unsaid' : speaking && i === count - 1 ? 'now' : 'said'));
}

/** How many characters of `text` were heard; null if `text` doesn't begin with `heard`. */
export function heardLength(text, heard) {
  const lead = text.length - text.trimStart().length;
  const trimmed = heard.trim();
  return text.startsWith(trimmed, lead) ? (trimmed ? lead + trimmed.length : 0) : null;
}

function find(text, word, from) {
  const wanted = word.trim().toLowerCase();
  const at = wanted ? text.toLowerCase().indexOf(wanted, from) : -1;
  return at >= 0 && at - from <= LOOKAHEAD ? at : -1;
}

/** Where the last word ends, with the punctuation and the space after it. `from`: after its letters. */
function endOfWord(text, from) {
  const tail = /^[^\s]*\s*/u.exec(text.slice(from));
  return from + tail[0].length;
}
