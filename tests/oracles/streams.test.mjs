// The three ways in which an answer streams, read by what people read streams with: an EventSource by the specification,
// Node's fetch, and curl. Each reads the same as the conversation holds.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { EventSource } from "eventsource";
import { startGateway } from "./gateway.mjs";

/** @type {import("./gateway.mjs").Gateway} */
let gateway;
before(async () => void (gateway = await startGateway()));
after(() => gateway?.close());

const QUESTION = "When are you open?";
const headers = () => ({ authorization: `Bearer ${gateway.key}`, "content-type": "application/json" });

/** What was read of an answer: its pieces, and the whole that its end tells. @typedef {{pieces: string[], whole: string}} Read */

/**
 * Where an answer streams, with the request's body and what one value of the stream says.
 * @type {Record<string, {path: () => string, body: () => object, events: boolean, say: (value: any, read: Read) => boolean}>}
 */
const STREAMS = {
  "the functions' events": {
    path: () => "/functions/v1/allxone-agent-chat",
    body: () => ({ agent_id: gateway.agent, messages: [{ role: "user", content: QUESTION }] }),
    events: true,
    say: ({ chunk, done, full_response }, read) => {
      if (done) read.whole = full_response;
      else read.pieces.push(chunk);
      return done === true;
    },
  },
  "the assistant's events": {
    path: () => "/api/v1/chat",
    body: () => ({ message: QUESTION, stream: true }),
    events: true,
    say: ({ chunk, done, data }, read) => {
      if (done) read.whole = data.message;
      else read.pieces.push(chunk);
      return done === true;
    },
  },
  "the agent's lines": {
    path: () => `/api/agents/${gateway.agent}/chat`,
    body: () => ({ messages: [{ role: "user", content: QUESTION }], stream: true }),
    events: false,
    say: ({ type, delta, message }, read) => {
      if (type === "done") read.whole = message.content;
      else read.pieces.push(delta);
      return type === "done";
    },
  },
};

/** @typedef {(typeof STREAMS)[string]} Stream */

/** @param {Stream} stream @returns {Promise<Read>} by an EventSource, which here may ask with a body */
function byEventSource({ path, body, say }) {
  const read = { pieces: /** @type {string[]} */ ([]), whole: "" };
  return new Promise((resolve, reject) => {
    const source = new EventSource(gateway.url + path(), {
      fetch: (url, init) =>
        fetch(url, { ...init, method: "POST", headers: { ...init.headers, ...headers() }, body: JSON.stringify(body()) }),
    });
    source.onmessage = ({ data }) => {
      if (!say(JSON.parse(data), read)) return;
      // Otherwise it would ask again.
      source.close();
      resolve(read);
    };
    source.onerror = (problem) => {
      source.close();
      reject(new Error(`${problem.code} ${problem.message}`));
    };
  });
}

/** @param {Stream} stream @param {string} text @returns {Read} what a whole stream says, line by line */
function parsed({ events, say }, text) {
  const read = { pieces: /** @type {string[]} */ ([]), whole: "" };
  const lines = text.split("\n").filter((line) => line && !line.startsWith(":"));
  const values = lines.map((line) => {
    if (events) assert.match(line, /^data: /);
    return JSON.parse(events ? line.slice("data: ".length) : line);
  });
  const ends = values.map((value) => say(value, read));
  assert.deepEqual(ends, values.map((_, at) => at === values.length - 1), "the last value, and only that, is the end");
  return read;
}

/** @param {Stream} stream @returns {Promise<Read>} */
async function byFetch(stream) {
  const answer = await fetch(gateway.url + stream.path(), { method: "POST", headers: headers(), body: JSON.stringify(stream.body()) });
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type") ?? "", stream.events ? /^text\/event-stream/ : /^application\/x-ndjson/);
  let text = "";
  let arrivals = 0;
  assert.ok(answer.body);
  for await (const piece of /** @type {any} */ (answer.body.pipeThrough(new TextDecoderStream()))) {
    text += piece;
    arrivals++;
  }
  assert.ok(arrivals > 1, "it came as a stream");
  return parsed(stream, text);
}

/** @param {Stream} stream @returns {Promise<Read>} */
async function byCurl(stream) {
  const options = ["-fsSN", gateway.url + stream.path(), "-d", JSON.stringify(stream.body())];
  for (const [name, value] of Object.entries(headers())) options.push("-H", `${name}: ${value}`);
  const child = spawn("curl", options, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  let text = "";
  for await (const piece of child.stdout.setEncoding("utf8")) text += piece;
  assert.equal(await ended, 0);
  return parsed(stream, text);
}

for (const [name, stream] of Object.entries(STREAMS)) {
  const readers = { ...(stream.events && { "an EventSource": byEventSource }), "Node's fetch": byFetch, curl: byCurl };
  for (const [reader, readBy] of Object.entries(readers)) {
    test(`${name}, read by ${reader}`, async () => {
      const { pieces, whole } = await readBy(stream);
      assert.ok(pieces.length > 0 && whole.length > 0);
      assert.equal(pieces.join(""), whole, "the pieces are the whole");
    });
  }
}
