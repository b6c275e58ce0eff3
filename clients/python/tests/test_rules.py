"""Rules that need no courier."""

import ast
import io
import json
import os
import tempfile
import threading
import unittest
from pathlib import Path

import drive_courier
from drive_courier import Client, CourierError, RetryPolicy
from drive_courier._export import send_document
from drive_courier._http import Answer
from drive_courier._media_types import media_type_of
from drive_courier._put_session import Stored, step_of
from drive_courier._session_store import KeptSession, SessionStore
from drive_courier._sources import open_source
from drive_courier._token import TokenCache, expiry_of
from drive_courier.errors import failure

PACKAGE = Path(drive_courier.__file__).parent


class PackageTest(unittest.TestCase):
    def test_every_file_is_valid_python_3_9(self):
        files = list(PACKAGE.rglob("*.py"))
        self.assertGreater(len(files), 15)
        for file in files:
            ast.parse(file.read_text("utf-8"), str(file), feature_version=(3, 9))

    def test_imports_the_standard_library_and_google_auth_only(self):
        import sys

        allowed = getattr(sys, "stdlib_module_names", None)
        if allowed is None:
            self.skipTest("this Python does not list its standard library")
        imported = set()
        for file in PACKAGE.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    imported.update(each.name.split(".")[0] for each in node.names)
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    imported.add(node.module.split(".")[0])
        self.assertEqual(imported - set(allowed), {"google"})

    def test_has_a_marker_for_its_types(self):
        self.assertTrue((PACKAGE / "py.typed").exists())

    def test_importing_it_does_not_load_google_auth(self):
        import subprocess
        import sys

        script = "import sys, drive_courier; sys.exit('google.auth' in sys.modules)"
        self.assertEqual(subprocess.run([sys.executable, "-c", script], env=dict(os.environ)).returncode, 0)


class RetryTest(unittest.TestCase):
    policy = RetryPolicy(random=lambda: 1.0)

    def wait(self, failures, **facts):
        return self.policy.wait_seconds(failures, CourierError("c", "t", "r", **facts))

    def test_waits_grow_and_are_bounded(self):
        self.assertEqual([self.wait(n, retryable=True) for n in (1, 2, 3, 5)], [0.5, 1.0, 2.0, 8.0])
        self.assertEqual(RetryPolicy(attempts=20, random=lambda: 1.0).wait_seconds(15, failure("platform-busy")), 20.0)

    def test_jitter_is_full(self):
        self.assertEqual(RetryPolicy(random=lambda: 0.0).wait_seconds(3, failure("platform-busy")), 0.0)

    def test_never_waits_less_than_retry_after(self):
        self.assertEqual(self.wait(1, retryable=True, retry_after_seconds=7.0), 7.5)

    def test_gives_up(self):
        self.assertIsNone(self.wait(6, retryable=True))
        self.assertIsNone(self.wait(1, retryable=False))
        self.assertIsNone(self.wait(1, retryable=True, retry_after_seconds=61.0))


class SessionAnswerTest(unittest.TestCase):
    def step(self, status, headers=None, body=b""):
        return step_of(Answer(status, headers or {}, body))

    def test_308_says_how_many_bytes_are_stored(self):
        self.assertEqual(self.step(308, {"range": "bytes=0-524287"}), Stored(524288))
        self.assertEqual(self.step(308, {"range": "0-0"}), Stored(1))
        self.assertEqual(self.step(308), Stored(0))

    def test_ends(self):
        self.assertEqual([self.step(200), self.step(201)], ["stored", "stored"])
        self.assertEqual([self.step(404), self.step(410), self.step(400)], ["gone", "gone", "gone"])

    def test_what_is_asked_again(self):
        limit = json.dumps({"error": {"errors": [{"reason": "userRateLimitExceeded"}]}}).encode()
        for answer in [(500,), (503,), (429,), (403, {}, limit), (308, {"range": "bytes=5-9"})]:
            with self.assertRaises(CourierError) as caught:
                self.step(*answer)
            self.assertEqual((caught.exception.code, caught.exception.retryable), ("upload-interrupted", True))

    def test_retry_after_is_kept(self):
        with self.assertRaises(CourierError) as caught:
            self.step(503, {"retry-after": "9"})
        self.assertEqual(caught.exception.retry_after_seconds, 9.0)

    def test_a_date_to_retry_after_is_compared_with_the_date_of_the_answer(self):
        dates = {"retry-after": "Mon, 30 Nov 2026 12:00:25 GMT", "date": "Mon, 30 Nov 2026 12:00:00 GMT"}
        with self.assertRaises(CourierError) as caught:
            self.step(503, dates)
        self.assertEqual(caught.exception.retry_after_seconds, 25.0)

    def test_a_refusal_is_final(self):
        with self.assertRaises(CourierError) as caught:
            self.step(403, {}, b'{"error": {"errors": [{"reason": "forbidden"}]}}')
        self.assertEqual((caught.exception.code, caught.exception.retryable), ("upload-refused", False))


