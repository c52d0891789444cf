// Runs the browser tests: every *.test.mjs of this folder, under Node's own test runner.
//
//   node tests/browser/run.mjs [FILTER]
//
// SWITCHBOARD_TEST_CHROMIUM names the browser, SWITCHBOARD_TEST_BINARY the gateway to start; `./check` sets both.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".test.mjs"))
  .sort()
  .map((name) => join(folder, name));

/** @returns {number} the exit code */
function run() {
  if (files.length === 0) {
    console.log("browser tests: no *.test.mjs in this folder");
    return 0;
  }
  for (const name of ["SWITCHBOARD_TEST_CHROMIUM", "SWITCHBOARD_TEST_BINARY"]) {
    if (!process.env[name]) {
      console.error(`browser tests: ${name} is not set; run them through ./check`);
      return 1;
    }
  }
  const filter = process.argv[2];
  const options = filter ? [`--test-name-pattern=${filter}`] : [];
  const result = spawnSync(process.execPath, ["--test", ...options, ...files], { stdio: "inherit" });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

process.exitCode = run();
