// Draws what one message says.
import { anchor, h, icon, linkify, prose, safeUrl } from './markup.js';

/** @typedef {import('./protocol.d.ts').Message} Message */
/** @typedef {import('./protocol.d.ts').Content} Content */
/** @typedef {import('./protocol.d.ts').Media} Media */
/** @typedef {import('./protocol.d.ts').Button} Button */
/** @typedef {import('./markup.js').Child} Child */

/**
 * @typedef {{
 *   host: string,
 *   strings: import('./strings.js').Strings,
 *   lang: string,
 *   chosen: (message: string) => string | undefined,
 *   choose: (choice: Button, message: string) => void,
 * }} Context what the drawing needs to know; `chosen` is the choice already made from a message
 */

export const FILE = 'M6 3h8l5 5v13H6zM14 3v5h5';

/**
 * @param {Content} content what a visitor said
 * @returns {Node[]}
 */
export const ownNodes = (content) =>
  linkify(content.type === 'text' ? content.text : content.type === 'choice' ? content.title : '');

/**
 * @param {Message} message
 * @param {Context} context
 * @returns {Node[]} the parts of the bubble
 */
export function messageNodes(message, context) {
  if (message.direction === 'inbound') {
    const own = ownNodes(message.content);
    return [...(own.some((node) => node.textContent) ? own : linkify(message.body)), ...files(message, context)];
  }
  const { content } = message;
  const { header, footer } = /** @type {{header?: import('./protocol.d.ts').Header, footer?: string}} */ (content);
  return [
    ...(header ? [headerNode(header, context)] : []),
    ...files(message, context),
    ...prose(textOf(message, context.strings)),
    ...actions(message, context),
    ...(footer ? [h('small', {}, footer)] : []),
    ...sources(message, context),
  ];
}

/**
 * @param {Message} message
 * @param {import('./strings.js').Strings} strings
 * @returns {string}
 */
export function textOf({ content, body, attachments }, strings) {
  const { text, caption } = /** @type {{text?: string, caption?: string}} */ (content);
  return text ?? caption ?? (attachments?.length ? '' : body || strings.unsupported);
}

/**
 * @param {import('./protocol.d.ts').Header} header
 * @param {Context} context
 * @returns {Node}
 */
const headerNode = (header, context) =>
  header.type === 'text' ? h('strong', {}, header.text) : file(header, header.type, context);

/**
 * @param {Message} message
 * @param {Context} context
 * @returns {Node[]}
 */
function actions({ id, content }, context) {
  switch (content.type) {
    case 'buttons':
      return [h('div.options', { role: 'group' }, ...content.buttons.map((button) => option(button, id, context)))];
    case 'list':
      return [
        h(
          'details.list',
          { open: context.chosen(id) !== undefined },
          h('summary', {}, content.button),
          ...content.sections.map(({ title, rows }) =>
            h(
              'div.options',
              { role: 'group', 'aria-label': title },
              title && h('small', {}, title),
              ...rows.map((row) => option(row, id, context, row.description)),
            ),
          ),
        ),
      ];
    case 'link':
      return outward(content.url, content.label, context);
    default:
      return [];
  }
}

/**
 * @param {string} url
 * @param {string} label
 * @param {Context} context
 * @returns {Node[]}
 */
function outward(url, label, { strings }) {
  const href = safeUrl(url);
  return href ? [anchor(href, 'a.option', label, h('span.sr', {}, ` ${strings.newTab}`))] : [];
}

/**
 * @param {Button} button
 * @param {string} message
 * @param {Context} context
 * @param {string} [description]
 */
function option({ id, title }, message, { chosen, choose }, description) {
  const choice = chosen(message);
  return h(
    'button.option',
    {
      disabled: choice !== undefined,
      'aria-pressed': choice === undefined ? undefined : choice === id,
      onclick: () => choose({ id, title }, message),
    },
    title,
    description && h('small', {}, description),
  );
}

/**
 * @param {Message} message
 * @param {Context} context
 * @returns {Node[]}
 */
function files({ attachments, content }, context) {
  return (attachments ?? []).map((media) => file(media, content.type, context));
}

/**
 * @param {Media} media
 * @param {string} kind
 * @param {Context} context
 * @returns {Node}
 */
function file(media, kind, context) {
  const { strings } = context;
  const href = safeUrl(media.url, context.host);
  const name = media.filename || strings.file;
  const mime = media.mime_type ?? '';
  const card = () => {
    const body = [icon(FILE), h('span', {}, name, h('small', {}, size(media.size)))];
    return href ? anchor(href, 'a.file', ...body) : h('span.file', {}, ...body);
  };
  if (!href) return card();
  /** A page whose policy forbids the medium still offers the file. @param {Event} event */
  const onerror = ({ currentTarget }) => {
    const shown = /** @type {HTMLElement} */ (currentTarget);
    (shown.closest('.picture') ?? shown).replaceWith(card());
  };
  if (mime.startsWith('image/') || ((kind === 'image' || kind === 'sticker') && !mime)) {
    const alt = media.caption || name;
    return anchor(href, 'a.picture', h('img', { src: href, alt, loading: 'lazy', onerror }));
  }
  const tag = /^(audio|video)\//.exec(mime)?.[1];
  if (tag) return h(tag, { src: href, controls: true, preload: 'metadata', 'aria-label': name, onerror });
  return card();
}

/** @param {number | undefined} bytes */
const size = (bytes) => (bytes ? `${Math.ceil(bytes / 1e3)} kB` : '');

/**
 * @param {Message} message
 * @param {Context} context
 * @returns {Node[]}
 */
function sources({ sources }, { strings }) {
  if (!sources?.length) return [];
  const rows = sources.map(({ title, url, quote }) => {
    const href = safeUrl(url);
    return h('li', {}, href ? anchor(href, 'a', title || href) : title, quote && h('small', {}, quote));
  });
  return [h('details.sources', {}, h('summary', {}, `${strings.sources} (${rows.length})`), h('ol', {}, ...rows))];
}
