"""What can be sent, and what comes back."""

import io
import json
import os
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

from drive_courier import CourierError
from world import MIB, WORLD, WorldTest, calls, files_named, noise, sha256

CSV = b"day,orders\r\n2026-11-24,7\r\n"


class SendTest(WorldTest):
    def test_a_path_and_its_receipt(self):
        path = self.written("py orders é.csv", CSV)
        receipt = self.client().send(path, path="2026/11", to="default")
        self.assertEqual(
            [receipt.name, receipt.mime_type, receipt.outcome, receipt.destination, receipt.path, receipt.caller],
            ["py orders é.csv", "text/csv", "created", "default", "2026/11", WORLD["exporter"]],
        )
        self.assertIn("/file/d/" + receipt.id, receipt.web_view_link)
        self.assertEqual(receipt.raw["webViewLink"], receipt.web_view_link)
        self.assert_stored_once(receipt, CSV)

    def test_every_kind_of_input(self):
        path = Path(self.written("py-kinds.txt", b"kind"))

        def generated():
            yield b"ki"
            yield memoryview(b"nd")

        reader, writer = os.pipe()
        os.write(writer, b"kind")
        os.close(writer)
        with open(path, "rb") as file, os.fdopen(reader, "rb") as pipe:
            inputs = [path, b"kind", bytearray(b"kind"), memoryview(b"kind"), io.BytesIO(b"kind"), file, generated(), pipe]
            for number, given in enumerate(inputs):
                receipt = self.client().send(given, name="py-kind-%d.txt" % number)
                self.assert_stored_once(receipt, b"kind")
                self.assertEqual(receipt.mime_type, "text/plain")

    def test_an_empty_file(self):
        self.assert_stored_once(self.client().send(b"", name="py-empty.txt"), b"")

    def test_every_option_reaches_drive(self):
        receipt = self.client().send(
            b"x", name="py “options”.bin", to="plain", on_conflict="new", description="Made by a test", mime_type="text/x"
        )
        self.assertEqual([receipt.name, receipt.mime_type, receipt.destination], ["py “options”.bin", "text/x", "plain"])
        [post] = [each for each in calls("POST") if "/upload/drive/" in each["path"]]
        self.assertIn("uploadType=multipart", post["query"])

    def test_the_details_of_the_file(self):
        path = self.written("py-times.txt", b"x")
        os.utime(path, ns=(0, 1_600_000_000_123_456_789))
        receipt = self.client().send(path, preserve_times=True, properties={"order": "1", "région": "北"})
        self.assertEqual(receipt.modified_time, "2020-09-13T12:26:40.123Z")
        self.assertLessEqual(receipt.created_time, receipt.modified_time)
        seoul = timezone(timedelta(hours=9))
        given = self.client().send(
            path, name="py-given.txt", preserve_times=True, modified_time=datetime(2026, 1, 1, tzinfo=seoul)
        )
        self.assertEqual(given.modified_time, "2025-12-31T15:00:00.000Z")
        large = self.client().send(
            noise(9 * MIB), name="py-large-times.bin", created_time="1999-12-31T23:00:00Z", keep_revision_forever=True
        )
        self.assertEqual(large.created_time, "1999-12-31T23:00:00.000Z")
        for wrong in [{"preserve_times": True}, {"modified_time": datetime(2026, 1, 1)}, {"properties": {"a": "\ud800"}}]:
            with self.assertRaises(CourierError) as caught:
                self.client().send(b"x", name="py-wrong.txt", **wrong)
            self.assertEqual(caught.exception.code, "usage")

    def test_rules_for_a_name_that_is_taken(self):
        client = self.client()
        first = client.send(b"one", name="py-conflict.txt")
        replaced = client.send(b"two", name="py-conflict.txt", on_conflict="replace")
        self.assertEqual((replaced.outcome, replaced.id), ("replaced", first.id))
        skipped = client.send(b"three", name="py-conflict.txt", on_conflict="skip")
        self.assertEqual((skipped.outcome, skipped.id), ("skipped", first.id))
        with self.assertRaises(CourierError) as caught:
            client.send(b"four", name="py-conflict.txt", on_conflict="fail")
        self.assertEqual((caught.exception.code, caught.exception.status), ("name-taken", 409))

    def test_a_conversion(self):
        receipt = self.client().send(CSV, name="py-table.csv", convert_to="sheet")
        self.assertIn("spreadsheet", receipt.mime_type)

    def test_rows_are_appended_to_a_sheet(self):
        options = {"name": "py-living", "to": "plain", "convert_to": "sheet", "on_conflict": "append", "tab": "Orders"}
        first = self.client().send(CSV, mime_type="text/csv", **options)
        second = self.client().send(CSV, mime_type="text/csv", **options)
        self.assertEqual(second.id, first.id)
        self.assertEqual([(each.sheet["tab"], each.sheet["rows"]) for each in (first, second)], [("Orders", 1)] * 2)
        self.assertNotEqual(first.sheet["range"], second.sheet["range"])
        self.assertIsNone(self.client().send(CSV, name="py-not-a-sheet.csv", to="plain").sheet)

    def test_the_same_key_is_the_same_file(self):
        first = self.client().send(CSV, name="py-keyed.csv", key="py-keyed-1")
        second = self.client().send(CSV, name="py-keyed.csv", key="py-keyed-1")
        self.assertEqual([first.outcome, second.outcome, second.id], ["created", "replayed", first.id])
        self.assertEqual(second.idempotency_key, "py-keyed-1")
        self.assert_stored_once(second, CSV)
        with self.assertRaises(CourierError) as caught:
            self.client().send(b"other bytes", name="py-keyed.csv", key="py-keyed-1")
        self.assertEqual((caught.exception.code, caught.exception.retryable), ("idempotency-key-reused", False))

    def test_progress_is_told_in_bytes(self):
        reported = []
        content = noise(9 * MIB)
        client = self.client(chunk_bytes=4 * MIB)
        client.send(content, name="py-progress.bin", on_progress=lambda sent, total: reported.append((sent, total)))
        self.assertEqual(reported[-1][1], len(content))
        self.assertEqual(reported, sorted(reported))
        self.assertIn((4 * MIB, len(content)), reported)


