// The phone: keeps what has happened, shows one chat, writes as its customer. Lives on the stream of events.
import { bubble, summary } from "./bubbles.js";
import { abilities, amends, fileMessage, lineOf, lines, quoted } from "./channels.js";
import { api, byId, clockTime, el, toast } from "./dom.js";
import { showClock, showConnection, showFaults, startPanel } from "./panel.js";

/** @typedef {import("./protocol.d.ts").Message} Message */
/** @typedef {import("./protocol.d.ts").Customer} Customer */
/** @typedef {import("./protocol.d.ts").Actions} Actions */
/** @typedef {import("./protocol.d.ts").Events} Events */
/** @typedef {import("./protocol.d.ts").VendorObject} VendorObject */

/** @type {import("./protocol.d.ts").State} */
const state = {
  accounts: new Map(), customers: new Map(), messages: new Map(), threads: new Map(),
  lines: new Map(), line: "", customer: "", quoting: null, typing: 0, offset: 0, closes: undefined, delivery: null, unread: new Map(),
};
const line = () => state.lines.get(state.line);
/** @param {import("./protocol.d.ts").Line} to */
const way = (to) => `/sim/${to.channel}/${encodeURIComponent(to.account)}`;
const account = () => state.accounts.get(line()?.account ?? "");
/** @param {string} line @param {string} customer */
const threadKey = (line, customer) => `${line}/${customer}`;
const thread = () => state.threads.get(threadKey(state.line, state.customer)) ?? [];
/**
 * Shows why it failed.
 * @template {unknown[]} A
 * @template R
 * @param {(...args: A) => R | Promise<R>} work
 * @returns {(...args: A) => Promise<R|undefined>}
 */
const guard = (work) => async (...args) => {
  try { return await work(...args); } catch (error) { return void toast(/** @type {Error} */ (error).message); }
};

/** Adds a message to its thread. @param {Message} message @param {string} line @param {string} customer */
function add(message, line, customer) {
  const key = threadKey(line, customer);
  if (!state.threads.has(key)) state.threads.set(key, []);
  state.threads.get(key)?.push(message);
  state.messages.set(message.id, message);
  if (message.direction === "out" && (customer !== state.customer || line !== state.line)) {
    state.unread.set(key, (state.unread.get(key) ?? 0) + 1);
  }
}

const RANK = { accepted: 0, sent: 1, delivered: 2, read: 3, failed: 4 };

