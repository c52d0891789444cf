// What the widget remembers in the browser; where the browser forbids that, it remembers until the page goes.

/** JSON values under one prefix of a web storage. */
export class Memory {
  /** @type {Record<string, string>} */
  #fallback = {};
  /** @type {Record<string, string>} */
  #area = this.#fallback;
  #prefix;

  /**
   * @param {() => globalThis.Storage} area throws where it is blocked
   * @param {string} prefix
   */
  constructor(area, prefix) {
    this.#prefix = prefix;
    try {
      // A storage is used as the plain object that it also is, so that the fallback needs no second way.
      this.#area = /** @type {any} */ (area());
    } catch {
      // Blocked: what is remembered goes with the page.
    }
  }

  /**
   * @param {string} key
   * @returns {any} the value, or null when there is none or it cannot be read
   */
  get(key) {
    const name = this.#prefix + key;
    try {
      return JSON.parse(this.#fallback[name] ?? this.#area[name] ?? 'null');
    } catch {
      return null;
    }
  }

  /**
   * @param {string} key
   * @param {unknown} value
   */
  set(key, value) {
    const name = this.#prefix + key;
    const text = JSON.stringify(value);
    try {
      this.#area[name] = text;
      if (this.#area !== this.#fallback) delete this.#fallback[name];
    } catch {
      // Full.
      this.#fallback[name] = text;
    }
  }

  /** @param {string} key */
  remove(key) {
    delete this.#fallback[this.#prefix + key];
    delete this.#area[this.#prefix + key];
  }

  /**
   * @param {string} start
   * @returns {string[]} the keys that begin with `start`, without the prefix
   */
  keys(start) {
    return Object.keys({ ...this.#area, ...this.#fallback })
      .filter((name) => name.startsWith(this.#prefix + start))
      .map((name) => name.slice(this.#prefix.length));
  }
}

/** @returns {string} a UUID, or on pages without TLS, where that is missing, what this visitor has never used */
export const uuid = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`.replace('.', '');
