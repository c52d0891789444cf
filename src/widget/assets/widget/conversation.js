// The conversation as this visitor knows it: what the server said, what is still to be sent, what is being written.
// Draws nothing.
import { Connection } from './connection.js';
import { Outbox } from './outbox.js';
import { Memory } from './storage.js';

/** @typedef {import('./protocol.d.ts').Message} Message */
/** @typedef {import('./protocol.d.ts').Content} Content */
/** @typedef {import('./protocol.d.ts').ServerFrame} ServerFrame */

const TYPING_EVERY_MS = 3000;

export class Conversation {
  /** @type {Map<string, Message>} */
  #messages = new Map();
  /**
   * The piece of an answer that has arrived, null when nobody is writing.
   * @type {{turn: string, text: string} | null}
   */
  draft = null;
  agent = '';
  /** @type {import('./protocol.d.ts').Session | undefined} */
  session;
  /** What went wrong last and belongs to no message. */
  notice = '';
  /** The line broke and is not back yet. */
  troubled = false;
  #lastSeq = 0;
  /** Messages up to here were there before this page was; they are not announced. @type {number | undefined} */
  #quietUntil;
  /** @type {string | null} */
  #id = null;
  /** @type {string | null} */
  #visitor = null;
  #typedAt = 0;
  #local;
  #cache;
  #outbox;
  #connection;
  #onChange;
  #onArrival;