/** What each event changes. @type {{[Name in keyof Events]: (event: Events[Name]) => void}} */
const on = {
  outbound(e) {
    const customer = /** @type {string} */ (e.customer ?? e.to ?? e.recipient);
    if (!e.customer && !state.customers.has(customer)) {
      state.customers.set(customer, { id: customer, name: customer, wa_id: e.to, user_id: e.recipient });
    }
    if (e.channel === "whatsapp" && e.type === "reaction") {
      const target = state.messages.get(e.body?.reaction?.message_id);
      if (target) target.reactions.business = e.body?.reaction.emoji;
      return;
    }
    state.typing = 0;
    const content = (e.channel === "messenger" || e.channel === "instagram" ? e.body?.message : e.body) ?? {};
    add({ direction: "out", channel: e.channel, id: e.id, kind: e.type, content, text: e.text, at: e.at_ms, status: "accepted",
      duplicate: e.duplicate, quotes: quoted(e.body ?? {}, e.channel), reactions: {} }, lineOf(e, e.body), customer);
  },
  inbound(e) {
    const m = e.message;
    if (e.channel !== "whatsapp") {
      if (amends(m, (id) => state.messages.get(id))) return;
      const echo = Boolean(m.message?.is_echo);
      add({ direction: echo ? "out" : "in", channel: e.channel, id: e.id, kind: "text", content: m, at: e.at_ms, status: echo ? "delivered" : "sent",
        quotes: m.message?.reply_to?.mid ?? m.OriginalRepliedMessageSid ?? m.in_reply_to, reactions: {} }, lineOf(e, m), e.customer);
      return;
    }
    const original = state.messages.get(m.edit?.original_message_id ?? m.revoke?.original_message_id ?? m.reaction?.message_id);
    if (m.type === "reaction") { if (original) original.reactions.customer = m.reaction.emoji; return; }
    if (m.type === "edit") { if (original) original.edited = m.edit.message?.text?.body; return; }
    if (m.type === "revoke") { if (original) original.revoked = true; return; }
    add({ direction: "in", channel: e.channel, id: e.id, kind: m.type, content: m, at: Number(m.timestamp) * 1000, status: "sent",
      quotes: m.context?.id, reactions: {} }, e.account, e.customer);
  },
  receipt(e) {
    const message = state.messages.get(e.id);
    if (message && RANK[e.status] > RANK[message.status]) message.status = e.status;
  },
  mark_read(e) {
    const marked = state.messages.get(e.id);
    const list = [...state.threads.values()].find((one) => one.includes(/** @type {Message} */ (marked))) ?? [];
    for (const message of list) {
      if (message.direction === "in") message.seen = true;
      if (message === marked) break;
    }
    if (e.typing && list === thread()) state.typing = Date.now() + Math.max(0, 25_000 - (Date.now() + state.offset - e.at_ms));
  },
  sender_action(e) {
    const list = state.threads.get(threadKey(e.account, e.customer ?? "")) ?? [];
    if (e.action === "mark_seen" || e.action === "typing_on") for (const message of list) if (message.direction === "in") message.seen = true;
    if (list === thread()) state.typing = e.action === "typing_on" ? Date.now() + Math.max(0, 20_000 - (Date.now() + state.offset - e.at_ms)) : 0;
    const target = state.messages.get(e.payload?.message_id);
    if (target) target.reactions.business = e.action === "react" ? "❤️" : "";
  },
  delivery(e) {
    if (e.account === line()?.account) state.delivery = e;
    if (e.state === "acknowledged") for (const id of e.ids) {
      const message = state.messages.get(id);
      if (message) message.acknowledged = true;
    }
  },
  customer(e) { state.customers.set(e.id, e); },
  account(e) { state.accounts.set(e.id, e); listLines(); },
  clock(e) { state.offset = e.offset_ms; askWindow(); },
  faults(e) { showFaults(e); },
  cleared() {
    state.threads.clear(); state.messages.clear(); state.unread.clear(); state.delivery = null; state.typing = 0;
  },
};

const askWindow = guard(async () => {
  const to = line();
  if (!to || !state.customer) return;
  const answer = abilities(to).window ? await api("GET", `${way(to)}/windows/${encodeURIComponent(state.customer)}`) : {};
  state.closes = answer.closes_ms;
  showClock(state.offset, state.closes, abilities(line()).window);
});

/** Writes a message as the customer on the screen. */
const write = guard(async (/** @type {VendorObject} */ message) => {
  if (!state.customer) throw new Error("Choose or create a customer first.");
  const reply = state.quoting && !message.reply_to ? { reply_to: state.quoting } : {};
  const to = line();
  if (!to) throw new Error("Create an account first.");
  const subject = to.channel === "email" && byId("subject").value.trim() ? { subject: byId("subject").value.trim() } : {};
  quote(null); byId("subject").value = "";
  await api("POST", `${way(to)}/inbound`, { customer: state.customer, via: to.via, ...subject, ...reply, ...message });
  await askWindow();
});

/** @param {Message|null} message */
function quote(message) {
  state.quoting = message?.id ?? null;
  byId("quoting").hidden = !message;
  byId("quoting-text").textContent = message ? summary(message) : "";
  if (message) byId("words").focus();
}

/** What taps inside a bubble do. @param {Message} message @returns {Actions} */
const actions = (message) => ({
  quote: () => quote(message),
  react: () => write({ type: "reaction", reaction: {
    ...(message.channel === "whatsapp" ? { message_id: message.id } : { mid: message.id, reaction: "like" }), emoji: message.reactions.customer ? "" : "👍" } }),
  revoke: () => write(message.channel === "whatsapp" ? { type: "revoke", revoke: { original_message_id: message.id } } : { type: "unsend", unsend: { mid: message.id } }),
  reply: (kind, reply) => write({ type: kind, [kind]: reply, reply_to: message.id }),
  choose: (choice) => write(message.channel === "twilio" ? { ...choice, reply_to: message.id } : choice),
  button: (button) => write({ type: "button", button, reply_to: message.id }),
  location: () => sendLocation(message.id),
  list: (object) => openList(object, message.id),
  template: (send) => account()?.templates?.find((t) => t.name === send?.name && t.language === send?.language?.code),
});

