// How one message looks. Knows WhatsApp's message objects of both directions and nothing of the page around them.
import { abilities, shown } from "./channels.js";
import { clockTime, el, safeUrl } from "./dom.js";

/** @typedef {import("./protocol.d.ts").Message} Message */
/** @typedef {import("./protocol.d.ts").Actions} Actions */
/** @typedef {import("./protocol.d.ts").Template} Template */
/** @typedef {import("./protocol.d.ts").VendorObject} VendorObject */

/** @type {Record<Message["status"], [string, string]>} */
const TICKS = {
  accepted: ["🕓", "accepted"], sent: ["✓", "sent"], delivered: ["✓✓", "delivered"], read: ["✓✓", "read"],
  failed: ["⚠", "failed"],
};

/** One line that stands for a message in quotes and in the list of chats. @param {Message} message */
export function summary(message) {
  if (message.channel !== "whatsapp") {
    const view = shown(message);
    return view.head ?? (view.text || view.note || view.cards[0]?.title || (view.pieces[0] ? `📎 ${view.pieces[0].name ?? view.pieces[0].kind}` : "Message"));
  }
  const body = message.content, kind = message.kind;
  switch (kind) {
    case "text": return body.text?.body ?? "";
    case "image": return `📷 ${body.image?.caption ?? "Photo"}`;
    case "video": return `🎬 ${body.video?.caption ?? "Video"}`;
    case "audio": return body.audio?.voice ? "🎤 Voice message" : "🎵 Audio";
    case "document": return `📄 ${body.document?.filename ?? "Document"}`;
    case "sticker": return "Sticker";
    case "location": return `📍 ${body.location?.name ?? "Location"}`;
    case "contacts": return `👤 ${body.contacts?.[0]?.name?.formatted_name ?? "Contact"}`;
    case "interactive": {
      const i = body.interactive ?? {};
      return i.button_reply?.title ?? i.list_reply?.title ?? i.body?.text ?? "Interactive message";
    }
    case "button": return body.button?.text ?? "";
    case "template": return `Template ${body.template?.name ?? ""}`;
    case "revoke": return "Message deleted";
    default: return `Unsupported message (${kind})`;
  }
}

