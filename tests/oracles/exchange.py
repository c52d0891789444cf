"""Asks the channels of the gateway (`channels/examples/exchange.rs`) and finds the cases; it knows no vendor's rules.

Every process of the tests asks one program, a line for a line. `SWITCHBOARD_TEST_EXCHANGE` names it.
"""

import base64
import json
import os
import pathlib
import random
import subprocess

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "channels" / "tests" / "fixtures"
DIFFERENCES = json.loads((pathlib.Path(__file__).parent / "differences.json").read_text())

_program = None


def ask(**question):
    """The program's answer to one question."""
    global _program
    if _program is None:
        _program = subprocess.Popen(
            [os.environ["SWITCHBOARD_TEST_EXCHANGE"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    _program.stdin.write(json.dumps(question).encode() + b"\n")
    _program.stdin.flush()
    answer = _program.stdout.readline()
    if not answer:
        raise AssertionError(f"the exchange ended at {json.dumps(question)[:2000]}")
    return json.loads(answer)


def leave():
    """Ends the program; its input's end is its end."""
    global _program
    if _program is not None:
        _program.stdin.close()
        _program.stdout.close()
        _program.wait()
        _program = None


def delivery(url, headers, body, now=0):
    """A delivery as the exchange takes it."""
    return {"url": url, "headers": headers, "body": base64.b64encode(body).decode(), "now": now}


def cases(name):
    """A file of cases, with `{"repeat": "x", "times": 3}` written out."""
    return _written_out(json.loads((FIXTURES / name).read_bytes()))


def _written_out(value):
    if isinstance(value, dict):
        if value.keys() == {"repeat", "times"}:
            return value["repeat"] * value["times"]
        return {name: _written_out(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_written_out(member) for member in value]
    return value


def tolerated(oracle, case):
    """Why a difference from this oracle is right, or None."""
    return DIFFERENCES.get(oracle, {}).get(case)


def chance(seed):
    """A source of chance that says the same again: a failure names its seed by the case."""
    return random.Random(seed)
