"""Broken connections, lost answers and busy servers between the client and the courier: always exactly one file."""

import unittest

from drive_courier import CourierError
from relay import Relay
from world import MIB, WAITS, WORLD, WorldTest, add_faults, files_named, noise

BUSY = (503, {"Content-Type": "text/html"}, b"<h1>no available instance</h1>")


class RelayTest(WorldTest):
    def relay(self, lose):
        relay = Relay(WORLD["courier"], lose)
        self.addCleanup(relay.close)
        return relay

    def test_lost_answers_make_no_duplicates(self):
        relay = self.relay(lambda n, path: "answer-lost" if n <= 2 else None)
        receipt = self.client(url=relay.url).send(b"once", name="py-lost.txt")
        self.assertEqual(receipt.outcome, "replayed")
        self.assert_stored_once(receipt, b"once")
        self.assertEqual(len(set(relay.keys)), 1)
        self.assertEqual(len(relay.seen), 3)

    def test_cut_connections_and_a_busy_platform(self):
        losses = ["cut", BUSY, "cut", None]
        relay = self.relay(lambda n, path: losses[n - 1])
        receipt = self.client(url=relay.url).send(b"once", name="py-cut.txt")
        self.assertEqual(receipt.outcome, "created")
        self.assert_stored_once(receipt, b"once")
        self.assertEqual(WAITS, [0.25, 0.5, 1.0])

    def test_retry_after_is_honoured(self):
        answers = [(503, {"Retry-After": "7"}, b""), (429, {"Retry-After": "2"}, b""), None]
        relay = self.relay(lambda n, path: answers[n - 1])
        self.client(url=relay.url).send(b"once", name="py-after.txt")
        self.assertEqual(WAITS, [7.25, 2.5])

    def test_what_is_not_retryable_is_asked_once(self):
        for status, code in ((403, "platform-refused"), (413, "body-too-large"), (404, "not-a-courier")):
            relay = self.relay(lambda n, path: (status, {}, b"no"))
            with self.assertRaises(CourierError) as caught:
                self.client(url=relay.url).send(b"x", name="py-refused.txt")
            self.assertEqual((caught.exception.code, caught.exception.status), (code, status))
            self.assertEqual(len(relay.seen), 1)

    def test_gives_up_after_six_attempts_with_the_key_to_go_on_with(self):
        relay = self.relay(lambda n, path: "cut")
        with self.assertRaises(CourierError) as caught:
            self.client(url=relay.url).send(b"x", name="py-given-up.txt")
        error = caught.exception
        self.assertEqual((error.code, error.retryable), ("courier-unreachable", True))
        self.assertEqual(relay.keys, [error.idempotency_key] * 6)
        receipt = self.client().send(b"x", name="py-given-up.txt", key=error.idempotency_key)
        self.assert_stored_once(receipt, b"x")

    def test_lost_answers_of_an_upload_session(self):
        content = noise(9 * MIB, seed=3)
        relay = self.relay(lambda n, path: "answer-lost" if n in (1, 3) else None)
        receipt = self.client(url=relay.url).send(content, name="py-lost-session.bin")
        self.assert_stored_once(receipt, content)
        self.assertEqual([path.rsplit("/", 1)[1] for path in relay.seen], ["uploads", "uploads", "complete", "complete"])

    def test_lost_answers_of_an_export(self):
        relay = self.relay(lambda n, path: "answer-lost" if n == 1 else None)
        document = {"name": "py-lost-export.txt", "source": {"text": "once"}}
        receipt = self.client(url=relay.url).export(document)
        self.assertEqual((receipt.outcome, len(files_named("py-lost-export.txt"))), ("replayed", 1))

    def test_an_early_refusal_of_a_long_body_is_read(self):
        relay = self.relay(lambda n, path: (413, {}, b"too long"))
        parts = (noise(MIB) for _ in range(24))
        with self.assertRaises(CourierError) as caught:
            self.client(url=relay.url).send(parts, name="py-early.bin")
        self.assertIn(caught.exception.code, ("body-too-large", "courier-unreachable"))

    def test_an_expired_token_is_replaced_once(self):
        relay = self.relay(lambda n, path: None)
        tokens = iter([WORLD["expiredToken"], self.client().token()])
        client = self.client(url=relay.url, key_file=None, id_token=lambda audience: next(tokens))
        self.assert_stored_once(client.send(b"x", name="py-expired.txt"), b"x")
        self.assertEqual((len(relay.seen), WAITS), (2, []))

    def test_a_courier_that_is_not_there(self):
        relay = self.relay(lambda n, path: None)
        relay.close()
        with self.assertRaises(CourierError) as caught:
            self.client(url=relay.url).destinations()
        self.assertEqual(caught.exception.code, "courier-unreachable")
        self.assertEqual(len(WAITS), 5)


class DriveFaultTest(WorldTest):
    def test_503_and_lost_answers_of_drive(self):
        add_faults(
            {"host": "www.googleapis.com", "method": "POST", "path": "*/upload/*", "nth": [1, 2, 3, 4],
             "fault": {"kind": "status", "status": 503}},
            {"host": "www.googleapis.com", "method": "POST", "path": "*/upload/*", "nth": [5],
             "fault": {"kind": "answer-lost"}},
        )
        receipt = self.client().send(b"once", name="py-drive-503.txt")
        self.assert_stored_once(receipt, b"once")

    def test_many_files_through_faults_drawn_by_chance(self):
        add_faults(
            {"host": "www.googleapis.com", "probability": 0.15, "fault": {"kind": "answer-lost"}},
            {"host": "www.googleapis.com", "probability": 0.15, "fault": {"kind": "status", "status": 503}},
        )
        client = self.client()
        for number in range(12):
            content = b"file %d" % number
            name = "py-many-%d.txt" % number
            receipt = None
            key = None
            while receipt is None:
                try:
                    receipt = client.send(content, name=name, key=key)
                except CourierError as error:
                    self.assertTrue(error.retryable, error)
                    key = error.idempotency_key
            self.assert_stored_once(receipt, content)


if __name__ == "__main__":
    unittest.main()
