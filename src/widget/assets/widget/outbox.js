// Messages typed but not yet acknowledged. Each is written down before it is sent, under a key of its own,
// so that two tabs never overwrite each other's.
import { uuid } from './storage.js';

/** @typedef {import('./protocol.d.ts').Entry} Entry */
/** @typedef {import('./protocol.d.ts').Content} Content */

const KEY = 'out:';

export class Outbox {
  #storage;
  #tab = uuid();
  /** @type {(() => void) | undefined} */
  #release;

  /** @param {import('./storage.js').Memory} storage */
  constructor(storage) {
    this.#storage = storage;
  }

  /** @returns {Entry[]} all tabs' entries in the order of typing */
  entries() {
    return this.#storage
      .keys(KEY)
      .map((key) => this.#storage.get(key))
      .filter((entry) => entry?.client_id && entry.content)
      .sort((a, b) => a.at - b.at);
  }

  /** @returns {Entry[]} what this tab has to send */
  mine() {
    return this.entries().filter((entry) => entry.tab === this.#tab && !entry.error);
  }

  /**
   * @param {Content} content
   * @param {string} [replyTo]
   * @returns {Entry}
   */
  add(content, replyTo) {
    const last = this.entries().at(-1)?.at ?? 0;
    /** @type {Entry} */
    const entry = { client_id: uuid(), content, at: Math.max(Date.now(), last + 1), tab: this.#tab };
    if (replyTo) entry.reply_to = replyTo;
    this.#put(entry);
    return entry;
  }

  /** @param {string} id */
  remove(id) {
    this.#storage.remove(KEY + id);
  }

  /**
   * @param {string} id
   * @param {string} reason
   */
  refuse(id, reason) {
    const entry = this.#storage.get(KEY + id);
    if (entry) this.#put({ ...entry, error: reason });
  }

  /**
   * Makes a refused entry this tab's to send again, under the same id: a refused message was never stored.
   * @param {string} id
   * @returns {Entry | undefined}
   */
  retry(id) {
    const { error: _, ...entry } = this.#storage.get(KEY + id) ?? {};
    if (!entry.client_id) return undefined;
    this.#put({ ...entry, tab: this.#tab });
    return { ...entry, tab: this.#tab };
  }

  /** Says that this tab lives, for as long as it does. */
  hold() {
    if (this.#release || !navigator.locks) return;
    const gone = new Promise((resolve) => (this.#release = () => resolve(undefined)));
    navigator.locks.request(lock(this.#tab), () => gone).catch(() => {});
  }

  /** Lets another tab take over; a held lock would also keep the page out of the back/forward cache. */
  release() {
    this.#release?.();
    this.#release = undefined;
  }

  /**
   * Takes over the entries of tabs that are gone. Where locks are missing every tab sends everything, which
   * is harmless: the server knows a client id again.
   * @param {(entry: Entry) => void} send
   */
  async adopt(send) {
    for (const { client_id: id, tab, error } of this.entries()) {
      if (error || tab === this.#tab) continue;
      const take = () => {
        const entry = this.#storage.get(KEY + id);
        if (entry?.tab !== tab) return;
        this.#put({ ...entry, tab: this.#tab });
        send(entry);
      };
      if (!navigator.locks) take();
      else await navigator.locks.request(lock(tab), { ifAvailable: true }, (free) => free && take()).catch(take);
    }
  }

  /** @param {Entry} entry */
  #put(entry) {
    this.#storage.set(KEY + entry.client_id, entry);
  }
}

/** @param {string} tab */
const lock = (tab) => `switchboard-tab-${tab}`;
