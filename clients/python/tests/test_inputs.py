"""What may be sent: inputs that contradict themselves, or each other, are wrong calls. Needs no courier."""

import ctypes
import inspect
import io
import json
import os
import tempfile
import unittest
from array import array
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath

from drive_courier import Client, CourierError, RetryPolicy
from drive_courier._export import _bytes_of, _keys_of
from drive_courier._identity import _identity_in_file
from drive_courier._manifest import Manifest
from drive_courier._many import checked_concurrency
from drive_courier._many_listing import Listed, Selection, list_all
from drive_courier._options import resolve_options
from drive_courier._sources import open_source
from drive_courier._values import plain_flag
from drive_courier.errors import failure


class SizeTest(unittest.TestCase):
    def test_one_that_differs_from_the_known_size_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.csv")
            Path(path).write_bytes(b"abc")
            for size in (2, 4, -1, 3.0, "3", True):
                for given in (b"abc", io.BytesIO(b"abc"), path):
                    with self.assertRaises(CourierError) as caught:
                        open_source(given, size)
                    self.assertEqual(caught.exception.code, "usage", (given, size))
            for given in (b"abc", io.BytesIO(b"abc"), path):
                source = open_source(given, 3)
                self.assertEqual(source.size, 3)
                source.close()

    def test_one_of_a_stream_that_is_no_length_is_an_error(self):
        for size in (-1, 3.0, "3", True):
            with self.assertRaises(CourierError) as caught:
                open_source(iter([b"abc"]), size)
            self.assertEqual(caught.exception.code, "usage", size)

    def test_one_of_another_type_of_whole_numbers_is_taken(self):
        class Int64:
            """Like `numpy.int64`, which is no `int`."""

            def __index__(self):
                return 3

        for given in (b"abc", io.BytesIO(b"abc"), iter([b"abc"])):
            source = open_source(given, Int64())
            self.assertIs(type(source.size), int)
            self.assertEqual(source.size, 3)
            source.close()


class Number:
    """Like `numpy.int64`, which is no `int`."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class Flag:
    """Like `numpy.bool_`, which is no `bool`."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other

    def __bool__(self):
        return self.value


