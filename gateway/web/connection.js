/**
 * The line to the server: one WebSocket after another, and the session that outlives them.
 *
 *   open → `connected` → we send `start` → ready
 *                        we send `start` with session_id and resume_token → `resumed` → ready
 *                                                                         → refused: forget it, a fresh session, ready
 *   lost → wait (0.5 s, doubling up to 8 s) → open …
 *   close 4408, 4409 → parked, until `open` is called
 *   `analysis`, then close 1000 → over
 */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
const PING_EVERY_MS = 10000;
const OPEN_WITHIN_MS = 10000;
const STALLED_BYTES = 320_000; // 10 s of PCM at 16 kHz unsent: the line is dead, whatever the socket says
const REFUSED_FOR_GOOD = [1002, 1003, 1007, 1008];
const LEFT_TO_LEARNER = [4408, 4409]; // nothing was said for long; carried on elsewhere: don't grab it back unasked

export class Connection {
  /**
   * @param {object} options
   * @param {string} options.url ws: or wss: address
   * @param {{load: () => ({id: string, token: string}|null), save: (session: object|null) => void}} options.memory
   * @param {() => object} options.start the fields of `start` that the page chooses
   * @param {(message: object) => void} options.onMessage every text message of the server
   * @param {(bytes: ArrayBuffer) => void} options.onAudio every binary one
   * @param {(change: {state: 'connecting'|'ready'|'waiting'|'parked'|'over'|'refused', [detail: string]: unknown}) => void} options.onChange
   * ready: {resumed, forgotten}; waiting: {ms, attempt}; parked, over, refused: {code, reason}
   */
  constructor(options) {
    Object.assign(this, options);
    this.attempt = 0;
    this.ready = false;
    this.finished = false; // by us or by the server: don't come back
    addEventListener('online', () => this.waiting && this.open());
  }

  /** Connect now, in place of whatever there was; the session is carried on, so a new `start` can change the format. */
  open() {
    this.#drop();
    this.finished = false;
    this.onChange({ state: 'connecting', attempt: this.attempt });
    const socket = new WebSocket(this.url);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.deadline = setTimeout(() => this.#lost(socket, { code: 0, reason: 'no answer' }), OPEN_WITHIN_MS);
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onclose = (event) => this.#lost(socket, event);
  }

  /** @returns {boolean} whether it went out */
  send(message) {
    if (!this.#usable()) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** @param {ArrayBuffer} frame */
  sendAudio(frame) {
    if (!this.#usable()) return;
    if (this.socket.bufferedAmount > STALLED_BYTES) this.#lost(this.socket, { code: 0, reason: 'stalled' });
    else this.socket.send(frame);
  }

  /** For good. */
  close() {
    this.finished = true;
    this.#drop();
  }

  /** A socket that is closing takes nothing, though its `close` is yet to come. */
  #usable() {
    return this.ready && this.socket.readyState === WebSocket.OPEN;
  }

  #drop() {
    clearTimeout(this.waiting);
    clearTimeout(this.deadline);
    clearInterval(this.heart);
    this.waiting = null;
    this.ready = this.resuming = false;
    if (!this.socket) return;
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close(1000);
    this.socket = null;
  }

  #received(data) {
    this.silent = false;
    if (typeof data !== 'string') return this.onAudio(data);
    const message = JSON.parse(data);
    if (message.type === 'connected') return this.#connected(message);
    if (message.type === 'resumed') this.#becomeReady({ resumed: true });
    if (message.type === 'analysis') this.finished = true;
    if (message.type === 'error' && this.resuming) return this.#resumeFailed(message);
    return this.onMessage(message);
  }

  #connected({ session_id: id, resume_token: token }) {
    clearTimeout(this.deadline);
    const kept = this.memory.load();
    this.resuming = Boolean(kept);
    const resume = kept ? { session_id: kept.id, resume_token: kept.token } : {};
    this.socket.send(JSON.stringify({ type: 'start', ...this.start(), ...resume }));
    if (kept) return;
    this.memory.save({ id, token });
    this.#becomeReady({ resumed: false });
  }

  #becomeReady({ resumed }) {
    this.resuming = false;
    this.ready = true;
    this.attempt = 0;
    this.silent = false;
    this.heart = setInterval(() => this.#beat(), PING_EVERY_MS);
    const forgotten = Boolean(this.forgotten);
    this.forgotten = false;
    this.onChange({ state: 'ready', resumed, forgotten });
  }

  /** The server can't now: try again. It doesn't know the session: a fresh one. */
  #resumeFailed({ message, retryable }) {
    if (retryable) return this.#lost(this.socket, { code: 0, reason: message });
    this.forgotten = true;
    this.memory.save(null);
    return this.open();
  }

  /** A line on which nothing came since the last ping is dead. */
  #beat() {
    if (this.silent) return this.#lost(this.socket, { code: 0, reason: 'no answer' });
    this.silent = true;
    return this.send({ type: 'ping' });
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
    const ms = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.attempt) * (0.75 + Math.random() / 2);
    this.attempt += 1;
    this.waiting = setTimeout(() => this.open(), ms);
    return this.onChange({ state: 'waiting', ms, attempt: this.attempt });
  }

  #end(state, { code, reason }) {
    this.finished = true;
    this.attempt = 0;
    this.onChange({ state, code, reason });
  }
}
