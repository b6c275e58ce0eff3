"""Many files: what is sent, where it goes, and that it is sent once."""

import errno
import json
import os
import threading
import time
import types
import unicodedata
import unittest
from unittest import mock

from drive_courier import Client, CourierError, RetryPolicy
from drive_courier._manifest import Manifest
from drive_courier._many import Breaker, Concurrency
from drive_courier._many_file import _time_text, file_key
from drive_courier._many_names import Target, checked_folder, checked_name
from drive_courier._sources import _times
from drive_courier.errors import failure
from relay import Relay
from world import MIB, WORLD, WorldTest, call, files_named, noise


def write_tree(root, files):
    for path, content in files.items():
        os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
        with open(os.path.join(root, path), "wb") as file:
            file.write(content)
    # Longer ago than the steps of file systems, so that the manifest can rely on it.
    for path in files:
        os.utime(os.path.join(root, path), (1_700_000_000, 1_700_000_000))


class RulesTest(unittest.TestCase):
    def test_keys_are_those_of_the_command_line(self):
        # test/unit/client/send-all/file-key.test.ts has the same.
        self.assertEqual(
            file_key("night-1", "reports", None, Target('2026/Zürich "11"', "é😀\u2028.csv"), "ab" * 32),
            "night-1:isptszE_51OHhw8wSKdFa9Rs0FBtMWAbXaa8Amq8fVI",
        )
        self.assertEqual(
            file_key("k" * 255, None, "sheet", Target("", "a.csv"), "00" * 32),
            "k" * 200 + ":6pv5O5S4Nhj9WMzP_s96Ui9sCYF3Ha3bUh1MjJH5-vk",
        )

    def test_names_are_normalized_and_checked_as_the_courier_does(self):
        self.assertEqual(checked_name("\ufeff\u00a0e\u0301.txt\u2028"), "\u00e9.txt")
        self.assertEqual(checked_folder("/a\\ b /c/"), "a/b/c")
        for wrong in ("a\x1f", "a\x85", "", " ", ".", "..", "a/b", "a\\b", "n" * 256, "\udcff"):
            with self.assertRaises(CourierError) as caught:
                checked_name(wrong)
            self.assertEqual(caught.exception.code, "name-invalid")
        for wrong in ("a//b", "a/../b", "/".join("d" * 33), "a/" + "n" * 256):
            with self.assertRaises(CourierError) as caught:
                checked_folder(wrong)
            self.assertEqual(caught.exception.code, "path-invalid")

    def test_times_that_python_cannot_show_do_not_end_a_run(self):
        for seconds in (10**12, -(10**12), 253_402_300_800):
            ns = seconds * 10**9
            self.assertIsNone(_time_text(ns))
            self.assertIsNone(_times(types.SimpleNamespace(st_mtime_ns=ns)))

    def test_429_halves_the_concurrency_once_for_requests_that_were_sent_before(self):
        clock = [10.0]
        concurrency = Concurrency(8, lambda: clock[0])
        concurrency.on_busy(9.0)
        concurrency.on_busy(9.5)
        self.assertEqual(concurrency.limit(), 4)
        clock[0] = 12.0
        concurrency.on_busy(11.0)
        self.assertEqual(concurrency.limit(), 2)
        for _ in range(100):
            concurrency.on_delivered()
        self.assertEqual(concurrency.limit(), 8)

    def test_a_run_ends_when_it_is_pointless(self):
        breaker = Breaker(8)
        unreachable = failure("courier-unreachable")
        self.assertEqual([breaker.must_end(unreachable) for _ in range(16)], [False] * 15 + [True])
        breaker.on_delivered()
        self.assertFalse(breaker.must_end(unreachable))
        self.assertFalse(breaker.must_end(failure("file-unreadable")))
        self.assertTrue(breaker.must_end(failure("identity-refused")))
        self.assertTrue(breaker.must_end(CourierError("destination-forbidden", "", "", status=403)))

    def test_wrong_use(self):
        client = Client("https://courier.example", id_token=lambda audience: "t")
        for wrong in [{"concurrency": 0}, {"concurrency": 101}, {"key": "with space"}]:
            with self.assertRaises(CourierError) as caught:
                list(client.send_all([], **wrong))
            self.assertEqual(caught.exception.code, "usage")


