// The line to the gateway: a session, then one socket that is kept alive and opened again. Knows no message.

/** @typedef {import('./protocol.d.ts').ServerFrame} ServerFrame */
/** @typedef {import('./protocol.d.ts').ClientFrame} ClientFrame */
/** @typedef {import('./protocol.d.ts').LinkState} LinkState */
/** @typedef {import('./protocol.d.ts').Session} Session */

const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 15_000;
const PATIENCE_MS = 10_000;

/** An answer that asking again will not change. */
class Refused extends Error {}

export class Connection {
  /** @type {LinkState} */
  state = 'idle';
  #options;
  /** @type {Session | undefined} */
  #session;
  /** @type {WebSocket | undefined} */
  #socket;
  /** Counts the attempts, so that a late answer to an earlier one is recognised. */
  #attempt = 0;
  #failures = 0;
  #openedAt = 0;
  #heartbeat = 30_000;
  #heardAt = 0;
  #pingedAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {{
   *   host: string,
   *   channel: string,
   *   user: import('./protocol.d.ts').User | undefined,
   *   storage: import('./storage.js').Memory,
   *   since: () => number,
   *   onSession: (session: Session) => void,
   *   onFrame: (frame: ServerFrame) => void,
   *   onState: (state: LinkState) => void,
   * }} options
   */
  constructor(options) {
    this.#options = options;
    addEventListener('online', () => this.wake());
    addEventListener('offline', () => this.#socket && this.#lost());
    document.addEventListener('visibilitychange', () => document.hidden || this.wake());
  }

  /** Connects, unless it already does. */
  start() {
    if (this.state === 'idle') this.#connect();
  }

  /** Hangs up until the next `start`. */
  stop() {
    this.#hangUp();
    this.#setState('idle');
  }

  /** Connects again from nothing. */
  restart() {
    this.#hangUp();
    this.#connect();
  }

  /** The network or the visitor is back: connect now, or find out at once whether the line is dead. */
  wake() {
    if (this.state === 'offline') {
      this.#connect();
    } else if (this.state === 'online') {
      this.#ping();
      this.#after(PATIENCE_MS / 2, () => this.#beat());
    }
  }

  /**
   * @param {ClientFrame} frame
   * @returns {boolean} whether it was handed to a socket that the server has welcomed
   */
  send(frame) {
    if (this.state !== 'online' || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  async #connect() {
    const attempt = ++this.#attempt;
    this.#after(0);
    this.#setState('connecting');
    try {
      const session = await this.#ensureSession();
      if (attempt === this.#attempt) this.#open(session.token);
    } catch (problem) {
      if (attempt !== this.#attempt) return;
      if (problem instanceof Refused) this.#setState('refused');
      else this.#lost();
    }
  }

  /** @returns {Promise<Session>} */
  async #ensureSession() {
    if (this.#session && this.#session.expires_at > Date.now() + 60_000) return this.#session;
    const { storage, channel, user } = this.#options;
    const token = storage.get('token');
    const answer = await this.#post('sessions', { channel_id: channel, token, user });
    // A token that is good no more is given up, and the next attempt asks without it.
    const stale = token && answer.status === 401;
    if (stale) storage.remove('token');
    if (!answer.ok) {
      throw !stale && [400, 401, 403, 404].includes(answer.status) ? new Refused() : Error();
    }
    /** @type {Session} */
    const session = await answer.json();
    storage.set('token', session.token);
    this.#session = session;
    this.#options.onSession(session);
    return session;
  }

  /**
   * @param {string} what
   * @param {object} body
   * @param {Record<string, string>} [headers]
   */
  #post(what, body, headers) {
    return fetch(new URL(`/api/widget/${what}`, this.#options.host), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      credentials: 'omit',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  }

  /** Hands the visitor's form in. @param {object} form @param {string} key */
  async hand(form, key) {
    const { token } = await this.#ensureSession();
    return this.#post('leads', { token, ...form }, { 'idempotency-key': key });
  }

  /** @param {string} token */
  #open(token) {
    const url = new URL('/api/widget/socket', this.#options.host);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#openedAt = Date.now();
    this.#after(PATIENCE_MS, () => this.#lost());
    socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', token, since: this.#options.since() }));
    socket.onclose = () => this.#lost();
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
  }

  /** @param {ServerFrame} frame */
  #hear(frame) {
    this.#heardAt = Date.now();
    if (frame.type === 'welcome') {
      this.#heartbeat = Math.max(frame.heartbeat_ms || 0, 1000);
      this.#after(this.#heartbeat, () => this.#beat());
      this.#setState('online');
    }
    if (frame.type !== 'pong') this.#options.onFrame(frame);
    if (frame.type === 'resync') this.restart();
  }

  /** Runs when a heartbeat has passed. Hidden pages' timers run late, so the answer to a ping counts. */
  #beat() {
    const now = Date.now();
    const silent = this.#pingedAt > this.#heardAt;
    if (silent && now - this.#pingedAt >= Math.min(this.#heartbeat, PATIENCE_MS / 2) - 100) return this.#lost();
    if (now - this.#heardAt >= this.#heartbeat) this.#ping();
    this.#after(this.#heartbeat, () => this.#beat());
  }

  #ping() {
    if (this.#pingedAt > this.#heardAt) return;
    this.#pingedAt = Date.now();
    this.send({ type: 'ping' });
  }

  /** The line is gone: wait longer after each failure, with jitter. */
  #lost() {
    const lived = this.state === 'online' && Date.now() - this.#openedAt;
    // A session that never led to a welcome is asked for again: the token may be the reason.
    if (this.state !== 'online') this.#session = undefined;
    this.#hangUp();
    this.#failures = lived && lived > PATIENCE_MS / 2 ? 0 : this.#failures;
    const delay = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures++);
    this.#setState('offline');
    this.#after(delay * (0.5 + Math.random() / 2), () => this.#connect());
  }

  /** Lets the socket go without its goodbye. */
  #hangUp() {
    this.#attempt++;
    this.#after(0);
    this.#pingedAt = this.#heardAt = 0;
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
  }

  /**
   * There is one timer at a time; each state needs only one.
   * @param {number} delay
   * @param {() => void} [action]
   */
  #after(delay, action) {
    clearTimeout(this.#timer);
    this.#timer = action && setTimeout(action, delay);
  }

  /** @param {LinkState} state */
  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.#options.onState(state);
  }
}
