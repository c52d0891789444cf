// whatsapp-api-js builds what we send from the same values with classes that know the vendor's limits, and
// @kapso/whatsapp-cloud-api finds in the vendor's deliveries the messages and statuses that we find.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, test } from "node:test";
import { normalizeWebhook } from "@kapso/whatsapp-cloud-api/server";
import { WhatsAppAPI } from "whatsapp-api-js";
import * as messages from "whatsapp-api-js/messages";
import { ask, cases, delivery, folder, leave, text, tolerated } from "./exchange.mjs";

const SETTINGS = { phone_number_id: "106540352242922", access_token: "t", app_secret: "s", verify_token: "v" };
const PERSON = [{ kind: "phone", value: "16505551234" }];
const GROUP = [{ kind: "group", value: "120363418770915618@g.us" }];
/** @type {Record<string, any>} whose values come from cases, so that only running them tells whether they fit */
const m = messages;
after(leave);

/** @returns {Promise<[string, any][]>} every message that the cases let out, by the case's name */
async function bodies() {
  const sends = Object.entries(cases("whatsapp/outbound/cases.json"))
    .filter(([name, one]) => one.send && !name.startsWith("error-"))
    .map(([name, one]) => [name, one.send]);
  for (const one of cases("whatsapp/outbound/limits.json")) {
    const to = one.group ? GROUP : one.to ?? PERSON;
    if (!one.refused) sends.push([one.name, { to, content: one.content, id: "m1" }]);
  }
  /** @type {[string, any][]} */
  const made = [];
  for (const [name, send] of sends) {
    made.push([name, (await ask({ kind: "whatsapp", settings: SETTINGS, do: "render", ...send })).json]);
  }
  return made;
}

test("the library sends the same", async (t) => {
  const sent = await bodies();
  assert(sent.length > 40);
  for (const [name, body] of sent) {
    await t.test(name, async () => {
      const why = tolerated("whatsapp-api-js", name);
      // A difference that is there no more must leave the list.
      if (why) await assert.rejects(async () => assert.deepEqual(await again(body), plain(body)), () => true);
      else assert.deepEqual(await again(body), plain(body));
    });
  }
});

/**
 * The body that the library sends when it is given the same values.
 * @param {any} body
 */
async function again(body) {
  /** @type {any} */
  let kept;
  const api = new WhatsAppAPI({
    token: "t",
    v: "v24.0",
    secure: false,
    ponyfill: {
      fetch: async (_, options) => {
        kept = JSON.parse(String(options?.body));
        return new Response('{"messages":[{"id":"wamid.1"}]}');
      },
    },
  });
  const to = body.recipient_type === "group" ? { group: body.to } : { phone: body.to, bsuid: body.recipient };
  const message = built(body.type, body[body.type]);
  await api.sendMessage("1", to, message, body.context?.message_id, body.biz_opaque_callback_data);
  // The library writes cards as a text within the JSON.
  if (typeof kept.contacts === "string") kept.contacts = JSON.parse(kept.contacts);
  return plain(kept);
}

/**
 * The same body without what says nothing.
 * @param {any} body
 */
function plain(body) {
  const copy = structuredClone(body);
  if (copy.text?.preview_url === false) delete copy.text.preview_url;
  // What is left out is the same policy.
  if (copy.template?.language.policy === "deterministic") delete copy.template.language.policy;
  for (const component of copy.template?.components ?? []) {
    if ("index" in component) component.index = String(component.index);
  }
  return copy;
}

/**
 * @param {string} kind
 * @param {any} v the values
 * @returns {any}
 */
function built(kind, v) {
  const file = [v.id ?? v.link, "id" in v];
  switch (kind) {
    case "text": return new m.Text(v.body, v.preview_url);
    case "image": return new m.Image(...file, v.caption);
    case "video": return new m.Video(...file, v.caption);
    case "document": return new m.Document(...file, v.caption, v.filename);
    case "sticker": return new m.Sticker(...file);
    case "audio": return new m.Audio(...file, v.voice);
    case "location": return new m.Location(v.longitude, v.latitude, v.name, v.address);
    case "reaction": return new m.Reaction(v.message_id, v.emoji);
    case "contacts": return new m.Contacts(...v.map(card));
    case "template": return new m.Template(v.name, v.language.code, ...(v.components ?? []).map(component));
    case "interactive": {
      const header = v.header && new m.Header(v.header.text ?? built(v.header.type, v.header[v.header.type]));
      const footer = v.footer && new m.Footer(v.footer.text);
      return new m.Interactive(action(v.type, v.action), new m.Body(v.body.text), header, footer);
    }
    default: throw new Error(`nothing builds ${kind}`);
  }
}

/** @param {string} kind @param {any} v */
function action(kind, v) {
  switch (kind) {
    case "button": return new m.ActionButtons(...v.buttons.map((b) => new m.Button(b.reply.id, b.reply.title)));
    case "cta_url": return new m.ActionCTA(v.parameters.display_text, v.parameters.url);
    case "location_request_message": return new m.ActionLocation();
    case "list": {
      const row = (r) => new m.Row(r.id, r.title, r.description);
      return new m.ActionList(v.button, ...v.sections.map((s) => new m.ListSection(s.title, ...s.rows.map(row))));
    }
    default: throw new Error(`nothing builds ${kind}`);
  }
}

/** @param {any} v */
function card({ name, phones = [], ...rest }) {
  assert.deepEqual(Object.keys(rest), [], "a card of the cases has members that nothing builds");
  const { formatted_name, first_name, last_name, middle_name, suffix, prefix } = name;
  const named = new m.Name(formatted_name, first_name, last_name, middle_name, suffix, prefix);
  return [named, ...phones.map((p) => new m.Phone(p.phone, p.type, p.wa_id))];
}

/** @param {any} v */
function component(v) {
  const of = (Parameter) => (p) => new Parameter(p.text ?? built(p.type, p[p.type]), p.parameter_name);
  if (v.type === "body") return new m.BodyComponent(...v.parameters.map(of(m.BodyParameter)));
  if (v.type === "header") return new m.HeaderComponent(...v.parameters.map(of(m.HeaderParameter)));
  assert.equal(v.sub_type, "url");
  return new m.URLComponent(v.parameters[0].text);
}

test("the library finds what we find", async (t) => {
  let compared = 0;
  for (const kind of ["inbound", "status"]) {
    const names = readdirSync(new URL(`whatsapp/${kind}/`, folder));
    for (const name of names.filter((file) => file.endsWith(".json") && !file.endsWith(".events.json"))) {
      await t.test(name, async () => {
        const raw = text(`whatsapp/${kind}/${name}`);
        const theirs = normalizeWebhook(JSON.parse(raw));
        const knock = delivery("https://gw.example.com/", { "content-type": "application/json" }, raw);
        const ours = await ask({ kind: "whatsapp", settings: SETTINGS, do: "read", ...knock });
        const ids = ours.events.map(({ event }) => event.id).filter(Boolean);
        for (const found of [...theirs.messages, ...theirs.statuses]) {
          compared += 1;
          if (tolerated("kapso", name)) assert(!ids.includes(found.id), "not needed any more");
          else assert(ids.includes(found.id), `${found.id} is not in ${ids}`);
        }
      });
    }
  }
  assert(compared > 80, `${compared}`);
});