  /**
   * @param {{host: string, channel: string, user: import('./protocol.d.ts').User | undefined}} options
   * @param {() => void} onChange something to draw has changed
   * @param {(message: Message) => void} onArrival a new message to the visitor
   */
  constructor({ host, channel, user }, onChange, onArrival) {
    const prefix = `switchboard:${new URL(host).host}:${channel}:`;
    this.#local = new Memory(() => localStorage, prefix);
    this.#cache = new Memory(() => sessionStorage, prefix);
    // The token of a user who is not signed in here any more is nobody else's.
    if ((this.#local.get('user') ?? user?.id) !== user?.id) this.#local.remove('token');
    this.#local.set('user', user?.id ?? null);
    this.#outbox = new Outbox(this.#local);
    this.#onChange = onChange;
    this.#onArrival = onArrival;
    this.#connection = new Connection({
      host,
      channel,
      user,
      storage: this.#local,
      since: () => this.#lastSeq,
      onSession: (session) => this.#meet(session),
      onFrame: (frame) => this.#take(frame),
      onState: (state) => {
        // What was being written comes as a message after the next welcome.
        if (state === 'offline') this.draft = null;
        this.troubled = state === 'offline' || (this.troubled && state === 'connecting');
        onChange();
      },
    });
    addEventListener('storage', onChange);
    addEventListener('pagehide', () => this.#suspend());
    addEventListener('pageshow', ({ persisted }) => persisted && this.isKnown && this.start());
  }

  /** Whether this visitor has been here before. */
  get isKnown() {
    return this.#local.get('token') !== null;
  }

  get state() {
    return this.#connection.state;
  }

  /** The messages in their order. */
  get messages() {
    return [...this.#messages.values()].sort((a, b) => a.seq - b.seq);
  }

  /** What waits to be acknowledged, in the order of typing. */
  get unsent() {
    return this.#outbox.entries();
  }

  get unread() {
    const seen = this.#local.get('seen') ?? 0;
    return this.messages.filter(({ direction, seq }) => direction === 'outbound' && seq > seen).length;
  }

  /** Whether the panel was left open on the page before. */
  get wasOpen() {
    return this.#cache.get('open');
  }

  /** @param {boolean} open */
  set wasOpen(open) {
    this.#cache.set('open', open);
  }

  /** What was typed and not sent on the page before. */
  get written() {
    return this.#cache.get('written') ?? '';
  }

  /** @param {string} text */
  set written(text) {
    this.#cache.set('written', text);
  }

  /**
   * @param {string} id of a message that offers a choice
   * @returns {string | undefined} the id of what was picked, sent or not
   */
  chosen(id) {
    const all = [...this.#messages.values(), ...this.unsent];
    const pick = all.find(({ reply_to, content }) => reply_to === id && content.type === 'choice')?.content;
    return pick?.type === 'choice' ? pick.id : undefined;
  }

  start() {
    this.#outbox.hold();
    this.#connection.start();
  }

  /**
   * @param {Content} content
   * @param {string} [replyTo]
   */
  say(content, replyTo) {
    this.notice = '';
    this.#typedAt = 0;
    this.start();
    this.#post(this.#outbox.add(content, replyTo));
    this.#onChange();
  }

  /** @param {string} id the client id of a refused message */
  retry(id) {
    const entry = this.#outbox.retry(id);
    if (entry) this.#post(entry);
    this.#onChange();
  }

  /** @param {string} id the client id of a refused message */
  discard(id) {
    this.#outbox.remove(id);
    this.#onChange();
  }

  /** Hands the visitor's form in. @param {object} form @param {string} key */
  hand = (form, key) => this.#connection.hand(form, key);

  typing() {
    if (Date.now() - this.#typedAt < TYPING_EVERY_MS) return;
    if (this.#connection.send({ type: 'typing' })) this.#typedAt = Date.now();
  }

  /** The visitor has all messages before their eyes. */
  see() {
    if (this.unread && this.#connection.send({ type: 'seen', seq: this.#lastSeq })) {
      this.#local.set('seen', this.#lastSeq);
      this.#onChange();
    }
  }

  /** @param {import('./protocol.d.ts').Session} session */
  #meet(session) {
    this.session = session;
    this.agent = session.agent.name;
    if (this.#visitor && this.#visitor !== session.visitor_id) this.#forget(true);
    this.#visitor = session.visitor_id;
    this.#onChange();
  }

  /** @param {ServerFrame} frame */
  #take(frame) {
    switch (frame.type) {
      case 'welcome':
        this.#welcome(frame);
        break;
      case 'message':
        this.#receive(frame.message, frame.client_id);
        break;
      case 'turn':
        if (frame.state === 'started') this.draft = { turn: frame.turn, text: '' };
        else if (this.draft?.turn === frame.turn) this.draft = null;
        break;
      case 'delta':
        if (this.draft?.turn === frame.turn) this.draft.text += frame.text;
        else this.draft = { turn: frame.turn, text: frame.text };
        break;
      case 'status': {
        const message = this.#messages.get(frame.id);
        if (message) this.#messages.set(frame.id, { ...message, status: frame.status });
        break;
      }
      case 'error':
        if (frame.client_id) this.#outbox.refuse(frame.client_id, frame.message);
        else this.notice = frame.message;
        break;
      case 'resync':
        this.#forget(false);
    }
    this.#onChange();
  }

  /** @param {Extract<ServerFrame, {type: 'welcome'}>} frame */
  #welcome(frame) {
    this.agent = frame.agent.name;
    this.notice = '';
    this.draft = null;
    const another = this.#id && frame.conversation_id && this.#id !== frame.conversation_id;
    if (this.#lastSeq && (another || frame.last_seq < this.#lastSeq)) {
      this.#forget(true);
      this.#connection.restart();
      return;
    }
    this.#id = frame.conversation_id ?? this.#id;
    this.#quietUntil ??= frame.last_seq;
    for (const entry of this.#outbox.mine()) this.#post(entry);
    this.#outbox.adopt((entry) => this.#post(entry)).then(this.#onChange);
  }

  /**
   * @param {Message} message
   * @param {string} [clientId]
   */
  #receive(message, clientId) {
    const isNew = !this.#messages.has(message.id);
    this.#messages.set(message.id, message);
    this.#lastSeq = Math.max(this.#lastSeq, message.seq);
    if (clientId) this.#outbox.remove(clientId);
    if (message.direction !== 'outbound') return;
    this.draft = null;
    if (isNew && message.seq > (this.#quietUntil ?? 0)) this.#onArrival(message);
  }

  /** @param {import('./protocol.d.ts').Entry} entry */
  #post({ client_id, content, reply_to }) {
    this.#connection.send({ type: 'send', client_id, content, ...(reply_to && { reply_to }) });
  }

  /** @param {boolean} seen whether what was seen is forgotten as well, because it was another conversation */
  #forget(seen) {
    this.#messages.clear();
    this.#lastSeq = 0;
    this.#id = null;
    this.draft = null;
    if (seen) this.#local.remove('seen');
  }

  #suspend() {
    this.#connection.stop();
    this.#outbox.release();
  }
}