class OtherTypesTest(unittest.TestCase):
    def options(self, **given):
        names = inspect.signature(resolve_options).parameters
        return resolve_options("a.csv", None, **{**{name: None for name in list(names)[2:]}, **given})

    def test_whole_numbers(self):
        self.assertIs(type(checked_concurrency(Number(4))), int)
        self.assertEqual(checked_concurrency(Number(4)), 4)
        for wrong in (0, 101, 4.0, "4", None, True, Decimal(4)):
            with self.assertRaises(CourierError) as caught:
                checked_concurrency(wrong)
            self.assertEqual(caught.exception.code, "usage", wrong)
        client = Client("https://courier.example", chunk_bytes=Number(262_144))
        self.assertIs(type(client._chunk_bytes), int)
        for wrong in (1_048_576.0, None, "262144", 262_143):
            with self.assertRaises(CourierError) as caught:
                Client("https://courier.example", chunk_bytes=wrong)
            self.assertEqual(caught.exception.code, "usage", wrong)

    def test_seconds(self):
        error = failure("courier-unreachable")
        for kind in (Decimal, Fraction, float, int):
            policy = RetryPolicy(base_seconds=kind(2), max_seconds=kind(3), random=lambda: 0.5)
            self.assertEqual([policy.wait_seconds(1, error), policy.wait_seconds(2, error)], [1.0, 1.5])
            self.assertIs(type(policy.wait_seconds(2, error)), float)

    def test_flags(self):
        options = self.options(dates=Flag(True), keep_revision_forever=Flag(False))
        self.assertIs(options.dates, True)
        self.assertIs(options.keep_revision_forever, False)
        self.assertEqual(json.loads(json.dumps(options.fields()))["dates"], True)

    def test_numbers_and_lists_that_equal_a_flag_are_no_flags(self):
        class One(list):
            def __eq__(self, other):
                return other == 1

            __bool__ = None

        for number in (1, 0, 1.0, Decimal(1), Decimal(0), Fraction(1), One([1])):
            self.assertIs(plain_flag(number), number)
        for number in (Decimal(1), Decimal(0), Fraction(1), One):
            with self.assertRaises(CourierError) as caught:
                _bytes_of({"source": {"rows": [{"amount": number}]}})
            self.assertEqual(caught.exception.code, "usage", number)

    def test_texts_that_are_none_are_a_wrong_call(self):
        wrong = [{"name": 5}, {"destination": b"x"}, {"description": 5}, {"tab": Path("a")}, {"key": 5}, {"modified_time": date(2026, 1, 1)}]
        wrong += [{name: 5} for name in ("mime_type", "on_conflict", "convert_to", "columns", "rollover")]
        for given in wrong:
            with self.assertRaises(CourierError) as caught:
                self.options(**given)
            self.assertEqual(caught.exception.code, "usage", given)

    def test_bytes(self):
        for given in (bytearray(b"abc"), memoryview(b"abc"), array("B", b"abc"), memoryview(b"aXbXcX")[::2], (ctypes.c_char * 3)(*b"abc")):
            self.assertEqual(b"".join(open_source(given, 3).read(0, 3)), b"abc", given)
            stream = open_source(iter([given]), None)
            self.assertEqual(b"".join(stream.parts), b"abc")
            (found,) = list_all([(given, "a.csv")], Selection(False, False, None), "", None)
            self.assertEqual(found.content, b"abc")
        released = memoryview(b"abc")
        released.release()
        # The order of the bytes of larger items depends on the machine.
        for given in ([array("i", [1])], array("i", [1]), [released]):
            with self.assertRaises(CourierError) as caught:
                list(open_source(given, None).parts)
            self.assertEqual(caught.exception.code, "usage", given)

    def test_paths(self):
        class BytesPath:
            def __init__(self, path):
                self.path = path

            def __fspath__(self):
                return os.fsencode(self.path)

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.csv")
            Path(path).write_bytes(b"abc")
            for given in (path, Path(path), BytesPath(path)):
                source = open_source(given, 3)
                source.close()
                self.assertEqual(source.name, "a.csv")
                listed = list(list_all([given, (given, PurePosixPath("x/b.csv"))], Selection(False, False, None), "", None))
                self.assertEqual([(each.file, each.target.path) for each in listed], [(path, "a.csv"), (path, "x/b.csv")])

    def test_paths_that_are_none_are_a_wrong_call(self):
        url = "https://courier.example"
        client = Client(url)
        calls = [
            lambda: Client(url, credentials_file=5),
            lambda: Client(url, session_folder=5),
            lambda: client.send(b"a", name="a", path=5),
            lambda: client.send_all([], path=5),
            lambda: client.send_all([], manifest=5),
        ]
        for number, made in enumerate(calls):
            with self.assertRaises(CourierError) as caught:
                made()
            self.assertEqual(caught.exception.code, "usage", number)

    def test_arguments_of_a_wrong_type_are_named(self):
        url = "https://courier.example"
        client = Client(url, id_token=lambda audience: "token")
        wrong = (b"https://courier.example", 5, PurePosixPath("https://courier.example"), ["a"], b"", 0, False)
        calls = [("url", lambda: Client(None))]
        for value in wrong:
            calls += [
                ("url", lambda value=value: Client(value)),
                ("audience", lambda value=value: Client(url, audience=value)),
                ("impersonate", lambda value=value: Client(url, impersonate=value)),
                ("id_token", lambda value=value: Client(url, id_token=value)),
                ("retry", lambda value=value: Client(url, retry=value)),
                ("on_progress", lambda value=value: client.send(b"a", name="a", on_progress=value)),
                ("select", lambda value=value: client.send_all([], select=value)),
                ("on_failure", lambda value=value: client.send_all([], on_failure=value)),
            ]
        for name, made in calls:
            with self.assertRaises(CourierError) as caught:
                made()
            self.assertEqual(caught.exception.code, "usage", name)
            self.assertTrue(caught.exception.detail.startswith(f"{name} is not "), caught.exception.detail)

    def test_a_run_with_a_number_of_another_type(self):
        client = Client("https://courier.example", id_token=lambda audience: "token")
        self.assertEqual(list(client.send_all([], concurrency=Number(4))), [])

    def test_patterns_of_folders(self):
        with tempfile.TemporaryDirectory() as folder:
            for path in ("a.csv", "x/b.csv", "x/y/c.csv"):
                Path(folder, path).parent.mkdir(exist_ok=True)
                Path(folder, path).write_bytes(b"a")
            os.symlink("x", os.path.join(folder, "link"))
            for pattern, paths in (
                ("*/", ["link/b.csv", "link/y/c.csv", "x/b.csv", "x/y/c.csv"]),
                ("**/", ["a.csv", "x/b.csv", "x/y/c.csv"]),
                ("**/y/", ["x/y/c.csv"]),
                ("**", ["a.csv", "x/b.csv", "x/y/c.csv"]),
            ):
                listed = list_all([f"{folder}/{pattern}"], Selection(False, False, None), "", None)
                found = [each.target.path if isinstance(each, Listed) else each.error.detail for each in listed]
                self.assertEqual(sorted(found), paths, pattern)

    def test_documents(self):
        document = {"name": "a.csv", "source": {"rows": [{"n": Number(9_007_199_254_740_993), "b": Flag(True)}]}}
        rows = json.loads(_bytes_of(document))["source"]["rows"]
        self.assertEqual(rows, [{"n": 9_007_199_254_740_993, "b": True}])
        for given in (b"{}", bytearray(b"{}"), memoryview(b"{}")):
            self.assertEqual(_bytes_of(given), b"{}")
        for wrong in (5, None, [], {"a": Decimal("1.5")}, {"a": {1, 2}}):
            with self.assertRaises(CourierError) as caught:
                _bytes_of(wrong)
            self.assertEqual(caught.exception.code, "usage", wrong)


