"""Large files: upload sessions, resumed where they stopped."""

import io
import os
import signal
import subprocess
import sys
import time
import unittest

from drive_courier import CourierError
from world import MIB, WAITS, WORLD, WorldTest, add_faults, calls, files_named, noise, reset

CHUNK = 8 * MIB
BIG = noise(20 * MIB, seed=7)
PAST_LIMIT = noise(33 * MIB, seed=8)


def put_bytes():
    return sum(each["requestBytes"] for each in calls("PUT"))


class LargeFileTest(WorldTest):
    def test_goes_straight_to_drive_in_chunks(self):
        receipt = self.client(chunk_bytes=CHUNK).send(self.written("py-large.zip", BIG))
        self.assert_stored_once(receipt, BIG)
        puts = calls("PUT")
        self.assertEqual([each["requestBytes"] for each in puts if each["requestBytes"]], [CHUNK, CHUNK, 4 * MIB])
        self.assertEqual(os.listdir(os.path.join(self.folder, "sessions")), [])

    def test_of_memory_and_of_a_stream_whose_size_is_given(self):
        self.assert_stored_once(self.client(chunk_bytes=CHUNK).send(BIG, name="py-large-memory.zip"), BIG)

        class Unseekable(io.RawIOBase):
            """As the body of an S3 object is."""

            def __init__(self):
                super().__init__()
                self.inner = io.BytesIO(BIG)

            def readable(self):
                return True

            def readinto(self, buffer):
                return self.inner.readinto(buffer)

        receipt = self.client(chunk_bytes=CHUNK).send(Unseekable(), name="py-large-stream.zip", size=len(BIG))
        self.assert_stored_once(receipt, BIG)

    def test_survives_cuts_partial_chunks_503_and_a_lost_last_answer(self):
        add_faults(
            {"method": "PUT", "nth": [2], "fault": {"kind": "reset", "when": "during", "afterBytes": 5 * MIB}},
            {"method": "PUT", "nth": [4], "fault": {"kind": "partial", "storeAtMostBytes": MIB}},
            {"method": "PUT", "nth": [5], "fault": {"kind": "status", "status": 503, "retryAfterSeconds": 3}},
            {"method": "PUT", "nth": [7], "fault": {"kind": "answer-lost"}},
        )
        receipt = self.client(chunk_bytes=CHUNK).send(self.written("py-rough.zip", BIG))
        self.assert_stored_once(receipt, BIG)
        self.assertTrue(any(3.0 <= wait < 4.0 for wait in WAITS), WAITS)

    def test_a_stream_survives_them_too(self):
        add_faults(
            {"method": "PUT", "nth": [1], "fault": {"kind": "partial", "storeAtMostBytes": 3 * MIB}},
            {"method": "PUT", "nth": [3], "fault": {"kind": "reset", "when": "during", "afterBytes": 5 * MIB}},
        )
        parts = (BIG[at : at + 100_000] for at in range(0, len(BIG), 100_000))
        self.assert_stored_once(self.client(chunk_bytes=CHUNK).send(parts, name="py-rough-stream.zip", size=len(BIG)), BIG)

    def test_a_session_that_drive_forgets_is_opened_anew(self):
        add_faults({"method": "PUT", "nth": [2], "fault": {"kind": "forget-session"}})
        self.assert_stored_once(self.client(chunk_bytes=CHUNK).send(self.written("py-forgotten.zip", BIG)), BIG)

    def test_a_stream_whose_session_is_forgotten_names_its_key_and_can_be_sent_again(self):
        add_faults({"method": "PUT", "nth": [2], "fault": {"kind": "forget-session"}})
        send = lambda **options: self.client(chunk_bytes=CHUNK).send(  # noqa: E731
            iter([BIG]), name="py-forgotten-stream.zip", size=len(BIG), **options
        )
        with self.assertRaises(CourierError) as caught:
            send()
        self.assertTrue(caught.exception.retryable)
        self.assert_stored_once(send(key=caught.exception.idempotency_key), BIG)

    def test_a_stored_byte_that_is_another_is_noticed(self):
        add_faults({"method": "PUT", "nth": [2], "fault": {"kind": "corrupt", "offset": 7}})
        with self.assertRaises(CourierError) as caught:
            self.client(chunk_bytes=CHUNK).send(self.written("py-corrupt.zip", BIG))
        self.assertEqual(caught.exception.code, "digest-mismatch")
        self.assertEqual(files_named("py-corrupt.zip"), [])

    def test_gives_up_after_six_failures_in_a_row_and_resumes_later(self):
        add_faults({"method": "PUT", "nth": list(range(2, 9)), "fault": {"kind": "status", "status": 503}})
        path = self.written("py-later.zip", BIG)
        with self.assertRaises(CourierError) as caught:
            self.client(chunk_bytes=CHUNK).send(path)
        error = caught.exception
        self.assertEqual((error.code, error.retryable), ("upload-interrupted", True))
        self.assertTrue(error.idempotency_key)
        # Whoever has the session's address can write the file.
        self.assertNotIn("upload_id", str(error))
        self.assertEqual(len(os.listdir(os.path.join(self.folder, "sessions"))), 1)
        reset()
        receipt = self.client(chunk_bytes=CHUNK).send(path)
        self.assert_stored_once(receipt, BIG)
        # One question, and what was missing.
        self.assertLessEqual(put_bytes(), len(BIG) - CHUNK)

    def test_a_large_file_that_is_read_only_is_replaced_through_the_courier(self):
        client = self.client()
        client.send(b"first", name="py-locked.bin", to="locked")
        content = noise(9 * MIB)
        receipt = client.send(content, name="py-locked.bin", to="locked", on_conflict="replace")
        self.assertEqual((receipt.outcome, receipt.size), ("replaced", len(content)))
        self.assertEqual(len(files_named("py-locked.bin")), 1)

    def test_a_large_file_for_a_destination_that_converts_or_skips(self):
        table = b"a,b\r\n" + b"1,2\r\n" * (2 * MIB)
        client = self.client(chunk_bytes=CHUNK)
        self.assertEqual(client.send(table, name="py-once.csv", to="once").outcome, "created")
        self.assertEqual(client.send(table, name="py-once.csv", to="once").outcome, "skipped")
        self.assertEqual(len(files_named("py-once.csv")), 1)

    def test_a_file_that_changes_is_not_delivered(self):
        path = self.written("py-changing.zip", BIG)

        def change(sent, total):
            if sent == CHUNK:
                with open(path, "ab") as file:
                    file.write(b"more")

        with self.assertRaises(CourierError) as caught:
            self.client(chunk_bytes=CHUNK).send(path, on_progress=change)
        self.assertEqual(caught.exception.code, "file-changed")
        self.assertEqual(files_named("py-changing.zip"), [])