class ProblemTest(WorldTest):
    def test_a_problem_of_the_courier_is_an_exception_with_its_facts(self):
        with self.assertRaises(CourierError) as caught:
            self.client(key_file="stranger").send(b"x", name="py-stranger.txt")
        error = caught.exception
        self.assertEqual((error.code, error.status, error.retryable), ("destination-forbidden", 403, False))
        self.assertTrue(error.detail and error.remedy and error.request_id)
        self.assertIn(error.remedy, str(error))
        self.assertIsNone(error.idempotency_key)

    def test_a_set_up_fault_is_not_retried(self):
        with self.assertRaises(CourierError) as caught:
            self.client().send(b"x", name="py-broken.txt", to="broken")
        self.assertEqual((caught.exception.code, caught.exception.status), ("folder-not-found", 502))
        self.assertEqual(files_named("py-broken.txt"), [])

    def test_a_file_that_is_too_large_for_its_destination(self):
        with self.assertRaises(CourierError) as caught:
            self.client().send(noise(2000), name="py-too-large.bin", to="small")
        self.assertEqual((caught.exception.code, caught.exception.status), ("too-large", 413))

    def test_what_is_no_courier(self):
        with self.assertRaises(CourierError) as caught:
            self.client(url=WORLD["google"]).destinations()
        self.assertIn(caught.exception.code, ("not-a-courier", "platform-busy"))


class DestinationsTest(WorldTest):
    def test_lists_what_this_caller_may_write_to(self):
        found = {each.name: each for each in self.client().destinations()}
        self.assertEqual(sorted(found), ["broken", "default", "locked", "once", "plain", "sheets", "small"])
        self.assertEqual((found["default"].path, found["default"].convert_to), ("inbox", None))
        self.assertEqual((found["small"].max_bytes, found["once"].on_conflict), (1000, "skip"))
        self.assertEqual(found["sheets"].convert_to, "sheet")


class ExportTest(WorldTest):
    document = {"name": "py-rows.csv", "source": {"rows": [{"day": "2026-11-24", "orders": 7}]}}

    def test_a_mapping(self):
        receipt = self.client().export(self.document)
        self.assertEqual((receipt.outcome, receipt.mime_type, receipt.path), ("created", "text/csv", "inbox"))
        text = self.client().export({"name": "py-text.csv", "source": {"text": CSV.decode()}})
        self.assertEqual(text.sha256, sha256(CSV))

    def test_json_as_text_bytes_and_file_is_forwarded_as_it_is(self):
        text = json.dumps({**self.document, "name": "py-forwarded.csv", "idempotencyKey": "py-forwarded-1"})
        client = self.client()
        receipts = [
            client.export(text),
            client.export(text.encode()),
            client.export(self.written("document.json", text.encode())),
            client.export(Path(self.written("marked.json", b"\xef\xbb\xbf" + text.encode()))),
        ]
        self.assertEqual([each.outcome for each in receipts], ["created", "replayed", "replayed", "replayed"])
        self.assertEqual(len(files_named("py-forwarded.csv")), 1)

    def test_a_key(self):
        client = self.client()
        document = {**self.document, "name": "py-export-key.csv"}
        receipts = [client.export(document, key="py-export-1") for _ in range(2)]
        self.assertEqual([each.outcome for each in receipts], ["created", "replayed"])

    def test_an_unknown_field_is_named(self):
        with self.assertRaises(CourierError) as caught:
            self.client().export({**self.document, "nmae": "x"})
        self.assertEqual(caught.exception.code, "request-invalid")
        self.assertIn("nmae", caught.exception.detail)


if __name__ == "__main__":
    unittest.main()