class SourceTest(unittest.TestCase):
    def test_a_sized_stream_keeps_what_may_be_sent_again_and_no_more(self):
        source = open_source(iter([b"abcd", b"efgh", b"ij"]), 10)
        self.assertEqual(b"".join(source.read(0, 6)), b"abcdef")
        self.assertEqual(b"".join(source.read(3, 9)), b"defghi")
        self.assertEqual(b"".join(source.read(9, 10)), b"j")
        source.check_unchanged()
        with self.assertRaises(CourierError) as caught:
            list(source.read(0, 1))
        self.assertEqual((caught.exception.code, caught.exception.retryable), ("upload-refused", True))

    def test_a_sized_stream_skips_what_drive_has_already(self):
        source = open_source(iter([b"abcd", b"efgh", b"ij"]), 10)
        self.assertEqual(b"".join(source.read(7, 10)), b"hij")

    def test_a_stream_of_another_size_is_an_error(self):
        for size in (9, 11):
            source = open_source(iter([b"abcd", b"efgh", b"ij"]), size)
            with self.assertRaises(CourierError) as caught:
                list(source.read(0, size))
                source.check_unchanged()
            self.assertEqual(caught.exception.code, "usage")

    def test_an_open_file_is_sent_from_where_it_stands(self):
        file = io.BytesIO(b"0123456789")
        file.seek(4)
        source = open_source(file, None)
        self.assertEqual((source.size, b"".join(source.read(1, 3))), (6, b"56"))

    def test_a_text_file_is_refused(self):
        with self.assertRaises(CourierError) as caught:
            open_source(io.StringIO("text"), None)
        self.assertEqual(caught.exception.code, "usage")

    def test_a_path_that_changes_is_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.csv")
            Path(path).write_bytes(b"first")
            source = open_source(path, None)
            source.check_unchanged()
            Path(path).write_bytes(b"second")
            with self.assertRaises(CourierError) as caught:
                source.check_unchanged()
            source.close()
            self.assertEqual(caught.exception.code, "file-changed")

    def test_missing_files_and_folders(self):
        for path in ("/nonexistent/file.csv", tempfile.gettempdir()):
            with self.assertRaises(CourierError) as caught:
                open_source(path, None)
            self.assertEqual(caught.exception.code, "file-unreadable")


class ExportTest(unittest.TestCase):
    def test_a_document_with_many_receipts_is_not_sent(self):
        for source in ({"gcsPrefix": "gs://b/x/"}, {"gcsPrefix": "gs://b/x/", "match": "*"}):
            with self.assertRaises(CourierError) as caught:
                send_document(None, {"source": source}, None)
            self.assertEqual(caught.exception.code, "usage")
            self.assertIn("join", caught.exception.remedy)


class MediaTypeTest(unittest.TestCase):
    def test_by_extension(self):
        names = ("a.csv", "A.CSV", "b.xlsx", "c.parquet", "d.csv.gz", "e", "f.unknown")
        excel = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        unknown = "application/octet-stream"
        parquet = "application/vnd.apache.parquet"
        expected = ["text/csv", "text/csv", excel, parquet, "application/gzip", unknown, unknown]
        self.assertEqual([media_type_of(name) for name in names], expected)