class ByteOrderMarkTest(unittest.TestCase):
    """As editors of Windows save files: with a byte order mark, and with carriage returns."""

    def test_a_manifest(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "run.jsonl")
            manifest = Manifest(path, "k")
            texts = ("name", "mimeType", "destination", "path", "folderId", "webViewLink", "outcome", "createdTime", "modifiedTime")
            receipt = {"id": "1", "size": 1, "sha256": None, "md5": None, "caller": "", **{name: "" for name in texts}}
            entry = {"file": "a", "path": "a", "size": 1, "mtime": None, "sha256": "00", "key": "k1", "receipt": receipt}
            manifest.add(entry)
            manifest.close()
            Path(path).write_bytes(b"\xef\xbb\xbf" + Path(path).read_bytes().replace(b"\n", b"\r\n"))
            manifest = Manifest(path, None)
            self.assertEqual(manifest.run_key, "k")
            manifest.add({**entry, "path": "b", "receipt": {**receipt, "id": "2"}})
            manifest.close()
            manifest = Manifest(path, None)
            receipts = [manifest.receipt_of(manifest.find(None, each)) for each in "ab"]
            self.assertEqual(receipts, [receipt, {**receipt, "id": "2"}])
            manifest.close()

    def test_a_credentials_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "key.json")
            path.write_bytes(b'\xef\xbb\xbf{\r\n"type": "unknown"}\r\n')
            with self.assertRaises(CourierError) as caught:
                _identity_in_file(path, "credentials_file")
            self.assertIn('"unknown"', caught.exception.detail)

    def test_an_export_document(self):
        text = '\ufeff{\r\n"name": "a"}'
        self.assertEqual(_bytes_of(text), text.encode())
        _keys_of(_bytes_of(text), None)


class PropertiesTest(unittest.TestCase):
    def test_keys_and_values_are_text(self):
        client = Client("https://courier.example", id_token=lambda audience: "token")
        for properties in ({"order": 1}, {1: "order"}, {"order": None}, [("order", "1")]):
            with self.assertRaises(CourierError) as caught:
                client.send(b"x", name="a", properties=properties)
            self.assertEqual(caught.exception.code, "usage", properties)


class ManyTest(unittest.TestCase):
    def listed(self, *inputs):
        found = list_all(inputs, Selection(False, False, None), "", None)
        return [each.target.path if isinstance(each, Listed) else each.error.code for each in found]

    def test_inputs_with_one_path_in_drive_are_sent_once_or_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            first, second = os.path.join(folder, "a.csv"), os.path.join(folder, "x", "a.csv")
            os.mkdir(os.path.dirname(second))
            for path in (first, second):
                Path(path).write_bytes(b"1")
            again = os.path.join(folder, "x", "..", "a.csv")
            self.assertEqual(self.listed(first, first, again), ["a.csv"])
            self.assertEqual(self.listed(first, second), ["a.csv", "path-taken"])
            self.assertEqual(self.listed((first, "b.csv"), (b"2", "b.csv")), ["b.csv", "path-taken"])
            # Bytes have no path of their own: the same path in Drive does not make them the same file.
            self.assertEqual(self.listed((b"1", "a.csv"), (b"2", "a.csv")), ["a.csv", "path-taken"])

    def test_a_pair_of_something_else_is_a_wrong_call(self):
        for pair in ((5, "a.csv"), (None, "a.csv"), (b"1", None), (b"1", "a", "b")):
            with self.assertRaises(CourierError) as caught:
                self.listed(pair)
            self.assertEqual(caught.exception.code, "usage", pair)


if __name__ == "__main__":
    unittest.main()