/** Text with the marks `*bold*`, `_italic_`, `~struck~` and links. @param {string} text */
function rich(text) {
  const box = el("span", { class: "words", dir: "auto" });
  const pattern = /(https?:\/\/[^\s<>"]+)|\*(\S(?:[^*\n]*\S)?)\*|_(\S(?:[^_\n]*\S)?)_|~(\S(?:[^~\n]*\S)?)~/g;
  let last = 0;
  for (const found of text.matchAll(pattern)) {
    box.append(text.slice(last, found.index));
    const [whole, link, bold, italic, struck] = found;
    if (link && safeUrl(link)) box.append(el("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, link));
    else if (bold) box.append(el("strong", {}, bold));
    else if (italic) box.append(el("em", {}, italic));
    else if (struck) box.append(el("s", {}, struck));
    else box.append(whole);
    last = found.index + whole.length;
  }
  box.append(text.slice(last));
  return box;
}

/** Address of a media object: the simulator's own copy, or the link that was sent. @param {VendorObject} object */
const source = (object) => (object?.id ? `/sim/media/${encodeURIComponent(object.id)}` : safeUrl(object?.link ?? ""));

/** @param {string} kind @param {VendorObject} object */
function media(kind, object) {
  const src = source(object);
  if (!src) return el("div", { class: "missing" }, `${kind} without an address`);
  const parts = [];
  if (kind === "image" || kind === "sticker") parts.push(el("img", { src, alt: object.caption || kind, class: kind, loading: "lazy" }));
  if (kind === "video") parts.push(el("video", { src, controls: true, class: "video" }));
  if (kind === "audio") parts.push(el("audio", { src, controls: true }));
  if (kind === "document") {
    const name = object.filename || src.split("/").pop() || "Document";
    parts.push(el("a", { class: "file", href: src, target: "_blank", rel: "noopener noreferrer" },
      el("span", { class: "file-icon", "aria-hidden": "true" }, "📄"), el("span", {}, name)));
  }
  if (object.caption) parts.push(rich(object.caption));
  return el("div", { class: "media" }, ...parts);
}

/** @param {VendorObject} object */
function location(object) {
  const at = `${object.latitude}, ${object.longitude}`;
  return el("div", { class: "place" }, el("div", { class: "map", "aria-hidden": "true" }, "📍"),
    el("strong", {}, object.name || "Location"), object.address && el("div", {}, object.address), el("small", {}, at));
}

/** @param {VendorObject} contact */
function card(contact) {
  const phones = (contact.phones ?? []).map((/** @type {VendorObject} */ phone) => phone.phone ?? phone.wa_id).filter(Boolean).join(", ");
  return el("div", { class: "card" }, el("span", { class: "avatar small", "aria-hidden": "true" }, "👤"),
    el("div", {}, el("strong", {}, contact.name?.formatted_name ?? "Contact"), phones && el("div", {}, phones)));
}

/** @param {VendorObject|undefined} object */
function header(object) {
  if (!object) return null;
  if (object.type === "text") return el("strong", { class: "head" }, object.text);
  return media(object.type, object[object.type] ?? {});
}

/** @param {VendorObject} object @param {Actions} act */
function interactive(object, act) {
  if (object.button_reply || object.list_reply) {
    const reply = object.button_reply ?? object.list_reply;
    return el("div", {}, rich(reply.title ?? ""), reply.description && el("div", { class: "foot" }, reply.description));
  }
  const parts = [header(object.header), rich(object.body?.text ?? ""), object.footer && el("div", { class: "foot" }, object.footer.text)];
  const action = object.action ?? {}, choices = [];
  for (const button of action.buttons ?? []) {
    const reply = button.reply ?? {};
    choices.push(el("button", { type: "button", class: "choice", onclick: () => act.reply("button_reply", reply) }, "↩ ", reply.title));
  }
  if (object.type === "list") {
    choices.push(el("button", { type: "button", class: "choice", onclick: () => act.list(object) }, "☰ ", action.button));
  }
  if (object.type === "cta_url") {
    const href = safeUrl(action.parameters?.url ?? "");
    choices.push(el("a", { class: "choice", href: href ?? undefined, target: "_blank", rel: "noopener noreferrer" }, "↗ ", action.parameters?.display_text));
  }
  if (object.type === "location_request_message") {
    choices.push(el("button", { type: "button", class: "choice", onclick: act.location }, "📍 Send location"));
  }
  return el("div", {}, ...parts, choices.length > 0 && el("div", { class: "choices" }, ...choices));
}

/** A template with its parameters filled in. @param {VendorObject} send @param {Template|undefined} template @param {Actions} act */
function templated(send, template, act) {
  if (!template) return el("div", {}, el("div", { class: "tag" }, "Template"), send.name);
  /** @param {string} kind @param {number} [index] @returns {VendorObject[]} */
  const given = (kind, index) => (send.components ?? []).find((/** @type {VendorObject} */ part) => part.type?.toLowerCase() === kind && (index === undefined || Number(part.index) === index))?.parameters ?? [];
  /** @param {string} text @param {VendorObject[]} values */
  const fill = (text, values) => text.replace(/\{\{\s*(\w+)\s*\}\}/g, (/** @type {string} */ whole, /** @type {string} */ name) => {
    const value = /^\d+$/.test(name) ? values[Number(name) - 1] : values.find((one) => one.parameter_name === name);
    return value?.text ?? value?.currency?.fallback_value ?? value?.date_time?.fallback_value ?? whole;
  });
  /** @type {HTMLElement[]} */
  const parts = [];
  /** @type {HTMLElement[]} */
  const choices = [];
  for (const part of template.components ?? []) {
    const values = given(part.type.toLowerCase());
    if (part.type === "HEADER" && (part.format ?? "TEXT") === "TEXT") parts.push(el("strong", { class: "head" }, fill(part.text ?? "", values)));
    else if (part.type === "HEADER" && values[0]) parts.push(media(values[0].type, values[0][values[0].type] ?? {}));
    if (part.type === "BODY") parts.push(rich(fill(part.text ?? "", values)));
    if (part.type === "FOOTER") parts.push(el("div", { class: "foot" }, part.text));
    if (part.type !== "BUTTONS") continue;
    part.buttons.forEach((button, index) => {
      const own = given("button", index);
      if (button.type === "QUICK_REPLY") {
        const payload = own[0]?.payload ?? button.text;
        choices.push(el("button", { type: "button", class: "choice", onclick: () => act.button({ payload, text: button.text }) }, "↩ ", button.text));
      } else if (button.type === "URL") {
        choices.push(el("a", { class: "choice", href: safeUrl(fill(button.url, own)) ?? undefined, target: "_blank", rel: "noopener noreferrer" }, "↗ ", button.text));
      } else choices.push(el("span", { class: "choice" }, button.text));
    });
  }
  return el("div", {}, el("div", { class: "tag" }, `Template · ${send.name}`), ...parts, choices.length > 0 && el("div", { class: "choices" }, ...choices));
}

/** @param {import("./protocol.d.ts").Choice[]} choices @param {Actions} act */
const choicesOf = (choices, act) => choices.length > 0 && el("div", { class: "choices" }, ...choices.map(({ label, href, write }) => {
  if (href) return el("a", { class: "choice", href: safeUrl(href) ?? undefined, target: "_blank", rel: "noopener noreferrer" }, "↗ ", label);
  return write ? el("button", { type: "button", class: "choice", onclick: () => act.choose(write) }, "↩ ", label) : el("span", { class: "choice" }, label);
}));

/** A message of a channel beside WhatsApp. @param {Message} message @param {Actions} act */
function plain(message, act) {
  const view = shown(message);
  const pieces = view.pieces.map((piece) => {
    const src = piece.src?.startsWith("/sim/") ? piece.src : safeUrl(piece.src ?? "");
    if (!src) return el("div", { class: "missing" }, piece.name ?? piece.kind);
    if (piece.kind === "image" || piece.kind === "sticker" || piece.kind === "story_mention") return el("img", { src, alt: piece.name ?? piece.kind, class: "image", loading: "lazy" });
    if (piece.kind === "video") return el("video", { src, controls: true, class: "video" });
    if (piece.kind === "audio") return el("audio", { src, controls: true });
    return el("a", { class: "file", href: src, target: "_blank", rel: "noopener noreferrer" }, el("span", { class: "file-icon", "aria-hidden": "true" }, "📄"), el("span", {}, piece.name ?? piece.kind));
  });
  const cards = view.cards.map((card) => el("div", { class: "media" }, safeUrl(card.src ?? "") && el("img", { src: safeUrl(card.src ?? ""), alt: "", class: "image", loading: "lazy" }),
    el("strong", {}, card.title), card.text && el("div", {}, card.text), choicesOf(card.choices, act)));
  return el("div", {}, view.note && el("div", { class: "tag" }, view.note), view.head && el("strong", { class: "head" }, view.head),
    pieces.length > 0 && el("div", { class: "media" }, ...pieces), rich(message.edited ?? view.text), ...cards, choicesOf(view.choices, act));
}

/** @param {Message} message @param {Actions} act */
function inside(message, act) {
  const body = message.content, kind = message.kind;
  if (message.revoked) return el("em", { class: "gone" }, "🚫 This message was deleted");
  if (message.channel !== "whatsapp") return plain(message, act);
  switch (kind) {
    case "text": return rich(message.edited ?? body.text?.body ?? "");
    case "image": case "video": case "audio": case "document": case "sticker": return media(kind, body[kind] ?? {});
    case "location": return location(body.location ?? {});
    case "contacts": return el("div", {}, ...(body.contacts ?? []).map(card));
    case "interactive": return interactive(body.interactive ?? {}, act);
    case "button": return rich(body.button?.text ?? "");
    case "template": return templated(body.template ?? {}, act.template(body.template), act);
    default: return el("em", { class: "gone" }, `Unsupported message (${kind})`);
  }
}

/**
 * The bubble of one message.
 * @param {Message} message @param {Message|undefined} quoted the message answered to @param {Actions} act what taps do
 */
export function bubble(message, quoted, act) {
  const mine = message.direction === "in";
  const [tick, word] = mine
    ? [message.seen ? "✓✓" : message.acknowledged ? "✓" : "🕓", message.seen ? "read" : message.acknowledged ? "received by the gateway" : "on its way"]
    : TICKS[message.status] ?? TICKS.accepted;
  const quote = message.quotes && el("div", { class: "quote" }, quoted ? summary(quoted) : "A message");
  const meta = el("div", { class: "meta" }, message.edited && "edited · ", message.duplicate && el("span", { class: "dup" }, "duplicate"),
    el("time", {}, clockTime(message.at)), el("span", { class: `tick ${mine ? (message.seen ? "read" : "sent") : message.status}`, role: "img", "aria-label": word, title: word }, tick));
  const reactions = Object.values(message.reactions).filter(Boolean);
  const can = abilities({ channel: message.channel, account: "", key: "", name: "", label: "" });
  return el("li", { class: `row ${mine ? "mine" : "theirs"}`, "data-id": message.id },
    el("div", { class: `bubble ${message.kind}` }, quote, inside(message, act), meta,
      reactions.length > 0 && el("div", { class: "reactions", "aria-label": "Reactions" }, reactions.join(" "))),
    el("div", { class: "tools" },
      el("button", { type: "button", title: "Reply", "aria-label": "Reply", onclick: act.quote }, "↩"),
      can.react && el("button", { type: "button", title: "React", "aria-label": "React with thumbs up", onclick: act.react }, "👍"),
      mine && can.unsend && el("button", { type: "button", title: "Delete", "aria-label": "Delete for everyone", onclick: act.revoke }, "🗑")));
}
