// Starts the gateway with its demo workspace, as a newcomer does, for the oracles that need it running.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const READY = "SWITCHBOARD READY ";
const PATIENCE_MS = 60_000;

/** @typedef {{url: string, key: string, agent: string, close: () => Promise<void>}} Gateway */

/**
 * @param {Record<string, string>} [settings] variables of its environment
 * @returns {Promise<Gateway>} the program that `SWITCHBOARD_TEST_BINARY` names, in a folder of its own
 */
export async function startGateway(settings) {
  const folder = await mkdtemp(join(tmpdir(), "switchboard-oracle-"));
  const child = spawn(
    process.env.SWITCHBOARD_TEST_BINARY ?? assertNamed(),
    ["dev", "--listen", "127.0.0.1:0", "--data-dir", folder],
    { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, ...settings } },
  );
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const close = async () => {
    child.kill("SIGTERM");
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  let key = "";
  const facts = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the gateway was not ready in time")), PATIENCE_MS);
    child.once("exit", (code) => reject(new Error(`the gateway ended with ${code} before it was ready`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      key ||= /\bsb_[\w-]{32,}/.exec(line)?.[0] ?? "";
      if (!line.startsWith(READY)) return;
      clearTimeout(timer);
      resolve(JSON.parse(line.slice(READY.length)));
    });
  });
  return { url: facts.gateway, key, agent: facts.agent, close };
}

/** @returns {never} */
function assertNamed() {
  throw new Error("SWITCHBOARD_TEST_BINARY does not name the gateway to start");
}
