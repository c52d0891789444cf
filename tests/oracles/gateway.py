"""Starts the gateway with its demo workspace, as a newcomer does, for the oracles that need it running."""

import json
import os
import re
import subprocess
import tempfile
import threading


class Gateway:
    """A gateway in a folder of its own; use it as a context. `SWITCHBOARD_TEST_BINARY` names the program, `settings` are
    variables of its environment."""

    def __init__(self, **settings):
        self._environment = {**os.environ, **settings}

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="switchboard-oracle-")
        command = [os.environ["SWITCHBOARD_TEST_BINARY"], "dev", "--listen", "127.0.0.1:0"]
        self.folder = self._folder.name
        self._log = open(os.path.join(self._folder.name, "log"), "wb")
        self._process = subprocess.Popen(
            [*command, "--data-dir", os.path.join(self._folder.name, "data")],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=self._environment,
        )
        self.key = None
        for line in self._process.stdout:
            if key := re.search(r"\bsb_[\w-]{32,}", line):
                self.key = self.key or key.group()
            if line.startswith("SWITCHBOARD READY "):
                facts = json.loads(line.removeprefix("SWITCHBOARD READY "))
                self.url, self.agent = facts["gateway"], facts["agent"]
                break
        else:
            raise AssertionError(f"the gateway ended before it was ready:\n{self.said()}")
        # Somebody must read on, or a full pipe would stop it.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()
        return self

    def said(self):
        """The end of the gateway's log."""
        with open(self._log.name, errors="replace") as log:
            return log.read()[-4000:]

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(timeout=30)
        self._log.close()
        self._folder.cleanup()
