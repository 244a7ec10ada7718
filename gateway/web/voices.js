/** The partner's voices, and the learner's choice. */
import * as memory from './memory.js';
import { ask } from './server.js';

let known = [];

/** Asks the server, once it is ready. @returns {Promise<{id: string, name: string, language: string}[]>} default first */
export async function loadVoices() {
  known = (await ask('voices'))?.voices ?? [];
  return known;
}

/** The voice to request, or null for the server's default. A voice that was chosen with another engine may be gone. */
export function chosenVoice() {
  const id = memory.voice.load();
  return known.some((voice) => voice.id === id) ? id : null;
}
