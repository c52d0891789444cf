"""The OpenAPI document against the running gateway: schemathesis asks every operation with good and bad requests, alone and
one after the other, and compares what comes back with what is documented."""

import json
import os
import pathlib
import random
import subprocess
import sys
import unittest
import urllib.request

from gateway import Gateway

# Requests to each operation, beside the systematic ones.
EXAMPLES = int(os.environ.get("SWITCHBOARD_TEST_EXAMPLES", "6"))
# The same requests each time, so that a failure belongs to the change that it is seen with; `random` looks further.
SEED = os.environ.get("SWITCHBOARD_TEST_SEED") or "20261122"
HERE = pathlib.Path(__file__).parent


class TheDocument(unittest.TestCase):
    def test_tells_what_the_gateway_does(self):
        with Gateway() as gateway:
            header = f"Authorization: Bearer {gateway.key}"
            self.ask(gateway, ["--header", header, "--max-examples", str(EXAMPLES)], {"SWITCHBOARD_TEST_KEY_ID": key_id(gateway)})

    def test_tells_what_strangers_are_answered(self):
        with Gateway() as gateway:
            # Whoever has no key is refused before anything of a request is read, so that few requests tell all.
            self.ask(gateway, ["--phases", "examples,fuzzing", "--max-examples", "2"], {})

    def ask(self, gateway, options, settings):
        seed = random.randrange(2**32) if SEED == "random" else int(SEED)
        schemathesis = pathlib.Path(sys.executable).parent / "schemathesis"
        command = [schemathesis, "--config-file", HERE / "schemathesis.toml", "run", f"{gateway.url}/openapi.json"]
        command += ["--checks", "all", "--seed", str(seed), "--continue-on-failure", "--request-timeout", "30", "--no-color"]
        environment = {**os.environ, **settings, "SCHEMATHESIS_HOOKS": "document_hooks", "PYTHONPATH": str(HERE)}
        run = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=900, env=environment, cwd=gateway.folder
        )
        self.assertEqual(run.returncode, 0, f"seed {seed}\n{run.stdout[-30000:]}{run.stderr[-4000:]}\n{gateway.said()}")


def key_id(gateway):
    """The id of the key that the demo workspace has for its newcomer."""
    request = urllib.request.Request(f"{gateway.url}/api/api-keys", headers={"Authorization": f"Bearer {gateway.key}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        keys = json.load(answer)["items"]
    return next(key["id"] for key in keys if gateway.key.startswith(key["prefix"]))


if __name__ == "__main__":
    unittest.main()
