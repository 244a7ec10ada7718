/** A reply's sentences, and when each is spoken. Pure. */
import { pieces } from './captions.js';

const LEAD_MS = 30; // a word's sound may begin a little before its time
const ABBREVIATION = /(?:^|\s)(?:mr|mrs|ms|dr|prof|st|vs|no|jan|feb|aug|sept?|oct|nov|dec|[a-z])\.\s*$/iu;

/**
 * @param {string} text of the reply
 * @param {{text: string, start_ms: number, end_ms: number}[]} words its captions
 * @param {string} language BCP-47 tag
 * @returns {{text: string, textStart: number, start: number, end: number, fromMs: number|null, toMs: number|null}[]}
 * start, end: the sentence's range in the reply, in characters; there are no gaps between sentences. text: the sentence
 * without white space around it. textStart: where `text` starts. fromMs null: none of the sentence's words has a time
 * yet. toMs null: up to the end of the audio.
 */
export function sentences(text, words, language = 'en') {
  const cut = pieces(text, words).filter(({ startMs }) => startMs !== null);
  const found = ranges(text, language).map(({ start, end }) => {
    const first = cut.find((piece) => piece.start >= start && piece.start < end);
    const shown = text.slice(start, end);
    const textStart = start + shown.length - shown.trimStart().length;
    return { text: shown.trim(), textStart, start, end, fromMs: first ? Math.max(0, first.startMs - LEAD_MS) : null };
  });
  return found.map((sentence, i) => ({ ...sentence, toMs: found.slice(i + 1).find(({ fromMs }) => fromMs !== null)?.fromMs ?? null }));
}

/** Sentences by the browser's own rules, but an abbreviation doesn't end one, and white space is not a sentence. */
function ranges(text, language) {
  const found = [];
  let open = false; // whether the last sentence goes on
  for (const { index, segment } of segments(text, language)) {
    const end = index + segment.length;
    if (found.length && (open || !segment.trim())) found.at(-1).end = end;
    else found.push({ start: index, end });
    open = ABBREVIATION.test(text.slice(found.at(-1).start, end));
  }
  return found;
}

function segments(text, language) {
  if (!Intl.Segmenter) return [{ index: 0, segment: text }].filter(({ segment }) => segment);
  return new Intl.Segmenter(language, { granularity: 'sentence' }).segment(text);
}

/**
 * @param {string} text of a sentence
 * @returns {{text: string, isWord: boolean}[]} its words and the texts between them; joined, they are the text
 */
export function words(text, language = 'en') {
  if (!Intl.Segmenter) return text.split(/(\s+)/u).map((part) => ({ text: part, isWord: /[\p{L}\p{N}]/u.test(part) }));
  const parts = new Intl.Segmenter(language, { granularity: 'word' }).segment(text);
  return Array.from(parts, ({ segment, isWordLike }) => ({ text: segment, isWord: isWordLike }));
}
