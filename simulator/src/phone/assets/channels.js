// What the channels beside WhatsApp say, put into one shape to be shown; and how each is written to. Knows no page.

/** @typedef {import("./protocol.d.ts").Account} Account */
/** @typedef {import("./protocol.d.ts").Line} Line */
/** @typedef {import("./protocol.d.ts").Message} Message */
/** @typedef {import("./protocol.d.ts").Shown} Shown */
/** @typedef {import("./protocol.d.ts").VendorObject} VendorObject */

export const NAMES = { whatsapp: "WhatsApp", messenger: "Messenger", instagram: "Instagram", twilio: "Twilio", email: "Mail" };

/** What a person can do on a channel beside writing. @param {Line|undefined} line */
export function abilities(line) {
  const channel = line?.channel ?? "whatsapp", pages = channel === "messenger" || channel === "instagram";
  return {
    react: channel === "whatsapp" || pages, unsend: channel === "whatsapp" || pages,
    place: channel === "whatsapp" || (channel === "twilio" && line?.via === "whatsapp"),
    inbox: pages, subject: channel === "email", window: channel !== "email" && line?.via !== "sms",
  };
}

/** The lines of an account: one, or one for each kind of sender of Twilio. @param {Account} account @returns {Line[]} */
export function lines(account) {
  const line = { channel: account.channel, account: account.id, key: account.id, name: account.verified_name ?? account.name ?? account.id };
  if (account.channel !== "twilio") return [{ ...line, label: `${NAMES[account.channel]} · ${line.name}` }];
  const kinds = new Set((account.senders ?? []).map((sender) => (sender.startsWith("whatsapp:") ? "whatsapp" : "sms")));
  return [...kinds].map((via) => ({ ...line, via, key: `${account.id}/${via}`, label: `Twilio ${via === "sms" ? "SMS" : "WhatsApp"} · ${line.name}` }));
}

/** The key of the line that an event belongs to. @param {{channel: string, account: string}} event @param {VendorObject|undefined} body */
export function lineOf(event, body) {
  if (event.channel !== "twilio") return event.account;
  return `${event.account}/${[body?.From, body?.To].some((address) => address?.startsWith("whatsapp:")) ? "whatsapp" : "sms"}`;
}

/** @param {VendorObject} button @returns {import("./protocol.d.ts").Choice} */
const button = (button) => button.type === "web_url" || button.type === "URL"
  ? { label: button.title, href: button.url }
  : button.type === "postback" ? { label: button.title, write: { type: "postback", postback: { title: button.title, payload: button.payload } } } : { label: button.title };

/** @param {VendorObject} attachment @returns {import("./protocol.d.ts").Piece} */
function piece(attachment) {
  const payload = attachment.payload ?? {}, id = payload.uploaded ?? payload.attachment_id;
  return { kind: attachment.type, src: payload.url ?? (id ? `/sim/media/${encodeURIComponent(id)}` : undefined), name: payload.title ?? attachment.title };
}

/** A message of Messenger or Instagram. @param {VendorObject} message @returns {Shown} */
function page(message) {
  const template = message.attachment?.type === "template" ? message.attachment.payload : undefined;
  const attachments = [...(message.attachments ?? []), ...(message.attachment && !template ? [message.attachment] : [])];
  const cards = (template?.elements ?? []).map((/** @type {VendorObject} */ element) => ({
    title: element.title, text: element.subtitle, src: element.image_url, choices: (element.buttons ?? []).map(button) }));
  return {
    text: message.text ?? template?.text ?? (message.template ? `Template ${message.template.name}` : message.is_unsupported ? "Unsupported message" : ""),
    pieces: attachments.map(piece), cards,
    choices: [...(template?.buttons ?? []).map(button),
      ...(message.quick_replies ?? []).map((/** @type {VendorObject} */ reply) => ({ label: reply.title ?? reply.content_type,
        write: { type: "quick_reply", quick_reply: { title: reply.title ?? reply.content_type, payload: reply.payload ?? "" } } }))],
  };
}

