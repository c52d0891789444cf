// The mailbox: threads of mail between people and the gateway, and a form to write as any person.
import { api, byId, clockTime, el, toast } from "./dom.js";

/** @typedef {import("./protocol.d.ts").Mail} Mail */
/** @typedef {import("./protocol.d.ts").Account} Account */
/** @typedef {import("./protocol.d.ts").Customer} Customer */
/** @typedef {import("./protocol.d.ts").Events} Events */

/** @type {Map<string, Mail>} */
const mails = new Map();
/** @type {Map<string, Customer>} */
const people = new Map();
/** The root of the thread on the screen; empty while a new one is written. */
let open = "";
/** @type {Mail|undefined} */
let answering;

/** The first mail of a thread that is known: mails name those they follow. @param {Mail} mail */
const root = (mail) => mail.references.find((id) => mails.has(id)) ?? mail.references[0] ?? mail.id;

/** @returns {Map<string, Mail[]>} */
function threads() {
  /** @type {Map<string, Mail[]>} */
  const all = new Map();
  for (const mail of mails.values()) {
    if (mail.account !== byId("mailbox").value) continue;
    const key = root(mail);
    all.set(key, [...(all.get(key) ?? []), mail]);
  }
  return new Map([...all].sort(([, a], [, b]) => (b.at(-1)?.at ?? 0) - (a.at(-1)?.at ?? 0)));
}

/** Chooses what the form writes: an answer, or a new mail. @param {Mail|undefined} mail */
function answer(mail) {
  answering = mail;
  byId("answering").textContent = mail ? `answers “${mail.subject || "(no subject)"}”` : "begins a new thread";
  byId("to").value = ""; byId("subject").value = "";
  const person = mail && [...people.values()].find((one) => one.id === mail.customer);
  if (person?.email) byId("from").value = person.email;
}

function draw() {
  const all = threads();
  byId("threads").replaceChildren(...[...all].map(([key, list]) => {
    const first = list[0], last = list.at(-1) ?? first;
    return el("li", {}, el("button", { type: "button", "aria-current": key === open ? "true" : undefined, onclick: () => show(key) },
      el("strong", {}, first.subject || "(no subject)"), el("small", {}, `${list.length} · ${last.from} · ${last.text.slice(0, 80)}`)));
  }));
  byId("mails").replaceChildren(...(all.get(open) ?? []).map((mail) => el("li", { class: mail.ours ? "mail" : "mail ours" },
    el("header", {}, el("strong", {}, mail.from), el("small", {}, `to ${mail.to}`), el("time", {}, clockTime(mail.at))),
    el("div", {}, mail.subject), el("pre", { dir: "auto" }, mail.text),
    ...mail.files.map((file) => el("a", { href: `/sim/media/${encodeURIComponent(file.id)}`, target: "_blank", rel: "noopener noreferrer" }, `📎 ${file.filename ?? "file"}`)),
    el("div", {}, el("button", { type: "button", onclick: () => answer(mail) }, "Answer"), " ",
      !mail.ours && el("button", { type: "button", onclick: guard(() => bounce(mail)) }, "Let it bounce"), " ",
      mail.raw && el("a", { href: `/sim/media/${mail.raw}`, target: "_blank", rel: "noopener noreferrer" }, "Source")))));
}

/** @param {string} key */
function show(key) {
  open = key;
  answer(threads().get(key)?.filter((mail) => !mail.ours).at(-1) ?? threads().get(key)?.at(-1));
  draw();
}

/** Shows why it failed. @param {(event: Event) => unknown} work @returns {(event: Event) => Promise<void>} */
const guard = (work) => async (event) => {
  try { await work(event); } catch (error) { toast(/** @type {Error} */ (error).message); }
};

const inbound = () => `/sim/email/${encodeURIComponent(byId("mailbox").value)}/inbound`;

/** @param {Mail} mail */
async function bounce(mail) {
  await api("POST", inbound(), { from: mail.to.split(", ")[0], type: "bounce", bounce: { message_id: mail.id } });
  toast("A delivery report is on its way to the gateway.");
}

async function send() {
  const attachments = [];
  for (const file of byId("files").files) {
    const { id } = await api("POST", `/sim/media?filename=${encodeURIComponent(file.name)}`, file);
    attachments.push({ id, filename: file.name });
  }
  const { id } = await api("POST", inbound(), {
    from: byId("from").value.trim(), text: byId("words").value, attachments, quote: byId("quote").checked,
    to: byId("to").value.trim() || undefined, subject: byId("subject").value.trim() || undefined, reply_to: answering?.id });
  byId("words").value = ""; byId("files").value = "";
  if (!answering) open = id;
}

/** @param {Customer} customer */
function meet(customer) {
  people.set(customer.id, customer);
  const known = [...people.values()].filter((one) => one.email);
  byId("people").replaceChildren(...known.map((one) => el("option", { value: one.email }, one.name)));
}

/** What each event changes. @type {{outbound(e: Events["outbound"]): void, inbound(e: Events["inbound"]): void, customer(e: Customer): void, cleared(): void}} */
const on = {
  outbound(e) {
    if (e.channel !== "email") return;
    const body = e.body ?? {};
    mails.set(e.id, { id: e.id, account: e.account, customer: e.customer ?? "", ours: false, from: body.from?.[0] ?? e.account, to: e.to ?? "", subject: body.subject ?? "",
      text: e.text ?? "", references: body.references?.length ? body.references : body.in_reply_to ?? [], at: e.at_ms, files: body.attachments ?? [], raw: body.raw_id });
  },
  inbound(e) {
    if (e.channel !== "email") return;
    const m = e.message, person = people.get(e.customer);
    mails.set(e.id, { id: e.id, account: e.account, customer: e.customer, ours: true, from: person?.email ?? e.customer, to: m.to ?? "", subject: m.subject ?? "",
      text: m.text ?? "", references: m.references ?? [], at: e.at_ms, files: (m.attachments ?? []).filter((/** @type {{id?: string}} */ file) => file.id) });
  },
  customer(e) { meet(e); },
  cleared() { mails.clear(); open = ""; answer(undefined); },
};

async function start() {
  const overview = await api("GET", "/sim");
  const boxes = overview.accounts.filter((/** @type {Account} */ one) => one.channel === "email");
  byId("mailbox").replaceChildren(...boxes.map((/** @type {Account} */ one) => el("option", { value: one.id }, `${one.name} · ${one.id}`)));
  overview.customers.forEach(meet);
  byId("mailbox").addEventListener("change", () => { open = ""; answer(undefined); draw(); });
  byId("new").addEventListener("click", () => { open = ""; answer(undefined); draw(); });
  byId("form").addEventListener("submit", guard(async (event) => { event.preventDefault(); await send(); draw(); }));
  answer(undefined); draw();
  const events = new EventSource("/sim/books/stream");
  for (const [name, handle] of Object.entries(on)) {
    events.addEventListener(name, (event) => { handle(JSON.parse(event.data)); draw(); });
  }
}
start().catch((error) => toast(error.message));
