/**
 * node run.mjs: reads a request from stdin, holds its conversation, and writes what it saw to stdout. Both are JSON.
 *
 *   {"conversation": "talk", "url": "ws://…", "apiKey": "ek_…", "speech": ["base64 of 24 kHz PCM, as 16-bit integers", …]}
 *
 * The first speech is said at once, the others as fast as people speak.
 */
import { text } from 'node:stream/consumers';
import * as sdk from '@openai/agents-realtime';
import * as conversations from './conversations.mjs';

const PIECE_MS = 100;
const PIECE_BYTES = (24_000 * 2 * PIECE_MS) / 1000;

async function say(to, speech, { inRealTime }) {
  const audio = Buffer.from(speech, 'base64');
  for (let at = 0; at < audio.length; at += PIECE_BYTES) {
    const piece = audio.subarray(at, at + PIECE_BYTES);
    to.sendAudio(piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.byteLength));
    if (inRealTime) await new Promise((resolve) => setTimeout(resolve, PIECE_MS));
  }
}

const { conversation, speech, ...options } = JSON.parse(await text(process.stdin));
const seen = await conversations[conversation]({
  sdk,
  ...options,
  speak: (to) => say(to, speech[0], { inRealTime: false }),
  interrupt: (to) => say(to, speech[1], { inRealTime: true }),
});
process.stdout.write(JSON.stringify(seen));
