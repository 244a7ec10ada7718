/**
 * Conversations that OpenAI's JavaScript client holds with a gateway, in Node as in a browser. Each returns what it saw.
 *
 *   sdk: the module `@openai/agents-realtime` · url: of the WebSocket · apiKey: a key `ek_…`
 */
const WITHIN_MS = 60_000;

/** One connection. `events` holds everything that the server has sent, in order. */
class Line {
  constructor(sdk, url) {
    this.transport = new sdk.OpenAIRealtimeWebSocket({ url });
    this.events = [];
    this.errors = [];
    this.watchers = new Set();
    this.transport.on('*', (event) => {
      this.events.push(event);
      this.watchers.forEach((watch) => watch());
    });
    this.transport.on('error', ({ error }) => this.errors.push(error.error ?? { message: String(error) }));
  }

  /** @returns the first event of this type from `after` on that satisfies `where` */
  async event(type, { after = 0, where = () => true } = {}) {
    return this.until(() => this.events.slice(after).find((event) => event.type === type && where(event)), type);
  }

  /** Wait until `find` gives something. It is asked after every event. */
  async until(find, what) {
    let watch;
    let timer;
    try {
      return await new Promise((resolve, reject) => {
        watch = () => {
          const found = find();
          if (found) resolve(found);
        };
        const kinds = () => this.events.map(({ type }) => type).join(' ');
        timer = setTimeout(() => reject(new Error(`no ${what}; got ${kinds()} ${JSON.stringify(this.errors)}`)), WITHIN_MS);
        this.watchers.add(watch);
        watch();
      });
    } finally {
      clearTimeout(timer);
      this.watchers.delete(watch);
    }
  }
}

function agentSession(sdk, line, config = {}) {
  const agent = new sdk.RealtimeAgent({ name: 'Joe', instructions: 'You are Joe. Answer in one or two short sentences.' });
  const session = new sdk.RealtimeSession(agent, { transport: line.transport, config });
  session.on('error', () => {}); // `line` collects them
  return session;
}

function messageOf(session, itemId) {
  const { role, status, content } = session.history.find((item) => item.itemId === itemId);
  return { role, status, text: content[0].transcript ?? content[0].text };
}

/**
 * A spoken turn, an interruption, an error, a lost connection, and the same session again.
 * @param {(session: object) => Promise<void>} speak say the turn
 * @param {(session: object) => Promise<void>} interrupt while the partner is heard
 */
export async function talk({ sdk, url, apiKey, speak, interrupt }) {
  const line = new Line(sdk, url);
  const session = agentSession(sdk, line);
  let isInterrupted = false;
  session.on('audio_interrupted', () => { isInterrupted = true; });
  await session.connect({ apiKey });
  const { session: created } = await line.event('session.created');

  await speak(session);
  const { item_id: saidId } = await line.event('conversation.item.input_audio_transcription.completed');
  await line.event('conversation.item.retrieved', { where: ({ item }) => item.id === saidId });
  const { item_id: replyId } = await line.event('response.output_audio.delta');
  await new Promise((resolve) => setTimeout(resolve, 700));

  await interrupt(session);
  await line.event('conversation.item.truncated', { where: (event) => event.item_id === replyId });
  await line.event('conversation.item.retrieved', { where: ({ item }) => item.id === replyId });
  const spoken = line.events.filter((event) => event.type === 'response.output_audio_transcript.delta' && event.item_id === replyId);
  const seen = {
    said: messageOf(session, saidId),
    reply: messageOf(session, replyId),
    replyAsWritten: spoken.map(({ delta }) => delta).join(''),
    isInterrupted,
  };

  line.transport.sendEvent({ type: 'conversation.item.retrieve', event_id: 'wrong', item_id: 'nothing' });
  const { error } = await line.event('error');
  session.close();

  const again = new Line(sdk, url);
  const resumed = agentSession(sdk, again, { outputModalities: ['text'] });
  await resumed.connect({ apiKey, url: `${url}${url.includes('?') ? '&' : '?'}session_id=${created.id}` });
  const { session: resumedSession } = await again.event('session.created');
  await again.event('session.updated', { where: ({ session: { output_modalities: out } }) => out[0] === 'text' });
  again.transport.sendEvent({ type: 'conversation.item.retrieve', item_id: saidId });
  const { item: kept } = await again.event('conversation.item.retrieved');
  resumed.sendMessage('Thank you. What did I do?');
  const { response } = await again.event('response.done');
  const answer = messageOf(resumed, response.output[0].id);
  resumed.close();
  return {
    ...seen,
    error,
    errors: [line.errors, again.errors],
    isSameSession: created.id === resumedSession.id,
    kept: kept.content[0].transcript,
    answer,
    answerStatus: response.status,
  };
}

/** A transcription session: the client's low-level connection, because its agents always want replies. */
export async function transcribe({ sdk, url, apiKey, speak }) {
  const line = new Line(sdk, `${url}?intent=transcription`);
  await line.transport.connect({ apiKey });
  await line.event('session.updated');
  await speak(line.transport);
  const { transcript, item_id: itemId } = await line.event('conversation.item.input_audio_transcription.completed');
  await line.event('conversation.item.retrieved', { where: ({ item }) => item.id === itemId });
  line.transport.close();
  const responses = line.events.filter(({ type }) => type.startsWith('response.')).length;
  return { transcript, responses, errors: line.errors };
}
