// The OpenAPI document as its readers' tools see it: a linter finds nothing, and a client generated from it compiles and
// runs a conversation.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { startGateway } from "./gateway.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const document = join(here, "..", "..", "docs", "openapi.json");
const run = promisify(execFile);
/** @param {string} name @param {string[]} options */
const tool = (name, ...options) =>
  run(join(here, "node_modules", ".bin", name), options, { maxBuffer: 64 * 1024 * 1024 }).catch((failed) =>
    assert.fail(`${name}: ${failed.stdout}${failed.stderr}`),
  );

test("the linter has nothing to say", async () => {
  const options = ["--ruleset", join(here, "spectral.yaml"), "--format", "json", "--quiet"];
  const { stdout } = await tool("spectral", "lint", document, ...options);
  const { paths } = JSON.parse(await readFile(document, "utf8"));
  /** What is not built answers 501 and nothing else. @param {{code: string, path: string[]}} finding */
  const isUnbuilt = ({ code, path: [, path, method] }) =>
    code === "operation-success-response" && paths[path][method].tags.includes("not built yet");
  const findings = JSON.parse(stdout).filter((/** @type {any} */ finding) => !isUnbuilt(finding));
  assert.deepEqual(findings, []);
});

test("a generated client compiles and converses", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "switchboard-client-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(join(here, "client"), folder, { recursive: true });
  await symlink(join(here, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await tool("openapi-typescript", document, "--output", join(folder, "generated.ts"));
  const options = ["--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck"];
  await tool("tsc", ...options, "--outDir", join(folder, "compiled"), join(folder, "conversation.ts"));
  const gateway = await startGateway();
  t.after(gateway.close);
  const { converse } = await import(pathToFileURL(join(folder, "compiled", "conversation.js")).href);
  const said = await converse(gateway.url, gateway.key, gateway.agent);
  assert.equal(said.length, 3);
  assert.equal(said[0], "When are you open?");
  assert.equal(said[2], "A person is here now.");
});
