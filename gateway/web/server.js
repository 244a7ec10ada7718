/** HTTP requests to the server. */
import * as memory from './memory.js';

const MOST_EXPECTED = 400; // characters

/**
 * @param {string} path of a route that answers JSON; relative to the page, because a proxy may put a path before it
 * @returns {Promise<object|null>} null: the server is away, refuses, or doesn't know the route
 */
export function ask(path) {
  return send('GET', path);
}

/**
 * @param {string} method
 * @param {string} path of a route that answers JSON
 * @param {object} [body] is sent as JSON
 * @returns {Promise<object|null>} null: the server is away, refuses, or doesn't know the route
 */
export async function send(method, path, body) {
  try {
    const response = await fetch(path, { method, cache: 'no-store', headers: headers(path, body), ...(body ? { body: JSON.stringify(body) } : {}) });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/**
 * The words of a recording, by the server's recognition.
 * @param {ArrayBuffer} wav
 * @param {string} language BCP-47 tag
 * @param {string} sentence that the speaker was to say
 * @returns {Promise<{words: {word: string, start: number, end: number, confidence: number}[], slips?: {word: number,
 *   expected: string, heard: string}[]}|null>} times in seconds; null: the server is away, or refuses
 */
export async function recognise(wav, language, sentence) {
  const body = new FormData();
  const fields = { model: 'whisper-1', language, response_format: 'verbose_json', 'timestamp_granularities[]': 'word', expected_text: sentence.slice(0, MOST_EXPECTED) };
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append('file', new Blob([wav], { type: 'audio/wav' }), 'take.wav');
  const path = 'v1/audio/transcriptions';
  const response = await fetched(path, { method: 'POST', headers: headers(path), body });
  const answer = await response?.json().catch(() => null);
  return answer?.words ? answer : null;
}

/**
 * A text read aloud by the server.
 * @param {string} input @param {string} voice id
 * @returns {Promise<ArrayBuffer|null>} 16-bit little-endian mono PCM at 24 kHz; null: the server is away, or refuses
 */
export async function speech(input, voice) {
  const path = 'v1/audio/speech';
  const body = JSON.stringify({ model: 'tts-1', input, voice, response_format: 'pcm' });
  const response = await fetched(path, { method: 'POST', headers: headers(path, body), body });
  return (await response?.arrayBuffer().catch(() => null)) ?? null;
}

/** @returns {Promise<Response|null>} null: the server is away, or refuses */
async function fetched(path, options) {
  const response = await fetch(path, { cache: 'no-store', ...options }).catch(() => null);
  return response?.ok ? response : null;
}

/** All requests have the access token, if there is one. Only those for the learner's own data have the learner's id. */
function headers(path, body) {
  const token = memory.access.load();
  return {
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
    ...(path.startsWith('learner') ? { 'X-Learner': memory.learner() } : {}),
    ...(body ? { 'Content-Type': 'application/json' } : {}),
  };
}
