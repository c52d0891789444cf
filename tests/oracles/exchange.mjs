// Asks the channels of the gateway (channels/examples/exchange.rs) and finds the cases; it knows no vendor's rules.
//
// Every file of tests asks one program, a line for a line. SWITCHBOARD_TEST_EXCHANGE names it.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const fixtures = new URL("../../channels/tests/fixtures/", import.meta.url);
const program = process.env["SWITCHBOARD_TEST_EXCHANGE"];
if (!program) throw new Error("SWITCHBOARD_TEST_EXCHANGE is not set; run the tests through ./check");
const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

/** @type {Record<string, Record<string, {why: string}>>} */
const differences = JSON.parse(readFileSync(new URL("differences.json", import.meta.url), "utf8"));

/**
 * The program's answer to one question. One at a time.
 * @param {Record<string, unknown>} question
 * @returns {Promise<any>}
 */
export async function ask(question) {
  child.stdin.write(`${JSON.stringify(question)}\n`);
  const { value, done } = await answers.next();
  if (done) throw new Error(`the exchange ended at ${JSON.stringify(question).slice(0, 2000)}`);
  return JSON.parse(value);
}

/** Ends the program; its input's end is its end. */
export function leave() {
  child.stdin.end();
}

/**
 * A delivery as the exchange takes it.
 * @param {string} url
 * @param {Record<string, string>} headers
 * @param {string | Buffer} body
 */
export function delivery(url, headers, body) {
  return { url, headers: Object.entries(headers), body: Buffer.from(body).toString("base64") };
}

/**
 * The text of a file of the cases.
 * @param {string} name
 */
export function text(name) {
  return readFileSync(new URL(name, fixtures), "utf8");
}

/** Where the cases lie. */
export const folder = fixtures;

/**
 * A file of cases, with {"repeat": "x", "times": 3} written out.
 * @param {string} name
 * @returns {any}
 */
export function cases(name) {
  return JSON.parse(text(name), (_, value) =>
    value !== null && typeof value === "object" && "repeat" in value && "times" in value
      ? value.repeat.repeat(value.times)
      : value,
  );
}

/**
 * Why a difference from this oracle is right.
 * @param {string} oracle
 * @param {string} name
 */
export function tolerated(oracle, name) {
  return differences[oracle]?.[name];
}

/**
 * A source of chance that says the same again for the same seed (mulberry32).
 * @param {number} seed
 */
export function chance(seed) {
  let state = seed + 1;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (/** @type {number} */ limit) => Math.floor(next() * limit);
  const words = [..."abcXYZ019 +&=%?#/'\"~!*()-_.,;:@\n\täßñ€東京", "👍🏽", "\u200b"];
  return {
    below,
    /** @param {number} longest */
    text: (longest) => Array.from({ length: below(longest) }, () => words[below(words.length)]).join(""),
    word: () => `w${below(1e9).toString(36)}`,
  };
}
