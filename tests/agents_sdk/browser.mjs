/** A conversation in a browser, with its microphone. A page of the gateway imports this; no other page may connect. */
import * as sdk from './node_modules/@openai/agents-realtime/dist/bundle/openai-realtime-agents.mjs';
import { talk } from './conversations.mjs';

/** The microphone's sound, as 24 kHz PCM in pieces of 20 ms. */
async function speak(session) {
  const context = new AudioContext({ sampleRate: 24_000 });
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  await context.audioWorklet.addModule('/static/aitalk/worklets/capture.js');
  const node = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0 });
  node.port.onmessage = ({ data }) => session.transport.sendAudio(data);
  context.createMediaStreamSource(stream).connect(node);
}

export function talkWith(url, apiKey) {
  return talk({ sdk, url, apiKey, speak, interrupt: async (session) => session.interrupt() });
}
