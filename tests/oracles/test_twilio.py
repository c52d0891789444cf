"""Every form that we send, sent again through the vendor's own client: the same parameters, address and credentials."""

import re
import unittest
import urllib.parse

from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from exchange import ask, cases, leave

ACCOUNT, TOKEN = "AC" + "0" * 31 + "1", "12345678901234567890123456789012"
PERSON = [{"kind": "phone", "value": "14155550100"}]
LISTS = {"MediaUrl", "PersistentAction"}


def tearDownModule():
    leave()


class Kept(HttpClient):
    """Keeps the request and answers as the vendor does."""

    def __init__(self):
        super().__init__(None, False, None)
        self.sent = None

    def request(self, method, url, params=None, data=None, headers=None, auth=None, **connection):
        self.sent = {"method": method.upper(), "url": url, "auth": auth, "pairs": pairs_of(data)}
        return Response(201, '{"sid": "SM1"}')


def pairs_of(data):
    """What the client's own HTTP layer makes of its parameters."""
    return urllib.parse.parse_qsl(urllib.parse.urlencode(data, doseq=True), keep_blank_values=True)


def argument(name):
    """`StatusCallback` as the client spells it."""
    word = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
    return "from_" if word == "from" else word


class Forms(unittest.TestCase):
    def test_the_client_sends_the_same(self):
        listed, sent = cases("twilio/outbound/cases.json"), 0
        everything = [(name, case) for name, case in listed["examples"].items() if "unused" not in case]
        everything += [(case["name"], case) for case in listed["forms"]]
        for name, case in everything:
            settings = {"account_sid": ACCOUNT, "auth_token": TOKEN} | case.get("settings", {})
            ours = ask(kind="twilio", settings=settings, do="render", **({"to": PERSON} | case["send"]))
            if "refused" in ours:
                continue
            with self.subTest(case=name):
                arguments = {}
                for field, value in ours["form"]:
                    if field in LISTS:
                        arguments.setdefault(argument(field), []).append(value)
                    else:
                        self.assertNotIn(argument(field), arguments, "a parameter twice")
                        arguments[argument(field)] = value
                kept = Kept()
                Client(ACCOUNT, TOKEN, http_client=kept).messages.create(**arguments)
                sent += 1
                self.assertEqual(sorted(kept.sent["pairs"]), sorted(map(tuple, ours["form"])))
                self.assertEqual((kept.sent["method"], kept.sent["url"]), (ours["method"], ours["url"]))
                self.assertEqual(kept.sent["auth"], (ACCOUNT, TOKEN))
        self.assertGreater(sent, 20)


if __name__ == "__main__":
    unittest.main()
