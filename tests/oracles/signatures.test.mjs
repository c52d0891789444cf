// What the vendors' own libraries for Node sign or judge, the gateway judges alike.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, test } from "node:test";
import { verifySignature } from "@kapso/whatsapp-cloud-api/server";
import twilio from "twilio";
import { WhatsAppAPI } from "whatsapp-api-js";
import { ask, chance, delivery, leave } from "./exchange.mjs";

const CASES = 300;
const FORM = "application/x-www-form-urlencoded";
after(leave);

/**
 * Whether the gateway believes a delivery.
 * @param {string} kind
 * @param {Record<string, unknown>} settings
 * @param {ReturnType<typeof delivery>} knock
 */
async function believed(kind, settings, knock) {
  return (await ask({ kind, settings, do: "take", ...knock })).untaken !== "unverified";
}

/** @param {ReturnType<typeof chance>} any */
function address(any) {
  const scheme = ["https", "https", "http"][any.below(3)];
  const port = ["", "", ":443", ":80", ":8443"][any.below(5)];
  const query = any.below(2) ? `?${any.word()}=${encodeURIComponent(any.text(20))}&b='x'` : "";
  return `${scheme}://${any.word()}.example.com${port}/${encodeURIComponent(any.text(20))}${query}`;
}

/** @param {string} token */
const account = (token) => ({ account_sid: `AC${"0".repeat(32)}`, auth_token: token, sender: "+15005550006" });

test("forms that the vendor signs", async () => {
  for (let seed = 0; seed < CASES; seed++) {
    const any = chance(seed);
    const [url, token] = [address(any), any.word()];
    /** @type {Record<string, string | string[]>} */
    const fields = { MessageSid: `SM${"0".repeat(32)}`, Body: any.text(200) };
    for (let more = any.below(10); more > 0; more--) {
      fields[any.word()] = any.below(4) ? any.text(20) : [any.text(20), any.text(20)];
    }
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) form.append(name, one);
    const signature = twilio.getExpectedTwilioSignature(token, url, fields);
    const headers = { "content-type": FORM, "x-twilio-signature": signature };
    const seen = `seed ${seed}: ${url} ${form}`;
    assert(twilio.validateRequest(token, signature, url, fields), seen);
    assert(await believed("twilio", account(token), delivery(url, headers, `${form}`)), seen);
    assert(!(await believed("twilio", account(`${token}x`), delivery(url, headers, `${form}`))), seen);
    assert(!(await believed("twilio", account(token), delivery(url, headers, `${form}&Added=1`))), seen);
    assert(!(await believed("twilio", account(token), delivery(`${url}x`, headers, `${form}`))), seen);
  }
});

test("bodies of JSON that the vendor signs", async () => {
  for (let seed = 0; seed < CASES; seed++) {
    const any = chance(seed);
    const [body, token, bare] = [JSON.stringify({ [any.word()]: any.text(200) }), any.word(), address(any)];
    const url = `${bare}${bare.includes("?") ? "&" : "?"}bodySHA256=${twilio.getExpectedBodyHash(body)}`;
    const signature = twilio.getExpectedTwilioSignature(token, url, {});
    const headers = { "content-type": "application/json", "x-twilio-signature": signature };
    const seen = `seed ${seed}: ${url} ${body}`;
    assert(twilio.validateRequestWithBody(token, signature, url, body), seen);
    assert(await believed("twilio", account(token), delivery(url, headers, body)), seen);
    assert(!(await believed("twilio", account(token), delivery(url, headers, `${body} `))), seen);
    assert(!(await believed("twilio", account(`${token}x`), delivery(url, headers, body))), seen);
  }
});

test("signatures of the other family are judged alike", async () => {
  for (let seed = 0; seed < CASES; seed++) {
    const any = chance(seed);
    const secret = any.word();
    // The vendor escapes all that is not ASCII, and signs what it escaped.
    const body = JSON.stringify({ object: "whatsapp_business_account", entry: [], [any.word()]: any.text(300) })
      .replace(/[^\0-~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
    const good = createHmac("sha256", secret).update(body).digest("hex");
    const bad = good.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
    const api = new WhatsAppAPI({ token: "t", appSecret: secret, v: "v24.0" });
    const settings = { phone_number_id: "1", access_token: "t", verify_token: "v", app_secret: secret };
    for (const [digits, sent] of /** @type {const} */ ([[good, body], [bad, body], [good, `${body} `]])) {
      const header = `sha256=${digits}`;
      const knock = delivery("https://gw.example.com/", { "x-hub-signature-256": header }, sent);
      const ours = await believed("whatsapp", settings, knock);
      assert.equal(ours, await api.verifyRequestSignature(sent, header), `seed ${seed}: ${sent}`);
      assert.equal(ours, verifySignature({ appSecret: secret, rawBody: sent, signatureHeader: header }), `seed ${seed}`);
    }
  }
});
