"""The local Google and the couriers beside it, which the test that starts this suite describes in COURIER_TEST_WORLD."""

import hashlib
import json
import os
import random
import shutil
import tempfile
import unittest
import urllib.request

from drive_courier import Client, RetryPolicy

MIB = 1024 * 1024
WORLD = json.loads(os.environ.get("COURIER_TEST_WORLD", "null"))

#: Waits are noted instead of waited for.
WAITS = []
IMPATIENT = RetryPolicy(sleep=WAITS.append, random=lambda: 0.5)


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def call(method, path, body=None):
    """One of the local Google's own pages."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(WORLD["google"] + path, method=method, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.loads(response.read() or b"{}")


def add_faults(*rules):
    call("POST", "/_faults", list(rules))


def calls(method):
    return [each for each in call("GET", "/_calls")["calls"] if each["method"] == method]


def reset():
    """No faults, no recorded calls."""
    WAITS.clear()
    call("DELETE", "/_faults")
    call("DELETE", "/_calls")


def files_named(name):
    """Files of this name in Drive that are not in the trash."""
    files = call("POST", "/_admin/files", {})["files"]
    return [each for each in files if each["name"] == name and not each.get("trashed")]


@unittest.skipIf(WORLD is None, "COURIER_TEST_WORLD is not set; test/clients/python/python-client.test.ts sets it")
class WorldTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        reset()
        self.folder = tempfile.mkdtemp(prefix="drive-courier-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(call, "DELETE", "/_faults")

    def client(self, url=None, key_file="exporter", **options):
        options.setdefault("retry", IMPATIENT)
        options.setdefault("audience", WORLD["audience"])
        options.setdefault("session_folder", os.path.join(self.folder, "sessions"))
        if key_file is not None:
            options.setdefault("credentials_file", WORLD["keyFiles"][key_file])
        return Client(url or WORLD["courier"], **options)

    def written(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def assert_stored_once(self, receipt, content):
        [file] = files_named(receipt.name)
        self.assertEqual(
            [file["id"], file["sha256"], receipt.sha256, receipt.size],
            [receipt.id, sha256(content), sha256(content), len(content)],
        )