class ManyTest(WorldTest):
    def tree(self, files):
        root = os.path.join(self.folder, "tree")
        write_tree(root, files)
        return root

    def sent(self, *inputs, client=None, **options):
        """Receipts by their path in Drive, and failures by file."""
        failures = {}
        receipts = {}
        try:
            for each in (client or self.client()).send_all(*inputs, **options):
                receipts["/".join(filter(None, (each.path, each.name)))] = each
        except CourierError as error:
            self.assertEqual(error.code, "files-failed")
            failures = {os.path.basename(file): fault.code for file, fault in error.failures}
        return receipts, failures

    def test_folders_files_patterns_and_pairs(self):
        root = self.tree({"a.csv": b"a", "x/b.csv": b"b", "x/y/c.txt": b"c", ".hidden": b"h", "x/.git/d": b"d"})
        receipts, failures = self.sent([root + "/"], to="plain", path="py1")
        self.assertEqual((sorted(receipts), failures), (["py1/a.csv", "py1/x/b.csv", "py1/x/y/c.txt"], {}))
        self.assertEqual({each.change for each in receipts.values()}, {"new"})
        receipts, _ = self.sent(root, to="plain", path="py2", hidden=True, select=lambda path: not path.endswith(".csv"))
        self.assertEqual(sorted(receipts), ["py2/tree/.hidden", "py2/tree/x/.git/d", "py2/tree/x/y/c.txt"])
        receipts, _ = self.sent([root + "/**/*.csv", root + "/[a]*.csv"], to="plain", path="py3")
        self.assertEqual(sorted(receipts), ["py3/a.csv", "py3/x/b.csv"])
        receipts, _ = self.sent([root + "/*/"], to="plain", path="py20")
        self.assertEqual(sorted(receipts), ["py20/x/b.csv", "py20/x/y/c.txt"])
        receipts, _ = self.sent([(b"bytes", "d/e.txt"), (root + "/a.csv", "f.csv")], to="plain", path="py4")
        self.assertEqual(sorted(receipts), ["py4/d/e.txt", "py4/f.csv"])
        # Below the default folder of the destination.
        receipts, _ = self.sent([root + "/x"])
        self.assertEqual(sorted(receipts), ["inbox/x/b.csv", "inbox/x/y/c.txt"])

    def test_what_cannot_be_sent_does_not_stop_the_others(self):
        root = self.tree({"good.txt": b"g", "e\u0301.txt": b"1", "x/up\\..txt": b"2"})
        with open(os.path.join(root, "\u00e9.txt"), "wb") as file:
            file.write(b"3")
        with open(os.path.join(os.fsencode(root), b"bad\xff.txt"), "wb") as file:
            file.write(b"4")
        os.symlink(root, os.path.join(root, "loop"))
        os.symlink("nowhere", os.path.join(root, "broken"))
        os.mkfifo(os.path.join(root, "pipe"))
        pipe = (os.path.join(root, "pipe"), "from-pipe.txt")
        receipts, failures = self.sent([root + "/", root + "/missing*", pipe], to="plain", path="py5", follow_symlinks=True)
        self.assertEqual(sorted(receipts), ["py5/good.txt", unicodedata.normalize("NFC", "py5/e\u0301.txt")])
        self.assertEqual(
            failures,
            {
                "\u00e9.txt": "path-taken",
                "bad\udcff.txt": "file-unreadable",
                "loop": "file-unreadable",
                "broken": "file-unreadable",
                "up\\..txt": "name-invalid",
                "missing*": "file-unreadable",
                "pipe": "file-unreadable",
            },
        )
        self.assertEqual(sorted(self.sent([root + "/x"], to="plain", path="py6")[1]), ["up\\..txt"])

    def test_a_file_that_vanishes(self):
        root = self.tree({"a%d.txt" % n: b"x" for n in range(4)})
        receipts = self.client().send_all([root + "/"], to="plain", path="py7", concurrency=1)
        next(receipts)
        os.unlink(os.path.join(root, "a3.txt"))
        with self.assertRaises(CourierError) as caught:
            list(receipts)
        [(file, fault)] = caught.exception.failures
        self.assertEqual((os.path.basename(file), fault.code, caught.exception.retryable), ("a3.txt", "file-unreadable", False))

    def test_a_manifest_sends_what_is_missing_or_changed(self):
        root = self.tree({"a.txt": b"a", "b.txt": b"b", "large.bin": noise(9 * MIB)})
        # In the folder that is sent, where it is left out.
        options = {"to": "plain", "path": "py8", "manifest": os.path.join(root, "run.jsonl")}
        first, _ = self.sent([root + "/"], **options)
        self.assertEqual({each.change for each in first.values()}, {"new"})
        call("DELETE", "/_calls")
        again, _ = self.sent([root + "/"], **options)
        self.assertEqual({each.change for each in again.values()}, {"unchanged"})
        self.assertEqual({path: each.id for path, each in again.items()}, {path: each.id for path, each in first.items()})
        write_tree(root, {"b.txt": b"B!", "c.txt": b"c"})
        os.utime(os.path.join(root, "a.txt"))
        third, _ = self.sent([root + "/"], on_conflict="replace", **options)
        changes = {path: (each.change, each.outcome) for path, each in third.items()}
        self.assertEqual(
            changes,
            {
                "py8/a.txt": ("unchanged", "created"),
                "py8/b.txt": ("changed", "replaced"),
                "py8/c.txt": ("new", "created"),
                "py8/large.bin": ("unchanged", "created"),
            },
        )
        self.assertEqual(third["py8/b.txt"].id, first["py8/b.txt"].id)
        with self.assertRaises(CourierError) as caught:
            list(self.client().send_all([root], key="another", **options))
        self.assertEqual(caught.exception.code, "usage")

    def test_a_line_that_a_crash_cut_off_is_sent_again_and_replayed(self):
        root = self.tree({"cut.txt": b"cut"})
        manifest = os.path.join(self.folder, "cut.jsonl")
        first, _ = self.sent([root + "/"], to="plain", path="py9", manifest=manifest)
        with open(manifest, "rb+") as file:
            file.truncate(os.path.getsize(manifest) - 9)
        second, _ = self.sent([root + "/"], to="plain", path="py9", manifest=manifest)
        [one], [other] = first.values(), second.values()
        self.assertEqual((other.outcome, other.id), ("replayed", one.id))
        with open(manifest, "rb") as file:
            lines = file.read().split(b"\n")
        self.assertEqual(json.loads(lines[2])["key"], json.loads(lines[0])["key"] + json.loads(lines[2])["key"][16:])
        third, _ = self.sent([root + "/"], to="plain", path="py9", manifest=manifest)
        self.assertEqual([each.change for each in third.values()], ["unchanged"])
        self.assertEqual(len(files_named("cut.txt")), 1)

    def test_a_line_with_a_damaged_receipt_is_sent_again_and_replayed(self):
        root = self.tree({"receipt.txt": b"receipt"})
        manifest = os.path.join(self.folder, "receipt.jsonl")
        first, _ = self.sent([root + "/"], to="plain", path="py19", manifest=manifest)
        with open(manifest, "rb") as file:
            header, line = file.read().splitlines()
        entry = json.loads(line)
        damaged = [{**entry, "receipt": 7}, {**entry, "receipt": {**entry["receipt"], "id": 7}}]
        damaged.append({name: value for name, value in entry.items() if name != "receipt"})
        for each in damaged:
            with open(manifest, "wb") as file:
                file.write(b"%s\n%s\n" % (header, json.dumps(each).encode()))
            again, _ = self.sent([root + "/"], to="plain", path="py19", manifest=manifest)
            [one], [other] = first.values(), again.values()
            self.assertEqual((other.change, other.outcome, other.id), ("new", "replayed", one.id))
            third, _ = self.sent([root + "/"], to="plain", path="py19", manifest=manifest)
            self.assertEqual([each.change for each in third.values()], ["unchanged"])

    def test_two_runs_at_the_same_time_make_no_duplicates(self):
        root = self.tree({"twice-%d.txt" % n: b"%d" % n for n in range(12)})
        manifest = os.path.join(self.folder, "twice.jsonl")
        results = []

        def run():
            results.append(self.sent([root + "/"], to="plain", path="py10", manifest=manifest))

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([(len(receipts), failures) for receipts, failures in results], [(12, {})] * 2)
        self.assertEqual(*({path: each.id for path, each in receipts.items()} for receipts, _ in results))
        for n in range(12):
            self.assertEqual(len(files_named("twice-%d.txt" % n)), 1)

    def test_answers_429_lower_the_number_of_requests_at_a_time(self):
        running, most, lock = [0], [], threading.Lock()

        def lose(n, path):
            with lock:
                running[0] += 1
                most.append(running[0])
            time.sleep(0.02)
            with lock:
                running[0] -= 1
            return (429, {"Retry-After": "0"}, b"") if 9 <= n <= 12 else None

        relay = Relay(WORLD["courier"], lose)
        self.addCleanup(relay.close)
        files = [(b"%d" % n, "busy-%d.txt" % n) for n in range(40)]
        receipts, failures = self.sent(files, client=self.client(url=relay.url), to="plain", path="py11")
        self.assertEqual((len(receipts), failures), (40, {}))
        self.assertGreater(max(most[:8]), 4)
        self.assertLessEqual(max(most[20:28]), 5)

    def test_a_refusal_of_the_caller_ends_the_run(self):
        root = self.tree({"%d.txt" % n: b"x" for n in range(50)})
        relay = Relay(WORLD["courier"], lambda n, path: None)
        self.addCleanup(relay.close)
        client = self.client(url=relay.url, key_file="stranger")
        with self.assertRaises(CourierError) as caught:
            list(client.send_all(root, to="plain", path="py12"))
        self.assertEqual(caught.exception.code, "destination-forbidden")
        self.assertLess(len(relay.seen), 20)

    def test_who_takes_no_further_receipt_ends_the_run(self):
        root = self.tree({"%02d.txt" % n: b"x" for n in range(40)})
        relay = Relay(WORLD["courier"], lambda n, path: "cut" if n > 2 else None)
        self.addCleanup(relay.close)
        patient = RetryPolicy(base_seconds=30.0, max_seconds=30.0, random=lambda: 1.0)
        receipts = self.client(url=relay.url, retry=patient).send_all(root, to="plain", path="py13", concurrency=2)
        next(receipts)
        started = time.monotonic()
        receipts.close()
        self.assertLess(time.monotonic() - started, 10)
        self.assertLess(len(relay.seen), 8)

    def test_a_full_disk_under_the_manifest(self):
        path = os.path.join(self.folder, "full.jsonl")
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with mock.patch("drive_courier._manifest._create", side_effect=full), self.assertRaises(CourierError) as caught:
            Manifest(path, None)
        self.assertEqual(caught.exception.code, "file-unwritable")
        self.assertIn("No space left on device", caught.exception.detail)
        self.assertIn("Nothing was sent", caught.exception.remedy)
        manifest = Manifest(path, None)
        with mock.patch("os.write", side_effect=full), self.assertRaises(CourierError) as caught:
            manifest.add({"file": "a", "path": "a"})
        manifest.close()
        self.assertEqual(caught.exception.code, "file-unwritable")
        self.assertIn("Free some space", caught.exception.remedy)
        self.assertIn("Files that were delivered are in Drive", caught.exception.remedy)

    def test_an_empty_manifest_and_one_of_another_program(self):
        empty, other = self.written("empty.jsonl", b""), self.written("other.jsonl", b'{"a":1}\n')
        manifest = Manifest(empty, "k")
        manifest.close()
        with open(empty, "rb") as file:
            self.assertEqual(json.loads(file.read()), {"manifest": "drive-courier", "version": 1, "key": "k"})
        for path, code in ((other, "usage"), (os.path.join(self.folder, "no", "m.jsonl"), "file-unwritable")):
            with self.assertRaises(CourierError) as caught:
                Manifest(path, None)
            self.assertEqual(caught.exception.code, code)


if __name__ == "__main__":
    unittest.main()
