// The chat of one channel on any page:
// <script type="module" src="https://HOST/widget.js" data-channel="CHANNEL_ID"></script>
// See docs/widget-protocol.md. Only this file reads the page's settings.
import { Panel } from './widget/panel.js';
import { strings } from './widget/strings.js';
import { dress, tint } from './widget/styles.js';

const NAME = 'switchboard-chat';

/** The chat as an element; takes the same data attributes as the script tag. */
export class SwitchboardChat extends HTMLElement {
  /** @type {Panel | undefined} */
  #panel;

  connectedCallback() {
    const { channel, color, lang: wish, mode, open, title = '', greeting = '', host, userId: id, userHash: hash } =
      this.dataset;
    if (this.#panel || !channel) return;
    const { lang, strings: texts } = strings([wish, document.documentElement.lang, ...navigator.languages]);
    const root = this.attachShadow({ mode: 'open' });
    dress(root);
    tint(this, color);
    this.lang = lang;
    const page = mode === 'page';
    this.#panel = new Panel(
      root,
      {
        host: new URL(host ?? '/', import.meta.url).origin,
        channel,
        title,
        greeting,
        lang,
        page,
        user: id ? { id, hash } : undefined,
        open: open !== undefined && open !== 'false',
        prefill: (page && new URLSearchParams(location.search).get('text')) || '',
      },
      texts,
    );
  }

  /** Opens the chat and puts the focus into it. */
  open() {
    this.#panel?.open();
  }

  /** Closes the chat. */
  close() {
    this.#panel?.close();
  }

  /** Opens the closed chat, closes the open one. */
  toggle() {
    this.#panel?.toggle();
  }
}

/** A module does not know its own script tag, so every one that names this file is served, once. */
function mount() {
  for (const script of document.querySelectorAll('script')) {
    if (!script.dataset.channel || script.src !== import.meta.url) continue;
    const element = document.createElement(NAME);
    Object.assign(element.dataset, script.dataset);
    document.body.append(element);
  }
}

if (!customElements.get(NAME)) {
  customElements.define(NAME, SwitchboardChat);
  if (document.body) mount();
  else addEventListener('DOMContentLoaded', mount, { once: true });
}
