"""The quick start's programs, run as they stand in the document by the interpreters that a newcomer has."""

import json
import os
import pathlib
import re
import subprocess
import sys
import unittest
import urllib.request

from gateway import Gateway

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs" / "quick-start.md"
# How a block of a language is run: the program stands on the command's input.
RUNNERS = {
    "sh": ["bash", "-euo", "pipefail", "-s"],
    "js": ["node", "--input-type=module", "-"],
    "python": [sys.executable, "-"],
}
QUESTIONS = ["When are you open?", "Do you deliver?"]


def programs():
    """Each program with its language."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [(language, program) for language, program in blocks if language != "console"]


class TheQuickStart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway().__enter__()
        cls.addClassCleanup(cls.gateway.__exit__)

    def read(self, path):
        request = urllib.request.Request(self.gateway.url + path, headers={"Authorization": f"Bearer {self.gateway.key}"})
        return json.load(urllib.request.urlopen(request, timeout=30))

    def run_program(self, language, program):
        environment = {**os.environ, "SWITCHBOARD_URL": self.gateway.url, "SWITCHBOARD_KEY": self.gateway.key}
        return subprocess.run(
            RUNNERS[language], input=program, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def test_has_a_program_for_everybody(self):
        self.assertEqual([language for language, _ in programs()], ["sh", "js", "python"])

    def test_every_program_converses(self):
        seen = {conversation["id"] for conversation in self.read("/api/conversations?limit=100")["items"]}
        for language, program in programs():
            with self.subTest(language=language):
                done = self.run_program(language, program)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                made = [one for one in self.read("/api/conversations?limit=100")["items"] if one["id"] not in seen]
                self.assertEqual(len(made), 1, "one program, one conversation")
                seen.add(made[0]["id"])
                messages = self.read(f"/api/conversations/{made[0]['id']}/messages")["messages"]
                asked = [message["body"] for message in messages if message["direction"] == "inbound"]
                answers = [message["body"] for message in messages if message["direction"] == "outbound"]
                self.assertEqual(asked, QUESTIONS)
                self.assertEqual(len(answers), 2)
                # What is printed is what was said: as it is, or as JSON.
                for text in [QUESTIONS[0], *answers]:
                    printed = text in done.stdout or json.dumps(text, ensure_ascii=False)[1:-1] in done.stdout
                    self.assertTrue(printed, f"{text!r} is not in {done.stdout}")


if __name__ == "__main__":
    unittest.main()
