// Draws the list of messages and keeps it up to date without disturbing what the visitor reads.
import { h, icon, prose } from './markup.js';
import { messageNodes, ownNodes } from './messages.js';

/** @typedef {import('./protocol.d.ts').Message} Message */
/** @typedef {import('./protocol.d.ts').Entry} Entry */
/** @typedef {{node: HTMLElement, bubble: HTMLElement, signature: string}} Drawn */

const GROUP_MS = 5 * 60_000;
const NEAR_PX = 60;
const CLOCK = 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3 2';
const TICK = 'm5 12 5 5L20 7';

export class Log {
  /** @type {Map<string, Drawn>} */
  #drawn = new Map();
  #draft = h('div.item.first.fresh');
  #draftText = '\0';
  #sticks = true;
  #conversation;
  #context;
  #onScroll;

  /**
   * @param {import('./conversation.js').Conversation} conversation
   * @param {import('./messages.js').Context & {greeting: string}} context
   * @param {() => void} onScroll
   */
  constructor(conversation, context, onScroll) {
    this.#conversation = conversation;
    this.#context = context;
    this.#onScroll = onScroll;
    const label = context.strings.messages;
    // New messages are announced apart from the log, else a screen reader would read out the whole history.
    this.node = h('div.log', { role: 'log', 'aria-live': 'off', 'aria-label': label, tabIndex: 0 });
    this.node.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.node.addEventListener('load', () => this.#sticks && this.toEnd(), true);
  }

  /** Whether the newest message is in view. */
  get isAtEnd() {
    return this.#sticks;
  }

  toEnd() {
    this.node.scrollTop = this.node.scrollHeight;
    this.#sticks = true;
  }

  draw() {
    const { messages, unsent, draft } = this.#conversation;
    const nodes = [...this.#messageNodes(messages), ...unsent.map((entry) => this.#entryNode(entry))];
    if (draft) nodes.push(this.#draftNode(draft.text));
    else this.#draftText = '\0';
    if (!nodes.length) nodes.push(this.#greeting());
    this.#place(nodes);
    if (this.#sticks) this.toEnd();
  }

  /** @param {Message[]} messages */
  #messageNodes(messages) {
    const nodes = [];
    let day = '';
    for (const [index, message] of messages.entries()) {
      const date = this.#day(message.created_at);
      const first = date !== day || !together(messages[index - 1], message);
      if (date !== day) nodes.push(this.#keep(`day ${date}`, date, () => [], 'div.day', date).node);
      day = date;
      nodes.push(this.#messageNode(message, first, !together(message, messages[index + 1])));
    }
    return nodes;
  }

  /**
   * @param {Message} message
   * @param {boolean} first of its group
   * @param {boolean} last of its group
   */
  #messageNode(message, first, last) {
    const { id, direction, author, content, created_at } = message;
    if (content.type === 'system') return this.#keep(id, '', () => [], 'div.note', content.text).node;
    const mine = direction === 'inbound';
    const signature = JSON.stringify([message, this.#context.chosen(id)]);
    const fill = () => messageNodes(message, this.#context);
    const { node, bubble } = this.#keep(id, signature, fill, 'div.item');
    node.classList.toggle('mine', mine);
    node.classList.toggle('first', first);
    node.replaceChildren(
      ...(first && !mine && author.name ? [h('span.author', {}, author.name)] : []),
      bubble,
      ...(last ? [this.#meta(created_at, mine)] : []),
    );
    return node;
  }

  /** @param {Entry} entry */
  #entryNode({ client_id: id, content, at, error }) {
    const { strings } = this.#context;
    if (!this.#drawn.has(id)) this.#sticks = true;
    const { node, bubble } = this.#keep(id, error ?? '', () => ownNodes(content), 'div.item.mine.first.fresh');
    node.classList.toggle('waiting', !error);
    node.classList.toggle('refused', Boolean(error));
    const retry = () => this.#conversation.retry(id);
    const discard = () => this.#conversation.discard(id);
    // Rebuilding the buttons at each drawing would take the focus from them.
    if (!error || !node.querySelector('.bad')) {
      const refused = h(
        'div.meta.bad',
        { role: 'alert' },
        h('span', { title: error }, strings.failed),
        h('button', { onclick: retry }, strings.retry),
        h('button', { onclick: discard }, strings.discard),
      );
      node.replaceChildren(bubble, error ? refused : this.#meta(at, true, true));
    }
    return node;
  }

  /** @param {string} text */
  #draftNode(text) {
    if (text !== this.#draftText) {
      this.#draftText = text;
      const dots = h('div.dots', { role: 'img', 'aria-label': this.#context.strings.typing }, h('i'), h('i'), h('i'));
      this.#draft.replaceChildren(h('div.bubble', { dir: 'auto' }, ...(text.trim() ? prose(text) : [dots])));
      this.#draft.classList.toggle('draft', Boolean(text.trim()));
    }
    return this.#draft;
  }

  #greeting() {
    const { greeting } = this.#context;
    return this.#keep('greeting', '', () => [], 'div.greeting', h('p', {}, greeting)).node;
  }

  /**
   * @param {number} at
   * @param {boolean} mine
   * @param {boolean} [waiting]
   */
  #meta(at, mine, waiting) {
    const { strings, lang } = this.#context;
    const time = new Intl.DateTimeFormat(lang, { hour: 'numeric', minute: '2-digit' }).format(at);
    const state = waiting ? strings.sending : strings.sent;
    const sign = mine && [icon(waiting ? CLOCK : TICK), h('span.sr', {}, state)];
    return h('div.meta', {}, h('time', { dateTime: new Date(at).toISOString() }, time), ...(sign || []));
  }

  /**
   * @param {string} key
   * @param {string} signature what the bubble was drawn from; it is drawn again only when that changes
   * @param {() => Node[]} fill
   * @param {string} tag
   * @param {...(Node | string)} children
   * @returns {Drawn}
   */
  #keep(key, signature, fill, tag, ...children) {
    const known = this.#drawn.get(key);
    if (known?.signature === signature) return known;
    const drawn = known ?? { node: h(tag, {}, ...children), bubble: h('div.bubble', { dir: 'auto' }), signature };
    drawn.signature = signature;
    drawn.bubble.replaceChildren(...fill());
    this.#drawn.set(key, drawn);
    return drawn;
  }

  /** Moves only what is out of place: a node that stays keeps its focus and its open details. @param {Node[]} nodes */
  #place(nodes) {
    const wanted = new Set(nodes);
    for (const [key, { node }] of this.#drawn) if (!wanted.has(node)) this.#drawn.delete(key);
    for (const node of [...this.node.childNodes]) if (!wanted.has(node)) node.remove();
    for (const [index, node] of nodes.entries()) {
      const there = this.node.childNodes[index] ?? null;
      if (there !== node) this.node.insertBefore(node, there);
    }
  }

  /** @param {number} at */
  #day(at) {
    const { strings, lang } = this.#context;
    const start = new Date().setHours(0, 0, 0, 0);
    if (at >= start) return strings.today;
    if (at >= start - 86_400_000) return strings.yesterday;
    return new Intl.DateTimeFormat(lang, { weekday: 'long', day: 'numeric', month: 'long' }).format(at);
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.node;
    this.#sticks = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    this.#onScroll();
  }
}

/**
 * @param {Message | undefined} a
 * @param {Message | undefined} b
 */
const together = (a, b) =>
  a?.direction === b?.direction &&
  a?.author.name === b?.author.name &&
  Math.abs((a?.created_at ?? 0) - (b?.created_at ?? 0)) < GROUP_MS;
