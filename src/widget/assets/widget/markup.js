// Makes DOM nodes from data. Text only ever becomes a text node; an address becomes a link only if it is http(s).

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * @param {string} tag a tag with classes: `div.bubble.mine`
 * @param {Record<string, unknown>} [props] properties, attributes (`aria-…`, `role`, …) and listeners (`onclick`)
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const [name = 'div', ...classes] = tag.split('.');
  const node = document.createElement(name);
  node.classList.add(...classes);
  // Without a type a button would submit its form.
  if (node instanceof HTMLButtonElement) node.type = 'button';
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
    else if (key in node) Reflect.set(node, key, value);
    else node.setAttribute(key, String(value));
  }
  node.append(...children.filter(isChild));
  return node;
}

/**
 * @param {Child} child
 * @returns {child is Node | string}
 */
const isChild = (child) => child instanceof Node || (typeof child === 'string' && child !== '');

/**
 * @param {string} path the `d` of one path in a box of 24
 * @returns {SVGElement} an icon in the colour of the text, hidden from screen readers
 */
export function icon(path) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(space, 'path');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

/**
 * @param {unknown} address
 * @param {string} [base]
 * @returns {string | null} the absolute address, or null unless it is http(s)
 */
export function safeUrl(address, base) {
  if (typeof address !== 'string' || !address) return null;
  try {
    const url = new URL(address, base);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} href an address that `safeUrl` gave
 * @param {string} tag `a` with classes
 * @param {...Child} children
 */
export const anchor = (href, tag, ...children) =>
  h(tag, { href, target: '_blank', rel: 'noopener noreferrer' }, ...children);

const URL_END = /[.,;:!?'"»”’*]+$/;

/**
 * @param {string} text
 * @returns {Node[]} the text with its addresses as links
 */
export function linkify(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>"]+/gi)) {
    let address = match[0].replace(URL_END, '');
    // A closing bracket belongs to the sentence unless the address opened it.
    while (address.endsWith(')') && address.split(')').length > address.split('(').length) {
      address = address.slice(0, -1).replace(URL_END, '');
    }
    const href = safeUrl(address);
    if (!href) continue;
    nodes.push(document.createTextNode(text.slice(from, match.index)), anchor(href, 'a', address));
    from = match.index + address.length;
  }
  nodes.push(document.createTextNode(text.slice(from)));
  return nodes;
}

// The lengths are bounded so that a hostile text cannot make the search slow.
const INLINE = new RegExp(
  [
    '`([^`\\n]{1,999})`',
    '\\*\\*(?=\\S)([^\\n]{1,999}?)(?<=\\S)\\*\\*(?!\\*)',
    '(?<![\\w*])\\*(?=[^\\s*])([^*\\n]{0,999}[^\\s*])\\*(?![\\w*])',
    '\\[([^\\]\\n]{1,300})\\]\\((https?://[^\\s()]{1,2000})\\)',
  ].join('|'),
  'gi',
);

/**
 * @param {string} text
 * @returns {Node[]} with `code`, **bold**, *italic* and [named](https://…) links
 */
function inline(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, bold, italic, label, address] = match;
    const href = safeUrl(address);
    nodes.push(...linkify(text.slice(from, match.index)));
    from = match.index + whole.length;
    if (code) nodes.push(h('code', {}, code));
    else if (bold) nodes.push(h('strong', {}, ...inline(bold)));
    else if (italic) nodes.push(h('em', {}, ...linkify(italic)));
    else if (href) nodes.push(anchor(href, 'a', label));
    else nodes.push(document.createTextNode(whole));
  }
  return [...nodes, ...linkify(text.slice(from))];
}

/**
 * The few marks that models write: paragraphs, lists, headings, code. Anything else stays as it was written.
 * @param {string} text
 * @returns {Node[]}
 */
export function prose(text) {
  /** @type {HTMLElement[]} */
  const blocks = [];
  let open = '';
  /** @param {string} tag */
  const into = (tag) => {
    if (open !== tag) blocks.push(h((open = tag)));
    return /** @type {HTMLElement} */ (blocks.at(-1));
  };
  for (const line of text.split('\n')) {
    const item = /^\s*(?:[-*•]|(\d{1,3})[.)])\s+(.*)/.exec(line);
    const heading = /^#{1,6}\s+(.*)/.exec(line);
    if (line.startsWith('```')) {
      if (open === 'pre') open = '';
      else into('pre');
    } else if (open === 'pre') {
      into('pre').append(`${line}\n`);
    } else if (item) {
      const list = into(item[1] ? 'ol' : 'ul');
      list.append(h('li', item[1] ? { value: Number(item[1]) } : {}, ...inline(item[2] ?? '')));
    } else if (heading) {
      open = '';
      blocks.push(h('p', {}, h('strong', {}, ...inline(heading[1] ?? ''))));
    } else if (line.trim()) {
      const paragraph = into('p');
      if (paragraph.hasChildNodes()) paragraph.append(h('br'));
      paragraph.append(...inline(line));
    } else {
      open = '';
    }
  }
  return blocks;
}
