/**
 * The connection to the server: one WebSocket after another, and the session that survives them.
 *
 *   open → `connected` → we send `start` → ready
 *                        we send `start` with session_id and resume_token → `resumed` → ready
 *                                                                         → refused: forget it, begin a new session
 *   open → `queued`, `queued`, … → `connected` …      we send `start` at once if there is a session to carry on
 *   `reconnect` → moving → close 1012 → wait for `delay_ms` → open …      meanwhile the learner's audio is kept
 *   lost → wait (0.5 s, then 1 s each time; after 40 attempts 8 s; all ± 25 %) → open …
 *   close 1013, 4408, 4409, 4429 → parked, until `open` is called
 *   close 1002, 1003, 1007, 1008 → refused; but if we were resuming: a new session
 *   `analysis`, then close 1000 → over
 */
const FIRST_WAIT_MS = 500;
const SHORT_WAIT_MS = 1000; // a server that is started again is back within seconds
const SHORT_WAITS = 40;
const LONGEST_WAIT_MS = 8000;
const PING_EVERY_MS = 1100;
const SILENT_PINGS = 3; // a server that hangs keeps its connections open: the learner should know within 5 s
const OPEN_WITHIN_MS = 10000;
const STALLED_BYTES = 320_000; // 10 s of PCM at 16 kHz unsent: the connection is dead, even if the socket seems open
const HELD_BYTES = 320_000; // at most this much audio, also 10 s, is kept while there is no connection
const RECENT_FRAMES = 25; // half a second of PCM
const MOVED_WITHIN_MS = 10000;
const REFUSED_FOR_GOOD = [1002, 1003, 1007, 1008];
// Queue full, long silence, continued elsewhere, today's time used up: don't reconnect unless the learner wants to.
const LEFT_TO_LEARNER = [1013, 4408, 4409, 4429];

export class Connection {
  /**
   * @param {object} options
   * @param {string} options.url ws: or wss: address
   * @param {{load: () => ({id: string, token: string}|null), save: (session: object|null) => void}} options.memory
   * @param {() => string|null} options.access the log-in token, if there is one
   * @param {(resuming: boolean) => object} options.start the fields of `start` that the page chooses
   * @param {(message: object) => void} options.onMessage gets the text messages of the server, except
   * those that only the connection needs: `connected`, `queued`, `reconnect`, and an `error` that refuses the token or
   * the resume
   * @param {(bytes: ArrayBuffer) => void} options.onAudio every binary message
   * @param {(change: {state: 'connecting'|'queued'|'ready'|'moving'|'waiting'|'parked'|'over'|'refused'|'locked', [detail: string]: unknown}) => void} options.onChange
   * connecting: {attempt}; queued: {position, seconds}; ready: {resumed, forgotten, held}; waiting: {ms, attempt};
   * parked, over, refused, locked: {code, reason}
   */
  constructor(options) {
    Object.assign(this, options);
    this.attempt = 0;
    this.ready = false;
    this.finished = false; // by us or by the server: don't reconnect
    this.moving = false; // to another gateway; the learner doesn't notice a move that succeeds
    this.place = null;
    this.clearHeld();
    addEventListener('online', () => this.waiting && this.open());
  }