/** @param {VendorObject} object @param {string} id */
function openList(object, id) {
  const dialog = byId("sheet");
  const rows = (object.action?.sections ?? []).flatMap((/** @type {VendorObject} */ section) => [
    section.title && el("h3", {}, section.title),
    ...section.rows.map((/** @type {VendorObject} */ row) => el("button", { type: "button", class: "list-row", onclick: () => {
      dialog.close();
      write({ type: "list_reply", list_reply: row, reply_to: id });
    } }, el("strong", {}, row.title), row.description && el("small", {}, row.description))),
  ]);
  byId("sheet-title").textContent = object.action?.button ?? "Choose";
  byId("sheet-body").replaceChildren(...rows.filter(Boolean));
  dialog.showModal();
}

/** @param {string} [reply_to] */
const sendLocation = (reply_to) => write({ type: "location", reply_to, location: { latitude: 52.520008, longitude: 13.404954, name: "Alexanderplatz", address: "10178 Berlin" } });

/** Draws the list of chats. */
function drawChats() {
  const rows = [...state.customers.values()].map((customer) => {
    const key = threadKey(state.line, customer.id);
    const last = state.threads.get(key)?.at(-1);
    const unread = state.unread.get(key) ?? 0;
    return { customer, last, unread };
  }).sort((a, b) => (b.last?.at ?? 0) - (a.last?.at ?? 0));
  byId("chats").replaceChildren(...rows.map(({ customer, last, unread }) => el("li", {},
    el("button", { type: "button", class: "chat", "aria-current": customer.id === state.customer ? "true" : undefined, onclick: () => openChat(customer.id) },
      avatar(customer), el("span", { class: "chat-text" }, el("strong", {}, customer.name), el("small", {}, last ? summary(last) : address(customer))),
      el("span", { class: "chat-side" }, last && el("time", {}, clockTime(last.at)), unread > 0 && el("span", { class: "badge", "aria-label": `${unread} unread` }, String(unread)))))));
}

/** @param {Customer} customer */
const address = (customer) => {
  const channel = line()?.channel;
  const own = channel === "email" ? customer.email : channel === "messenger" ? customer.psid : channel === "instagram" ? customer.igsid : undefined;
  return own ?? (customer.wa_id ? `+${customer.wa_id}` : customer.username ? `@${customer.username}` : customer.user_id ?? customer.email ?? customer.psid ?? customer.igsid ?? "");
};
/** @param {string} text */
const hue = (text) => [...text].reduce((sum, c) => (sum * 31 + Number(c.codePointAt(0))) % 8, 0);
/** @param {Customer} customer */
const avatar = (customer) => el("span", { class: `avatar tint${hue(customer.name)}`, "aria-hidden": "true" }, customer.name.slice(0, 1).toUpperCase());

/** Draws the chat on the screen. */
function drawChat() {
  const customer = state.customers.get(state.customer);
  document.body.classList.toggle("in-chat", Boolean(customer));
  const business = account();
  byId("peer-name").textContent = business ? line()?.name ?? "" : "No account";
  const typing = state.typing > Date.now();
  byId("peer-state").textContent = typing ? "typing…" : customer ? `you are ${customer.name}, ${address(customer)}` : "";
  byId("peer-state").classList.toggle("typing", typing);
  const list = byId("thread");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 120;
  const rows = thread().map((message) => bubble(message, state.messages.get(message.quotes ?? ""), actions(message)));
  if (rows.length === 0) rows.push(el("li", { class: "empty" }, customer ? "Say hello. Your message reaches the gateway as a signed webhook." : "Choose a customer to write as."));
  if (typing) rows.push(el("li", { class: "row theirs" }, el("div", { class: "bubble dots", role: "img", "aria-label": "typing" }, el("i"), el("i"), el("i"))));
  list.replaceChildren(...rows);
  if (atEnd) list.scrollTop = list.scrollHeight;
}

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    drawChats(); drawChat(); showConnection(account(), state.delivery); showClock(state.offset, state.closes, abilities(line()).window);
  });
}

/** @param {string} id */
function openChat(id) {
  state.customer = id; state.typing = 0; quote(null);
  state.unread.delete(threadKey(state.line, id));
  askWindow(); draw();
  requestAnimationFrame(() => requestAnimationFrame(() => (byId("thread").scrollTop = byId("thread").scrollHeight)));
}

