// The panel beside the phone: connection, clock and window, faults, the model. It only calls the control API.
import { api, byId, el, toast } from "./dom.js";

const HOUR = 3_600_000;

/** @typedef {import("./protocol.d.ts").Rule} Rule */

/** What the toggles switch on; each is one rule. @type {[string, Rule][]} */
const FAULTS = [
  ["Slow answers (2 s)", { match: { kind: "send" }, action: { latency_ms: 2000 } }],
  ["Sends fail: 500", { match: { kind: "send" }, action: { status: { http: 500 } } }],
  ["Sends fail: HTML 503", { match: { kind: "send" }, action: { status: { http: 503 } } }],
  ["WhatsApp: rate limit (130429)", { match: { vendor: "whatsapp", kind: "send" }, action: { status: { code: 130429 } } }],
  ["WhatsApp: token expired (190)", { match: { vendor: "whatsapp", kind: "send" }, action: { status: { code: 190 } } }],
  ["Cut before taking", { match: { kind: "send" }, action: "cut_before" }],
  ["Cut after taking", { match: { kind: "send" }, action: "cut_after" }],
  ["WhatsApp: undeliverable (131026)", { match: { vendor: "whatsapp", kind: "send" }, action: { fail_receipt: 131026 } }],
  ["Duplicate webhooks", { action: { duplicate_webhooks: 1 } }],
  ["Reorder webhooks", { action: { reorder_webhooks: 1500 } }],
  ["Receipts 5 s late", { action: { delay_receipts: 5000 } }],
  ["No receipts", { action: "drop_receipts" }],
  ["Receipt before answer", { match: { kind: "send" }, action: "receipts_before_answer" }],
  ["Messenger: not available (551)", { match: { vendor: "messenger", kind: "send" }, action: { status: { code: 551, subcode: 1545041 } } }],
  ["Instagram: rate limit (613)", { match: { vendor: "instagram", kind: "send" }, action: { status: { code: 613 } } }],
  ["Twilio: 429 (20429)", { match: { vendor: "twilio", kind: "send" }, action: { status: { code: 20429, retry_after: 2 } } }],
  ["Twilio: undelivered (30003)", { match: { vendor: "twilio", kind: "send" }, action: { fail_receipt: 30003 } }],
  ["Mail: try again (451)", { match: { vendor: "email", kind: "send" }, action: { status: { code: 451 } } }],
  ["Mail: bounces (550)", { match: { vendor: "email", kind: "send" }, action: { fail_receipt: 550 } }],
  ["Model: 429", { match: { kind: "model" }, action: { status: { http: 429, retry_after: 2, body: { error: { message: "Rate limit reached", type: "requests", param: null, code: "rate_limit_exceeded" } } } } }],
  ["Model: cut", { match: { kind: "model" }, action: "cut_before" }],
];

/** @param {Rule} rule @param {[string, Rule]} fault */
const same = (rule, [, wanted]) => JSON.stringify(rule.action) === JSON.stringify(wanted.action) && rule.match?.kind === wanted.match?.kind && rule.match?.vendor === wanted.match?.vendor;
/** Shows why it failed. @param {(event: Event) => unknown} work @returns {(event: Event) => Promise<void>} */
const guard = (work) => async (event) => {
  try { await work(event); } catch (error) { toast(/** @type {Error} */ (error).message); }
};

/** Builds the switches and wires the buttons. */
export function startPanel() {
  for (const fault of FAULTS) {
    const box = el("input", { type: "checkbox", role: "switch", onchange: guard(applyFaults) });
    byId("faults").append(el("label", { class: "switch" }, box, el("span", {}, fault[0])));
  }
  for (const [id, change] of [["ahead", { advance_ms: 25 * HOUR }], ["back", { advance_ms: -25 * HOUR }], ["now", { offset_ms: 0 }]]) {
    byId(`clock-${id}`).addEventListener("click", guard(() => api("PUT", "/sim/clock", change)));
  }
  byId("model-queue").addEventListener("submit", guard(async (event) => {
    event.preventDefault();
    const text = byId("model-text").value.trim();
    if (!text) return;
    const { queued } = await api("POST", "/sim/model/replies", { text });
    byId("model-text").value = "";
    toast(`The model will say that next (${queued} queued).`);
  }));
  byId("model-default").addEventListener("change", guard(async () => {
    const { settings } = await api("GET", "/sim/model");
    await api("PUT", "/sim/model", { ...settings, default_reply: byId("model-default").value.trim() || null });
  }));
  byId("books-clear").addEventListener("click", guard(() => api("DELETE", "/sim/books")));
}

async function applyFaults() {
  const boxes = [...byId("faults").querySelectorAll("input")];
  // Rules that came through the control API stay; the switches own only theirs.
  const others = (await api("GET", "/sim/faults")).filter((/** @type {Rule} */ rule) => !FAULTS.some((fault) => same(rule, fault)));
  await api("PUT", "/sim/faults", [...others, ...FAULTS.filter((_, i) => boxes[i].checked).map(([, rule]) => rule)]);
}

/** Shows the rules in force. @param {Rule[]} rules */
export function showFaults(rules) {
  const boxes = [...byId("faults").querySelectorAll("input")];
  FAULTS.forEach((fault, i) => (boxes[i].checked = rules.some((rule) => same(rule, fault))));
  byId("fault-count").textContent = rules.length ? `${rules.length} on` : "all off";
}

/** Shows the simulated time and the window, if the channel has one. @param {number} offset @param {number|null|undefined} closes @param {boolean} has */
export function showClock(offset, closes, has) {
  const now = Date.now() + offset;
  const hours = Math.round(offset / HOUR);
  byId("clock-time").textContent = new Date(now).toLocaleString([], { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  byId("clock-offset").textContent = hours === 0 ? "real time" : `${hours > 0 ? "+" : "−"}${Math.abs(hours)} h`;
  const state = byId("window-state");
  const open = Boolean(closes) && Number(closes) > now;
  state.className = closes === undefined ? "pill" : open ? "pill good" : "pill bad";
  state.hidden = !has;
  const left = open ? Number(closes) - now : 0;
  state.textContent = open
    ? `Window open, ${Math.floor(left / HOUR)} h ${Math.floor((left % HOUR) / 60_000)} min left`
    : closes === undefined ? "No customer chosen" : closes === null ? "Window closed: never written" : "Window closed: templates only";
}

/** Shows where webhooks go and how the last one fared. @param {import("./protocol.d.ts").Account|undefined} account @param {import("./protocol.d.ts").Delivery|null} delivery */
export function showConnection(account, delivery) {
  byId("callback").value = account?.callback_url ?? "";
  const state = byId("delivery-state");
  const words = { acknowledged: "acknowledged", pending: "being retried", given_up: "given up", no_callback: "no callback URL" };
  if (!delivery) {
    state.className = "pill";
    state.textContent = "no webhook yet";
    return;
  }
  state.className = `pill ${delivery.state === "acknowledged" ? "good" : "bad"}`;
  const what = delivery.status ? `, status ${delivery.status}` : "";
  state.textContent = `Last webhook ${words[delivery.state] ?? delivery.state}${what}, ${delivery.tries} ${delivery.tries === 1 ? "try" : "tries"}`;
}
