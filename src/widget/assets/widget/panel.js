// The window around the conversation: launcher, header, log and composer; opening, closing, focus and keys.
import { Conversation } from './conversation.js';
import { Log } from './log.js';
import { h, icon } from './markup.js';
import { textOf } from './messages.js';

/** @typedef {import('./protocol.d.ts').Options} Options */

/** A visitor's message is at most this long, which keeps its frame far below the 64 KiB of the wire. */
const LONGEST = 8000;
const BUBBLE = 'M21 11.5a8.4 8.4 0 0 1-9 8.4 9.6 9.6 0 0 1-3.6-.7L3 21l1.9-4.6A8 8 0 0 1 3 11.5C3 6.9 7 3.1 12 3.1s9 3.8 9 8.4z';
const DOWN = 'm6 9 6 6 6-6';
const PLANE = 'M12 19V5M5.5 11.5 12 5l6.5 6.5';
const FULL_SCREEN = '(max-width: 520px), (max-height: 480px)';

export class Panel {
  isOpen = false;
  #root;
  #options;
  #strings;
  #conversation;
  #log;
  #fullScreen = matchMedia(FULL_SCREEN);
  #drawing = 0;
  #hasForm = false;
  #parts;

  /**
   * @param {ShadowRoot} root
   * @param {Options} options
   * @param {import('./strings.js').Strings} strings
   */
  constructor(root, options, strings) {
    this.#root = root;
    this.#options = options;
    this.#strings = strings;
    this.#conversation = new Conversation(
      options,
      () => this.#later(),
      (message) => this.#announce(message),
    );
    const conversation = this.#conversation;
    const context = {
      host: options.host,
      lang: options.lang,
      strings,
      greeting: options.greeting || strings.greeting,
      chosen: conversation.chosen.bind(conversation),
      /** @type {import('./messages.js').Context['choose']} */
      choose: ({ id, title }, message) => conversation.say({ type: 'choice', id, title }, message),
    };
    this.#log = new Log(conversation, context, () => this.#later());
    this.#parts = this.#build();
    this.#listen();
    const { page, open, prefill } = options;
    this.#parts.input.value = prefill || conversation.written;
    if (page) this.open();
    else if (conversation.wasOpen ?? (open && !this.#fullScreen.matches)) this.open(false);
    else if (conversation.isKnown) conversation.start();
    this.#draw();
  }

  /** @param {boolean} [focus] whether the visitor asked for it */
  open(focus = true) {
    const { panel, input } = this.#parts;
    this.isOpen = true;
    panel.hidden = false;
    this.#conversation.wasOpen = true;
    this.#conversation.start();
    this.#draw();
    this.#grow();
    this.#log.toEnd();
    // On a phone the focus would bring up the keyboard over the messages.
    if (focus) (matchMedia('(pointer: coarse)').matches ? panel : input).focus({ preventScroll: true });
  }

  close() {
    if (this.#options.page) return;
    const { panel, launcher } = this.#parts;
    const hadFocus = panel.contains(this.#root.activeElement);
    this.isOpen = false;
    panel.hidden = true;
    this.#conversation.wasOpen = false;
    this.#draw();
    if (hadFocus) launcher.focus();
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  #build() {
    const strings = this.#strings;
    const { page } = this.#options;
    const badge = h('span.badge', { hidden: true, 'aria-hidden': 'true' });
    const face = h('span');
    const launcher = h(
      'button.launcher',
      { hidden: page, 'aria-controls': 'panel', onclick: () => this.toggle() },
      face,
      badge,
    );
    const avatar = h('div.avatar', { 'aria-hidden': 'true' });
    const name = h('h2', { id: 'name' });
    const status = h('p');
    const shut = h(
      'button.round',
      { hidden: page, 'aria-label': strings.close, onclick: () => this.close() },
      icon(DOWN),
    );
    const newer = h('button.newer', { hidden: true, onclick: () => this.#log.toEnd() }, `↓ ${strings.newer}`);
    const banner = h('div.banner', { role: 'status', hidden: true });
    const input = /** @type {HTMLTextAreaElement} */ (
      h('textarea', {
        rows: 1,
        maxLength: LONGEST,
        placeholder: strings.write,
        'aria-label': strings.write,
        enterKeyHint: 'send',
        dir: 'auto',
      })
    );
    const send = /** @type {HTMLButtonElement} */ (
      h('button.round.send', { type: 'submit', 'aria-label': strings.send }, icon(PLANE))
    );
    const form = h('form', { noValidate: true }, h('div.field', {}, input), send);
    const live = h('div.sr', { role: 'status', 'aria-live': 'polite' });
    const panel = h(
      'section.panel',
      { id: 'panel', role: page ? 'main' : 'dialog', 'aria-labelledby': 'name', tabIndex: -1, hidden: true },
      h('header', {}, avatar, h('div.who', {}, name, status), shut),
      this.#log.node,
      newer,
      banner,
      form,
    );
    this.#root.append(panel, launcher, live);
    return { badge, face, launcher, avatar, name, status, newer, banner, input, send, form, live, panel };
  }

  #listen() {
    const { input, form, panel } = this.#parts;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    input.addEventListener('input', () => {
      this.#grow();
      this.#conversation.written = input.value;
      if (input.value) this.#conversation.typing();
      this.#later();
    });
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.close();
      if (event.key === 'Tab' && this.#isModal) this.#keepFocus(event);
      // The page must not take what is typed here for its own shortcuts.
      event.stopPropagation();
    });
    document.addEventListener('visibilitychange', () => this.#later());
    this.#fullScreen.addEventListener('change', () => this.#draw());
    window.visualViewport?.addEventListener('resize', () => this.#fitKeyboard());
  }

  get #isModal() {
    return this.#fullScreen.matches && !this.#options.page;
  }

  #submit() {
    const { input } = this.#parts;
    const text = input.value.trim();
    if (!text || this.#conversation.state === 'refused') return;
    input.value = '';
    this.#conversation.written = '';
    this.#grow();
    this.#conversation.say({ type: 'text', text });
    input.focus({ preventScroll: true });
  }

  #grow() {
    const { style } = this.#parts.input;
    style.height = '';
    style.height = `${Math.max(44, this.#parts.input.scrollHeight)}px`;
  }

  /** Phones lay the keyboard over the page; the panel shrinks so that the composer stays in sight. */
  #fitKeyboard() {
    const height = window.visualViewport?.height ?? innerHeight;
    const covered = this.#fullScreen.matches && innerHeight - height > 80;
    this.#parts.panel.style.height = covered ? `${height}px` : '';
    if (this.#log.isAtEnd) this.#log.toEnd();
  }

  /** @param {KeyboardEvent} event */
  #keepFocus(event) {
    const wanted = 'a[href], input, button:not(:disabled), textarea:not(:disabled), summary, audio, video, [tabindex="0"]';
    /** @type {HTMLElement[]} */
    const all = [...this.#parts.panel.querySelectorAll(/** @type {'a'} */ (wanted))].filter((node) => node.offsetParent);
    const [from, to] = event.shiftKey ? [all[0], all.at(-1)] : [all.at(-1), all[0]];
    const { activeElement } = this.#root;
    if (activeElement !== from && activeElement !== this.#parts.panel) return;
    if (activeElement === this.#parts.panel && !event.shiftKey) return;
    event.preventDefault();
    to?.focus();
  }

  /** Several changes are drawn once. A hidden page draws too, else its badge would be late. */
  #later() {
    this.#drawing ||= window.setTimeout(() => this.#draw(), 16);
  }

  #draw() {
    this.#drawing = 0;
    const conversation = this.#conversation;
    const { state, troubled, notice } = conversation;
    const strings = this.#strings;
    const { avatar, name, status, banner, input, send, newer, panel } = this.#parts;
    const title = this.#options.title || conversation.agent || 'Chat';
    name.textContent = title;
    avatar.textContent = [...title][0]?.toUpperCase() ?? '';
    status.textContent = state === 'online' ? strings.online : state === 'refused' ? '' : strings.connecting;
    status.dataset.state = state;
    const trouble = state === 'refused' ? strings.refused : troubled ? strings.offline : notice;
    banner.hidden = !trouble;
    if (banner.textContent !== trouble) banner.textContent = trouble;
    input.disabled = state === 'refused';
    send.disabled = input.disabled || !input.value.trim();
    panel.setAttribute('aria-modal', String(this.#isModal));
    if (this.isOpen) this.#log.draw();
    if (this.isOpen && !document.hidden && this.#log.isAtEnd) conversation.see();
    const { unread } = conversation;
    newer.hidden = this.#log.isAtEnd || !unread;
    this.#drawLauncher(unread);
    if (this.isOpen && !this.#hasForm && conversation.session) this.#addForm(conversation.session);
  }

  /** The form is a file of its own, for those who want it. @param {import('./protocol.d.ts').Session} session */
  async #addForm({ lead_form, conversation_id }) {
    this.#hasForm = true;
    if (lead_form === 'off') return;
    const { host, lang } = this.#options;
    const { addLeadForm } = await import(`${host}/widget-lead.js`);
    addLeadForm(this.#root, lang, lead_form === 'before' && !conversation_id, h, icon, this.#conversation.hand);
  }

  /** @param {number} unread */
  #drawLauncher(unread) {
    const { launcher, face, badge } = this.#parts;
    const strings = this.#strings;
    const label = this.isOpen ? strings.close : unread ? `${strings.open}, ${strings.newer}: ${unread}` : strings.open;
    if (launcher.getAttribute('aria-label') !== label) {
      launcher.setAttribute('aria-label', label);
      face.replaceChildren(icon(this.isOpen ? DOWN : BUBBLE));
    }
    launcher.setAttribute('aria-expanded', String(this.isOpen));
    badge.hidden = this.isOpen || !unread;
    badge.textContent = unread > 99 ? '99+' : String(unread);
  }

  /** @param {import('./protocol.d.ts').Message} message */
  #announce(message) {
    const name = message.author.name || this.#conversation.agent;
    this.#parts.live.textContent = `${name}: ${textOf(message, this.#strings)}`;
  }
}