class KilledProcessTest(WorldTest):
    def test_the_next_run_resumes_where_drive_has_it(self):
        path = self.written("py-killed.zip", BIG)
        add_faults({"method": "PUT", "nth": [3], "fault": {"kind": "delay", "ms": 60_000}})
        script = (
            "import sys, drive_courier\n"
            "url, audience, keys, sessions, path = sys.argv[1:]\n"
            "client = drive_courier.Client(\n"
            "    url, audience=audience, credentials_file=keys, session_folder=sessions, chunk_bytes=8 << 20)\n"
            "client.send(path)\n"
        )
        sessions = os.path.join(self.folder, "sessions")
        arguments = [WORLD["courier"], WORLD["audience"], WORLD["keyFiles"]["exporter"], sessions, path]
        process = subprocess.Popen([sys.executable, "-c", script, *arguments])
        try:
            deadline = time.monotonic() + 60
            while len(calls("PUT")) < 3 and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            process.kill()
        self.assertEqual(process.wait(), -signal.SIGKILL)
        # What the first two chunks brought is there, and the third one may be under way.
        reset()
        receipt = self.client(chunk_bytes=CHUNK, session_folder=sessions).send(path)
        self.assertEqual(receipt.outcome, "created")
        self.assert_stored_once(receipt, BIG)
        self.assertLessEqual(put_bytes(), 4 * MIB)


class RequestLimitTest(WorldTest):
    """Cloud Functions and Cloud Run's HTTP/1 accept 32 MiB in one request; the courier as a function has that limit."""

    def test_a_file_past_it_is_sent_by_a_session(self):
        receipt = self.client(url=WORLD["function"]).send(self.written("py-past-limit.zip", PAST_LIMIT))
        self.assert_stored_once(receipt, PAST_LIMIT)

    def test_a_stream_past_it_says_what_to_do_and_works_with_its_size(self):
        parts = lambda: (PAST_LIMIT[at : at + MIB] for at in range(0, len(PAST_LIMIT), MIB))  # noqa: E731
        client = self.client(url=WORLD["function"])
        with self.assertRaises(CourierError) as caught:
            client.send(parts(), name="py-stream-limit.zip")
        self.assertIn(caught.exception.code, ("too-large", "body-too-large", "length-required"))
        self.assertEqual(files_named("py-stream-limit.zip"), [])
        self.assert_stored_once(client.send(parts(), name="py-stream-limit.zip", size=len(PAST_LIMIT)), PAST_LIMIT)

    def test_a_service_takes_a_stream_of_any_length(self):
        parts = (PAST_LIMIT[at : at + MIB] for at in range(0, len(PAST_LIMIT), MIB))
        self.assert_stored_once(self.client().send(parts, name="py-long-stream.zip"), PAST_LIMIT)


if __name__ == "__main__":
    unittest.main()