  /** Connect now, and drop any older connection. For the same session, the new `start` may announce another format. */
  open() {
    this.#drop();
    this.finished = false;
    if (!this.moving) this.onChange({ state: 'connecting', attempt: this.attempt });
    const token = this.access();
    const url = this.place ? `${this.url}?place=${encodeURIComponent(this.place)}` : this.url;
    const socket = new WebSocket(url, token ? ['aitalk', `bearer.${token}`] : []);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.deadline = setTimeout(() => this.#lost(socket, { code: 0, reason: 'no answer' }), OPEN_WITHIN_MS);
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onclose = (event) => this.#lost(socket, event);
  }

  /** @returns {boolean} whether the message was sent */
  send(message) {
    if (!this.#usable()) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** @param {ArrayBuffer} frame */
  sendAudio(frame) {
    if (!this.#usable()) return this.#hold(frame);
    this.recent = [...this.recent.slice(1 - RECENT_FRAMES), frame];
    if (this.socket.bufferedAmount > STALLED_BYTES) this.#lost(this.socket, { code: 0, reason: 'stalled' });
    else this.socket.send(frame);
    return undefined;
  }

  /** The latest audio may have reached the gateway too late: send it again over the next connection. */
  holdRecent() {
    this.recent.splice(0).forEach((frame) => this.#hold(frame));
  }

  /** Send the audio that was kept while there was no connection. */
  sendHeld() {
    const held = this.held;
    this.clearHeld();
    held.forEach((frame) => this.socket.send(frame));
  }

  clearHeld() {
    this.held = [];
    this.recent = [];
    this.heldBytes = 0;
    this.heldIsCut = false;
  }

  #hold(frame) {
    this.held.push(frame);
    this.heldBytes += frame.byteLength;
    while (this.heldBytes > HELD_BYTES) {
      this.heldBytes -= this.held.shift().byteLength;
      this.heldIsCut = true;
    }
  }

  /** Close, and don't reconnect until `open` is called. */
  close() {
    this.finished = true;
    this.#drop();
  }

  /** Whether the socket accepts messages. A socket that is closing doesn't, even before its `close` event. */
  #usable() {
    return this.ready && this.socket.readyState === WebSocket.OPEN;
  }

  #drop() {
    clearTimeout(this.waiting);
    clearTimeout(this.deadline);
    clearInterval(this.heart);
    this.waiting = this.heart = null;
    this.ready = this.resuming = this.asked = false;
    if (!this.socket) return;
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close(1000);
    this.socket = null;
  }

  #received(data) {
    this.unanswered = 0;
    if (typeof data !== 'string') return this.onAudio(data);
    const message = JSON.parse(data);
    if (message.type === 'error' && message.code === 'unauthorized') return this.#locked();
    if (message.type === 'queued') return this.#queued(message);
    if (message.type === 'reconnect') return this.#move(message);
    if (message.type === 'connected') return this.#connected(message);
    if (message.type === 'resumed') this.#becomeReady({ resumed: true });
    if (message.type === 'analysis') this.finished = true;
    if (message.type === 'error' && this.resuming) return this.#resumeFailed(message);
    return this.onMessage(message);
  }

  #queued({ position, estimate_s: seconds, place }) {
    this.place = place; // in the queue, for the next gateway if this one ends
    clearTimeout(this.deadline);
    this.heart ??= setInterval(() => this.#beat(), PING_EVERY_MS);
    if (this.memory.load()) this.#start(); // a seat may be kept for this session
    this.moving = false;
    this.onChange({ state: 'queued', position, seconds });
  }

  #start() {
    if (this.asked) return;
    this.asked = true;
    const kept = this.memory.load();
    this.resuming = Boolean(kept);
    const resume = kept ? { session_id: kept.id, resume_token: kept.token } : {};
    this.socket.send(JSON.stringify({ type: 'start', ...this.start(this.resuming), ...resume }));
  }

  #connected({ session_id: id, resume_token: token }) {
    clearTimeout(this.deadline);
    this.place = null;
    this.#start();
    if (this.resuming) return;
    this.memory.save({ id, token });
    this.#becomeReady({ resumed: false });
  }

  #becomeReady({ resumed }) {
    this.resuming = this.moving = false;
    this.ready = true;
    this.attempt = 0;
    this.unanswered = 0;
    this.heart ??= setInterval(() => this.#beat(), PING_EVERY_MS);
    const forgotten = Boolean(this.forgotten);
    this.forgotten = false;
    this.onChange({ state: 'ready', resumed, forgotten, held: this.heldIsCut ? 'cut' : this.held.length > 0 });
  }

  /** Another gateway will continue the session. Before this one closes, it recognises the audio that it has. */
  #move({ delay_ms: delayMs }) {
    this.moving = true;
    this.moveMs = delayMs;
    this.ready = false;
    this.deadline = setTimeout(() => this.#lost(this.socket, { code: 1012, reason: 'moved' }), MOVED_WITHIN_MS);
    this.onChange({ state: 'moving' });
  }

  /** If the server can't resume now, try again. If it doesn't know the session, use a new one. */
  #resumeFailed({ message, retryable }) {
    if (retryable) return this.#lost(this.socket, { code: 0, reason: message });
    this.forgotten = true;
    this.memory.save(null);
    return this.open();
  }

  /** If nothing has come since the last SILENT_PINGS pings, the connection is dead. */
  #beat() {
    if (this.unanswered >= SILENT_PINGS) return this.#lost(this.socket, { code: 0, reason: 'no answer' });
    this.unanswered += 1;
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: 'ping' })); // the socket may be closing
    return undefined;
  }

  #lost(socket, { code, reason }) {
    if (socket !== this.socket) return;
    const wasResuming = this.resuming;
    this.#drop();
    if (this.finished || code === 1000) return this.#end('over', { code, reason });
    if (REFUSED_FOR_GOOD.includes(code)) {
      if (wasResuming) return this.#resumeFailed({ retryable: false });
      return this.#end('refused', { code, reason });
    }
    if (LEFT_TO_LEARNER.includes(code)) return this.#end('parked', { code, reason });
    if (this.moving && code === 1012) {
      this.waiting = setTimeout(() => this.open(), this.moveMs);
      return undefined;
    }
    this.moving = false;
    const longestMs = this.attempt < SHORT_WAITS ? SHORT_WAIT_MS : LONGEST_WAIT_MS;
    const ms = Math.min(longestMs, FIRST_WAIT_MS * 2 ** this.attempt) * (0.75 + Math.random() / 2);
    this.attempt += 1;
    this.waiting = setTimeout(() => this.open(), ms);
    return this.onChange({ state: 'waiting', ms, attempt: this.attempt });
  }

  /** Wait until the page has another token (`access`) and calls `open`. */
  #locked() {
    this.#drop();
    this.#end('locked', { code: 1008, reason: 'unauthorized' });
  }

  #end(state, { code, reason }) {
    this.finished = true;
    this.attempt = 0;
    this.onChange({ state, code, reason });
  }
}