/** A message of Twilio: a form in both directions. @param {VendorObject} form @param {string|undefined} text @returns {Shown} */
function twilio(form, text) {
  /** @type {string[]} */
  const urls = form.MediaUrl ? [form.MediaUrl].flat() : [];
  const count = Number(form.NumMedia ?? 0);
  for (let i = 0; i < count; i++) if (form[`MediaUrl${i}`]) urls.push(form[`MediaUrl${i}`]);
  const pieces = urls.map((url, i) => {
    const own = /\/Media\/(ME\w+)$/.exec(url)?.[1];
    const family = (form[`MediaContentType${i}`] ?? "image/").split("/")[0];
    return { kind: ["image", "video", "audio"].includes(family) ? family : "file", src: own ? `/sim/media/${own}` : url };
  });
  /** @type {VendorObject[]} */
  const types = Object.values(form.Content ?? {});
  const actions = types.flatMap((type) => type.actions ?? []), items = types.flatMap((type) => type.items ?? []);
  return {
    text: text ?? form.Body ?? "", pieces, cards: [],
    note: form.Latitude ? `📍 ${form.Label ?? ""} ${form.Latitude}, ${form.Longitude}` : form.PersistentAction ? `📍 ${form.PersistentAction}` : undefined,
    choices: [...actions.map((action) => action.url ? { label: action.title, href: action.url }
      : { label: action.title, write: { type: "button_reply", button_reply: { title: action.title, id: action.id ?? action.title } } }),
    ...items.map((item) => ({ label: item.item, write: { type: "list_reply", list_reply: { title: item.item, id: item.id } } }))],
  };
}

/** @param {VendorObject} mail @returns {Shown} */
const mail = (mail) => ({
  head: mail.subject, text: mail.text ?? "", cards: [], choices: [],
  pieces: (mail.attachments ?? []).map((/** @type {VendorObject} */ file) => ({ kind: "file", src: file.id ? `/sim/media/${encodeURIComponent(file.id)}` : undefined, name: file.filename })),
});

/** What a message says. @param {Message} message @returns {Shown} */
export function shown(message) {
  const body = message.content;
  if (message.channel === "twilio") return twilio(body, message.text);
  if (message.channel === "email") return mail(body);
  if (body.postback) return { text: body.postback.title ?? "", note: "tapped a button", pieces: [], cards: [], choices: [] };
  if (body.referral || body.optin) return { text: "", note: `opened the chat (${body.referral?.ref ?? body.optin?.ref ?? "link"})`, pieces: [], cards: [], choices: [] };
  const story = body.message?.reply_to?.story && "answered a story";
  return { ...page(body.message ?? body), note: story || undefined };
}

/** The message that an outbound one answers. @param {VendorObject} body @param {string} channel */
export const quoted = (body, channel) => channel === "email" ? body.in_reply_to?.[0] : channel === "whatsapp" ? body.context?.message_id : body.reply_to?.mid;

/** The change that an event of a page makes to an earlier message, if it does. @param {VendorObject} event @param {(id: string) => Message|undefined} find */
export function amends(event, find) {
  const target = find(event.reaction?.mid ?? event.message_edit?.mid ?? (event.message?.is_deleted ? event.message.mid : ""));
  if (event.reaction && target) target.reactions.customer = event.reaction.emoji ?? "";
  if (event.message_edit && target) target.edited = event.message_edit.text;
  if (event.message?.is_deleted && target) target.revoked = true;
  return Boolean(event.reaction || event.message_edit || event.message?.is_deleted || event.read);
}

/** How a file is written on a line. @param {Line|undefined} line @param {File} file @param {string} id @param {string} caption */
export function fileMessage(line, file, id, caption) {
  const family = file.type.split("/")[0];
  const media = ["image", "video", "audio"].includes(family);
  if (line?.channel === "email") return { text: caption, attachments: [{ id, filename: file.name }] };
  if (line?.channel === "messenger" || line?.channel === "instagram") {
    const kind = media ? family : "file";
    return { type: kind, [kind]: { id }, ...(caption ? { text: caption } : {}) };
  }
  const kind = file.type === "image/webp" ? "sticker" : media ? family : "document";
  return { type: kind, [kind]: {
    id, ...(caption && !["audio", "sticker"].includes(kind) ? { caption } : {}),
    ...(kind === "document" ? { filename: file.name } : {}), ...(kind === "audio" ? { voice: /ogg/.test(file.type) } : {}) } };
}
