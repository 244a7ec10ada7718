/** AI-Talk in a web page. `Conversation` does everything; the other exports are its parts. */
export { pieces, states } from './captions.js';
export { Connection } from './connection.js';
export { Conversation, sessionMemory } from './conversation.js';
export { Microphone, MicrophoneError } from './microphone.js';
export { Recordings } from './recordings.js';
export { Resampler } from './resampler.js';
export { sentences } from './sentences.js';
export { Speaker } from './speaker.js';
export { initial, opening, phase, reduce, replying } from './state.js';
