/**
 * Conversations that OpenAI's JavaScript client holds with a gateway, in Node as in a browser. Each function
 * returns what the client received.
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
    this.transport.on('error', ({ error }) => {
      const found = error.error ?? { message: String(error) };
      if (found.code !== 'slow') this.errors.push(found); // on a busy machine a reply may be slow, but it comes
    });
  }

  /** @returns the first event of this type from `after` on that satisfies `where` */
  async event(type, { after = 0, where = () => true } = {}) {
    return this.until(() => this.events.slice(after).find((event) => event.type === type && where(event)), type);
  }

  /** Wait until `find` returns something. It is called after every event. */
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
  // The partner speaks slowly, so that even a short reply isn't over when the learner interrupts.
  const session = agentSession(sdk, line, { audio: { output: { speed: 0.5 } } });
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
  const { error } = await line.event('error', { where: (event) => event.error.event_id === 'wrong' });
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

/** A written turn whose answer needs a tool. The client runs the tool, and asks for the answer itself. */
export async function callTool({ sdk, url, apiKey }) {
  const line = new Line(sdk, url);
  const calls = [];
  const hours = sdk.tool({
    name: 'opening_hours',
    description: 'When the museum is open on a day of the week.',
    parameters: { type: 'object', properties: { day: { type: 'string' } }, required: ['day'], additionalProperties: false },
    strict: true,
    execute: async (given) => {
      calls.push(given);
      // Otherwise the model would call the tool again.
      line.transport.updateSessionConfig({ outputModalities: ['text'], toolChoice: 'none' });
      return 'It is closed on Mondays.';
    },
  });
  const agent = new sdk.RealtimeAgent({ name: 'Joe', instructions: 'You are Joe. Look up when the museum is open.', tools: [hours] });
  const session = new sdk.RealtimeSession(agent, {
    transport: line.transport,
    config: { outputModalities: ['text'], toolChoice: { type: 'function', name: 'opening_hours' } },
  });
  session.on('error', () => {});
  await session.connect({ apiKey });
  session.sendMessage('Is the museum open on Monday?');
  const isAnswer = ({ response }) => response.output.some(({ type }) => type === 'message');
  const { response } = await line.event('response.done', { where: isAnswer });
  session.close();
  const call = session.history.find(({ type }) => type === 'function_call');
  return { calls, call, answer: response.output.find(({ type }) => type === 'message').content[0].text, errors: line.errors };
}

/** The application changes what was said: the client deletes the items and creates them again. */
export async function changeHistory({ sdk, url, apiKey, speak }) {
  const line = new Line(sdk, url);
  const session = agentSession(sdk, line);
  await session.connect({ apiKey });
  await speak(session);
  const { response } = await line.event('response.done');
  await line.event('conversation.item.retrieved'); // the learner's words are known
  const after = line.events.length;
  const changed = { user: (part) => ({ ...part, transcript: 'Changed.' }), assistant: () => ({ type: 'output_text', text: 'Changed.' }) };
  session.updateHistory((history) => history.map((item) => ({ ...item, content: item.content.map(changed[item.role]) })));
  const isLast = ({ item }) => item.id === response.output[0].id;
  await line.event('conversation.item.added', { after, where: isLast });
  session.close();
  const added = line.events.slice(after).filter(({ type }) => type === 'conversation.item.added');
  return { added: added.map(({ item }) => [item.role, item.content[0].text]), errors: line.errors };
}

/** A transcription session over the client's low-level connection. The client's agents would always want replies. */
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
