"""What the vendors' own libraries sign, the gateway accepts; what somebody changed on the way, it does not."""

import hashlib
import hmac
import json
import string
import unittest
import urllib.parse

from pywa.utils import webhook_updates_validator
from twilio.request_validator import RequestValidator

from exchange import ask, chance, delivery, leave

CASES = 300
FORM = "application/x-www-form-urlencoded"
ALPHABET = string.ascii_letters + string.digits + " +&=%?#/'\"~!*()-_.,;:@\n\r\t" + "äßñ€東京👍🏽\u0000\u200b"


def tearDownModule():
    leave()


def text(any_, longest=20):
    return "".join(any_.choice(ALPHABET) for _ in range(any_.randrange(longest)))


def word(any_):
    return "".join(any_.choice(string.ascii_letters + string.digits) for _ in range(any_.randrange(1, 12)))


def address(any_):
    """The public address of a callback, with and without a port, a query and characters that need escaping."""
    scheme = any_.choice(["https", "https", "http"])
    port = any_.choice(["", "", ":443", ":80", ":8443"])
    path = "/".join(urllib.parse.quote(text(any_)) for _ in range(any_.randrange(1, 4)))
    query = "&".join(f"{word(any_)}={urllib.parse.quote_plus(text(any_))}" for _ in range(any_.randrange(3)))
    return f"{scheme}://{word(any_).lower()}.example.com{port}/{path}" + (f"?{query}" if query else "")


class Fields(dict):
    """A form whose names may repeat, as the validator knows them from web frameworks."""

    def getall(self, name):
        return self[name]


def form(any_):
    fields = Fields({"MessageSid": ["SM" + "0" * 32], "Body": [text(any_, 200)], "AccountSid": ["AC" + "0" * 31 + "1"]})
    for _ in range(any_.randrange(12)):
        fields.setdefault(word(any_), []).extend(text(any_) for _ in range(any_.choice([1, 1, 1, 2, 3])))
    pairs = [(name, value) for name, values in fields.items() for value in values]
    any_.shuffle(pairs)
    return fields, urllib.parse.urlencode(pairs).encode()


def damaged(any_, what):
    """The same bytes or text with one character changed, added or taken away."""
    letters = [b"x", b"y"] if isinstance(what, bytes) else ["x", "y"]
    at = any_.randrange(len(what))
    other = next(letter for letter in letters if letter != what[at : at + 1])
    return any_.choice([what[:at] + other + what[at + 1 :], what[:at] + other + what[at:]])


def port_moved(url):
    """The address as a proxy passes it on: the vendor may sign it with its port or without."""
    parts = urllib.parse.urlsplit(url)
    standard = 443 if parts.scheme == "https" else 80
    if parts.port is None:
        return url.replace(parts.netloc, f"{parts.netloc}:{standard}", 1)
    return url.replace(f":{parts.port}", "", 1)


class Twilio(unittest.TestCase):
    def accepted(self, token, url, headers, body, **more):
        settings = {"account_sid": "AC" + "0" * 31 + "1", "auth_token": token, "sender": "+15005550006"} | more
        taken = ask(kind="twilio", settings=settings, do="take", **delivery(url, list(headers.items()), body))
        return taken.get("untaken") != "unverified"

    def test_forms(self):
        for seed in range(CASES):
            any_ = chance(f"form {seed}")
            url, (fields, body), token = address(any_), form(any_), word(any_) + "t"
            signed = any_.choice([url, port_moved(url)])
            signature = RequestValidator(token).compute_signature(signed, fields)
            headers = {"content-type": FORM, "x-twilio-signature": signature}
            with self.subTest(seed=seed, url=url, signed=signed, body=body):
                self.assertTrue(RequestValidator(token).validate(url, fields, signature), "the library itself")
                self.assertTrue(self.accepted(token, url, headers, body))
                self.assertFalse(self.accepted(token + "x", url, headers, body), "another token")
                self.assertFalse(self.accepted(token, url, headers, body + b"&Added=1"), "a field more")
                self.assertFalse(self.accepted(token, url + "x", headers, body), "another address")
                wrong = headers | {"x-twilio-signature": damaged(any_, signature)}
                self.assertFalse(self.accepted(token, url, wrong, body), "another signature")

    def test_bodies_of_json(self):
        for seed in range(CASES):
            any_ = chance(f"json {seed}")
            body = json.dumps({word(any_): text(any_, 200) for _ in range(3)}, ensure_ascii=any_.random() < 0.5)
            token, url = word(any_) + "t", address(any_)
            validator = RequestValidator(token)
            url += ("&" if "?" in url else "?") + "bodySHA256=" + validator.compute_hash(body)
            headers = {"content-type": "application/json", "x-twilio-signature": validator.compute_signature(url, {})}
            with self.subTest(seed=seed, url=url, body=body):
                self.assertTrue(self.accepted(token, url, headers, body.encode()))
                self.assertFalse(self.accepted(token, url, headers, damaged(any_, body.encode())), "another body")
                self.assertFalse(self.accepted(token + "x", url, headers, body.encode()), "another token")

    def test_shared_keys(self):
        for seed in range(CASES):
            any_ = chance(f"shared key {seed}")
            url, (fields, body), key = address(any_), form(any_), word(any_) + "k"
            signature = RequestValidator(key).compute_signature(url, fields, "HMAC_SHA256")
            stated = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
            headers = {"content-type": FORM, "x-twilio-signature": signature}
            headers["x-twilio-webhooks-signature-settings"] = stated
            more = {"shared_key": key, "signature_algorithm": "either"}
            with self.subTest(seed=seed, url=url, body=body):
                self.assertTrue(self.accepted("token", url, headers, body, **more))
                self.assertFalse(self.accepted("token", url, headers, body, **more | {"shared_key": "x" + key}))
                self.assertFalse(self.accepted("token", url, headers, body), "it takes no such signatures")


class Meta(unittest.TestCase):
    """The validator only judges; so both judge the same signatures, good and damaged."""

    SETTINGS = {
        "whatsapp": {"phone_number_id": "1", "access_token": "t", "verify_token": "v"},
        "instagram": {"account_id": "1", "access_token": "t", "verify_token": "v"},
        "messenger": {"page_id": "1", "access_token": "t", "verify_token": "v"},
    }

    def accepted(self, kind, secret, header, body):
        settings = self.SETTINGS[kind] | {"app_secret": secret}
        headers = [("content-type", "application/json"), ("x-hub-signature-256", header)]
        taken = ask(kind=kind, settings=settings, do="take", **delivery("https://gw.example.com/", headers, body))
        return taken.get("untaken") != "unverified"

    def test_both_judge_alike(self):
        for seed in range(CASES):
            any_ = chance(f"hub {seed}")
            kind, secret = any_.choice(sorted(self.SETTINGS)), word(any_) + "s"
            body = json.dumps({"object": kind, "entry": [], word(any_): text(any_, 300)}).replace("/", "\\/").encode()
            digits = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            for header, sent in [
                (f"sha256={digits}", body),
                (f"sha256={damaged(any_, digits)}", body),
                (f"sha256={digits}", damaged(any_, body)),
                (f"sha256={hmac.new(b'other', body, hashlib.sha256).hexdigest()}", body),
            ]:
                with self.subTest(seed=seed, header=header, body=sent):
                    theirs = webhook_updates_validator(secret, sent, header)
                    self.assertEqual(self.accepted(kind, secret, header, sent), theirs)


if __name__ == "__main__":
    unittest.main()
