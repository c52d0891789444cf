"""Deliveries to a customer's server, verified by the library that the customers of Standard Webhooks use."""

import http.server
import json
import queue
import threading
import unittest
import urllib.request

import standardwebhooks

from gateway import Gateway

PATIENCE = 60


class Receiver(http.server.ThreadingHTTPServer):
    """A customer's server: it takes everything and keeps it."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received = queue.Queue()
        self.url = f"http://127.0.0.1:{self.server_port}/hook"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()
        self.server.received.put((dict(self.headers), body))

    def log_message(self, *_):
        """A test's output is for what fails."""


class Deliveries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway(SWITCHBOARD__NETWORK__ALLOW_PRIVATE_ADDRESSES="true").__enter__()
        cls.addClassCleanup(cls.gateway.__exit__)

    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.server_close)
        self.addCleanup(self.receiver.shutdown)

    def post(self, path, body):
        headers = {"Authorization": f"Bearer {self.gateway.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.gateway.url + path, json.dumps(body).encode(), headers)
        return json.load(urllib.request.urlopen(request, timeout=PATIENCE))

    def asked(self, text):
        """Says something to the agent, of which the endpoint is told."""
        self.post(f"/api/agents/{self.gateway.agent}/chat", {"messages": [{"role": "user", "content": text}]})
        return self.receiver.received.get(timeout=PATIENCE)

    def endpoint(self):
        return self.post("/api/webhook-endpoints", {"url": self.receiver.url, "events": ["message.received"]})

    def test_is_verified_and_nothing_else_is(self):
        webhook = standardwebhooks.Webhook(self.endpoint()["secret"])
        headers, body = self.asked("When are you open? Ça va? 👋")
        event = webhook.verify(body, headers)
        self.assertEqual((event["event"], event["id"]), ("message.received", headers["webhook-id"]))
        self.assertEqual(event["data"]["message"]["body"], "When are you open? Ça va? 👋")
        stranger = standardwebhooks.Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        for library, said, under in [
            (stranger, body, headers),
            (webhook, body + b" ", headers),
            (webhook, body, {**headers, "webhook-id": "another"}),
            (webhook, body, {**headers, "webhook-timestamp": "1"}),
        ]:
            with self.assertRaises(standardwebhooks.webhooks.WebhookVerificationError):
                library.verify(said, under)

    def test_both_secrets_verify_while_they_change_over(self):
        endpoint = self.endpoint()
        rotated = self.post(f"/api/webhook-endpoints/{endpoint['id']}/rotate-secret", {"overlap_seconds": 3600})
        headers, body = self.asked("And now?")
        for secret in [endpoint["secret"], rotated["secret"]]:
            self.assertEqual(standardwebhooks.Webhook(secret).verify(body, headers)["event"], "message.received")

    def test_a_test_and_a_redelivery_are_signed_too(self):
        endpoint = self.endpoint()
        webhook = standardwebhooks.Webhook(endpoint["secret"])
        self.assertTrue(self.post(f"/api/webhook-endpoints/{endpoint['id']}/test", {})["success"])
        headers, body = self.receiver.received.get(timeout=PATIENCE)
        self.assertEqual(webhook.verify(body, headers)["event"], "webhook.test")
        first, body = self.asked("Once more")
        self.post(f"/api/webhook-deliveries/{first['webhook-id']}/redeliver", {})
        second, again = self.receiver.received.get(timeout=PATIENCE)
        self.assertEqual((second["webhook-id"], again), (first["webhook-id"], body))
        webhook.verify(again, second)


if __name__ == "__main__":
    unittest.main()