class StoreTest(unittest.TestCase):
    def kept(self, expires):
        return KeptSession(key="k", attempt=1, id="i", url="https://secret.example", expires=expires)

    def test_keeps_sessions_for_their_user_alone_until_they_expire(self):
        with tempfile.TemporaryDirectory() as folder:
            store = SessionStore(Path(folder) / "sessions")
            store.keep("one", self.kept("2999-01-01T00:00:00.000Z"))
            store.keep("two", self.kept("2001-01-01T00:00:00.000Z"))
            self.assertEqual(store.read("one"), self.kept("2999-01-01T00:00:00.000Z"))
            self.assertIsNone(store.read("two"))
            modes = {file.stat().st_mode & 0o777 for file in (Path(folder) / "sessions").iterdir()}
            self.assertEqual(modes, {0o600})
            store.forget("one")
            self.assertIsNone(store.read("one"))

    def test_a_folder_that_cannot_be_written_fails_nothing(self):
        store = SessionStore(Path("/proc/nowhere"))
        store.keep("one", self.kept("2999-01-01T00:00:00.000Z"))
        store.forget("one")
        self.assertIsNone(store.read("one"))


def token_until(seconds):
    import base64

    claims = base64.urlsafe_b64encode(json.dumps({"exp": seconds}).encode()).decode().rstrip("=")
    return "header.%s.signature" % claims


class TokenTest(unittest.TestCase):
    def test_is_kept_until_five_minutes_before_it_expires(self):
        now = [1000.0]
        minted = []

        def mint():
            minted.append(token_until(now[0] + 3600))
            return minted[-1]

        cache = TokenCache(mint, lambda: now[0])
        cache.get(False)
        now[0] += 3299
        cache.get(False)
        self.assertEqual(len(minted), 1)
        now[0] += 1
        cache.get(False)
        self.assertEqual(len(minted), 2)
        cache.get(True)
        self.assertEqual(len(minted), 3)

    def test_threads_wait_for_one_request(self):
        minted = []
        cache = TokenCache(lambda: minted.append(1) or token_until(1e12))
        threads = [threading.Thread(target=cache.get, args=(False,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(minted), 1)

    def test_something_else_is_never_fresh(self):
        self.assertEqual([expiry_of(text) for text in ("", "a.b.c", "opaque")], [0.0, 0.0, 0.0])


class UsageTest(unittest.TestCase):
    def test_urls(self):
        for url in ("", "courier", "http://courier.example", "https://", "ftp://a", "https://u:p@a.example", "https://a?b"):
            with self.assertRaises(CourierError) as caught:
                Client(url)
            self.assertEqual(caught.exception.code, "usage", url)
        Client("https://courier.example/\n")
        Client("http://127.0.0.1:8080")

    def test_chunks(self):
        for size in (0, 262143, 262145):
            with self.assertRaises(CourierError):
                Client("https://courier.example", chunk_bytes=size)

    def test_options_are_checked_before_anything_is_sent(self):
        client = Client("https://courier.example", id_token=self.fail)
        for options in ({}, {"name": "a", "key": "with space"}, {"name": "a", "key": ""}, {"name": "\ud800"}):
            with self.assertRaises(CourierError) as caught:
                client.send(b"x", **options)
            self.assertEqual(caught.exception.code, "usage", options)

    def test_documents(self):
        client = Client("https://courier.example", id_token=self.fail)
        for document in ('{"a": ', b"[]", {"source": {"json": float("nan")}}):
            with self.assertRaises(CourierError) as caught:
                client.export(document)
            self.assertEqual(caught.exception.code, "usage")
        with self.assertRaises(CourierError) as caught:
            client.export({"idempotencyKey": "a"}, key="b")
        self.assertEqual(caught.exception.code, "usage")

    def test_errors_say_what_to_do(self):
        error = failure("file-unreadable", "a.csv: No such file or directory")
        self.assertEqual(
            str(error),
            "file-unreadable: a.csv: No such file or directory. Check its path, and that this user may read it.",
        )


if __name__ == "__main__":
    unittest.main()