const attach = guard(async (/** @type {File} */ file) => {
  const { id } = await api("POST", `/sim/media?filename=${encodeURIComponent(file.name)}`, file);
  const caption = byId("words").value.trim();
  byId("words").value = "";
  await write(fileMessage(line(), file, id, caption));
});

function wire() {
  byId("composer").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const text = byId("words").value.trim();
    if (!text) return;
    byId("words").value = "";
    write({ type: "text", text });
  });
  byId("words").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); byId("composer").requestSubmit(); }
  });
  byId("attach").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", () => { for (const file of byId("file").files) attach(file); byId("file").value = ""; });
  byId("place").addEventListener("click", () => sendLocation());
  byId("quoting-close").addEventListener("click", () => quote(null));
  byId("to-list").addEventListener("click", () => { state.customer = ""; draw(); });
  byId("sheet-close").addEventListener("click", () => byId("sheet").close());
  byId("open-panel").addEventListener("click", () => document.body.classList.toggle("show-panel"));
  byId("close-panel").addEventListener("click", () => document.body.classList.remove("show-panel"));
  byId("number").addEventListener("change", () => { state.line = byId("number").value; state.delivery = null; askWindow(); fit(); draw(); });
  byId("inbox").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const text = byId("inbox-text").value.trim();
    if (!text) return;
    byId("inbox-text").value = "";
    write({ type: "inbox", inbox: text });
  });
  for (const to of ["inbox", "app"]) byId(`control-${to}`).addEventListener("click", guard(async () => {
    const page = line();
    if (!page || !state.customer) throw new Error("Choose a customer first.");
    await api("POST", `${way(page)}/control`, { customer: state.customer, to });
    toast(to === "inbox" ? "The inbox has the thread; the gateway hears it in standby." : "The gateway has the thread again.");
  }));
  byId("new-customer").addEventListener("submit", guard(async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const name = byId("new-name").value.trim();
    const customer = await api("POST", "/sim/customers", { name, kind: byId("new-kind").value });
    byId("new-name").value = "";
    state.customers.set(customer.id, customer);
    openChat(customer.id);
  }));
  byId("connection").addEventListener("submit", guard(async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const address = `/sim/accounts/${encodeURIComponent(line()?.account ?? "")}`;
    const changed = await api("PUT", address, { callback_url: byId("callback").value.trim() || null });
    state.accounts.set(changed.id, changed);
    if (!changed.callback_url) return toast("Webhooks are off.");
    if (!changed.verify_token) return toast("Webhooks are on.");
    const report = await api("POST", `${address}/handshake`);
    toast(report.ok ? "Handshake passed with the right token and was refused with a wrong one." : `Handshake failed: ${report.right_token.answer.error ?? `status ${report.right_token.answer.status}`}`);
  }));
}

/** Lists the ways to all accounts, and keeps the one in use. */
function listLines() {
  state.lines = new Map([...state.accounts.values()].flatMap(lines).map((one) => [one.key, one]));
  if (!state.lines.has(state.line)) state.line = state.lines.keys().next().value ?? "";
  byId("number").replaceChildren(...[...state.lines.values()].map((one) => el("option", { value: one.key, selected: one.key === state.line }, one.label)));
}

/** Shows what the channel in use has. */
function fit() {
  const can = abilities(line());
  byId("subject").hidden = !can.subject;
  byId("place").hidden = !can.place;
  byId("by-hand").hidden = !can.inbox;
}

async function start() {
  startPanel(); wire();
  const overview = await api("GET", "/sim");
  for (const one of overview.accounts) state.accounts.set(one.id, one);
  for (const one of overview.customers) state.customers.set(one.id, one);
  state.offset = overview.clock.offset_ms;
  listLines(); fit();
  byId("model-default").value = overview.model.default_reply ?? "";
  showFaults(overview.faults);
  const wanted = new URLSearchParams(location.search).get("customer");
  const first = wanted ? state.customers.get(wanted) : matchMedia("(min-width: 760px)").matches && [...state.customers.values()][0];
  if (first) openChat(first.id);
  draw();
  const events = new EventSource("/sim/books/stream");
  for (const [name, handle] of Object.entries(on)) {
    events.addEventListener(name, (event) => { handle(JSON.parse(event.data)); draw(); });
  }
  events.onopen = () => { byId("live").className = "live on"; byId("live").textContent = "live"; };
  events.onerror = () => { byId("live").className = "live off"; byId("live").textContent = "reconnecting"; };
  setInterval(draw, 20_000);
}
guard(start)();
