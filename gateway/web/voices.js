/** The voices that the partner has, and which one the learner has chosen. */
import * as memory from './memory.js';
import { ask } from './server.js';

let known = [];

/** Asks the server, once it is ready. @returns {Promise<{id: string, name: string, language: string}[]>} default first */
export async function loadVoices() {
  known = (await ask('/voices'))?.voices ?? [];
  return known;
}

/** The voice to ask for, or null for the server's own: a voice remembered from another engine may be gone. */
export function chosenVoice() {
  const id = memory.voice.load();
  return known.some((voice) => voice.id === id) ? id : null;
}
