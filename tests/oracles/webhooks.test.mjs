// Deliveries to a customer's server, verified by the library for Node that the customers of Standard Webhooks use.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { startGateway } from "./gateway.mjs";

/** @type {import("./gateway.mjs").Gateway} */
let gateway;
before(async () => {
  gateway = await startGateway({ SWITCHBOARD__NETWORK__ALLOW_PRIVATE_ADDRESSES: "true" });
});
after(() => gateway?.close());

/** What came of a delivery. @typedef {{headers: Record<string, string>, body: string}} Delivery */

/** A customer's server: it takes everything. @param {import("node:test").TestContext} t */
async function startReceiver(t) {
  /** @type {Delivery[]} */
  const received = [];
  /** @type {((delivery: Delivery) => void)[]} */
  const waiting = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request.setEncoding("utf8")) body += piece;
    response.writeHead(204).end();
    const delivery = { headers: /** @type {Record<string, string>} */ (request.headers), body };
    const waiter = waiting.shift();
    if (waiter) waiter(delivery);
    else received.push(delivery);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address && typeof address === "object");
  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    /** @returns {Promise<Delivery>} */
    next: async () => received.shift() ?? new Promise((resolve) => waiting.push(resolve)),
  };
}

/** @param {string} path @param {object} body */
async function post(path, body) {
  const headers = { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" };
  const answer = await fetch(gateway.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

test("a delivery is verified, and nothing that was tampered with", { timeout: 60_000 }, async (t) => {
  const receiver = await startReceiver(t);
  const { id, secret } = await post("/api/webhook-endpoints", { url: receiver.url, events: ["message.received"] });
  const said = { messages: [{ role: "user", content: "When are you open? Ça va? 👋" }] };
  await post(`/api/agents/${gateway.agent}/chat`, said);
  const { headers, body } = await receiver.next();
  const event = /** @type {any} */ (new Webhook(secret).verify(body, headers));
  assert.equal(event.event, "message.received");
  assert.equal(event.id, headers["webhook-id"]);
  assert.equal(event.data.message.body, said.messages[0].content);
  assert.throws(() => new Webhook(secret).verify(`${body} `, headers), WebhookVerificationError);
  assert.throws(() => new Webhook(secret).verify(body, { ...headers, "webhook-id": "another" }), WebhookVerificationError);
  assert.throws(() => new Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").verify(body, headers), WebhookVerificationError);

  const rotated = await post(`/api/webhook-endpoints/${id}/rotate-secret`, { overlap_seconds: 3600 });
  await post(`/api/agents/${gateway.agent}/chat`, said);
  const later = await receiver.next();
  for (const either of [secret, rotated.secret]) new Webhook(either).verify(later.body, later.headers);
});
