// Small DOM and HTTP tools of the phone page. Text always goes in as text, never as markup.

/**
 * Makes an element. `props` sets properties, `class`, `data-*`/`aria-*` attributes and `on…` listeners.
 * @param {string} name
 * @param {Record<string, any>} [props]
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function el(name, props = {}, ...children) {
  const node = document.createElement(name);
  // Which properties there are depends on the name of the element.
  const properties = /** @type {Record<string, any>} */ (/** @type {unknown} */ (node));
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.className = value;
    else if (key.includes("-") || key === "role" || key === "for") node.setAttribute(key, value);
    else properties[key] = value;
  }
  for (const child of children) if (child || child === 0) node.append(/** @type {Node|string} */ (child));
  return node;
}

/** An element of the page, which has every id asked for; its kind goes by the id. @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/**
 * Calls the control API; throws the reason it gives.
 * @param {string} method @param {string} path @param {any} [body]
 */
export async function api(method, path, body) {
  const file = body instanceof Blob;
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": file ? body.type || "application/octet-stream" : "application/json" },
    body: body === undefined ? undefined : file ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  const data = text && answer.headers.get("Content-Type")?.startsWith("application/json") ? JSON.parse(text) : text;
  if (!answer.ok) throw new Error(data?.error || `${method} ${path}: ${answer.status}`);
  return data;
}

/** Only addresses that a browser may open safely. @param {string} url */
export function safeUrl(url) {
  try {
    const parsed = new URL(url);
    return ["http:", "https:"].includes(parsed.protocol) ? parsed.href : null;
  } catch {
    return null;
  }
}

/** @param {number} ms */
export const clockTime = (ms) => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

/** Shows a passing note at the bottom. @param {string} text */
export function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (box.hidden = true), 5000);
}
toast.timer = 0;
