"""The manifest: a file of JSON Lines that remembers what was delivered. The command line and the other clients read and write
the same one."""

from __future__ import annotations

import errno
import json
import os
import secrets
import threading
import time
import uuid
from typing import Any, BinaryIO, Dict, Mapping, NamedTuple, Optional, Tuple

from .errors import CourierError, failure
from .receipt import is_receipt

# After a power failure, what was delivered in the last second is sent again, with the same keys.
_SYNC_EVERY_SECONDS = 1.0


class Delivered(NamedTuple):
    """What the manifest knows about a file. The receipt is only read when it is needed."""

    size: int
    mtime: Optional[str]
    sha256: str
    key: str
    at: int
    length: int


def json_line(value: Any) -> bytes:
    """Like JSON.stringify of JavaScript."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"


def _parsed(line: bytes) -> Mapping[str, Any]:
    """An empty object for a line that a crash cut off: that file is sent again, with the same key."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _has_texts(entry: Mapping[str, Any], *names: str) -> bool:
    return all(isinstance(entry.get(name), str) for name in names)


def _is_entry(entry: Mapping[str, Any]) -> bool:
    return (
        _has_texts(entry, "file", "path", "sha256", "key")
        and isinstance(entry.get("size"), int)
        and isinstance(entry.get("mtime"), (str, type(None)))
        and isinstance(entry.get("destination", ""), str)
    )


def _run_key_in(header: Mapping[str, Any], path: str) -> str:
    key = header.get("key")
    if header.get("manifest") != "drive-courier" or header.get("version") != 1 or not isinstance(key, str) or not key:
        raise failure("usage", f"{path} is not a manifest of this version.")
    return key


_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def _unwritable(path: str, error: OSError, remedy: Optional[str]) -> CourierError:
    return failure("file-unwritable", f"{path}: {error.strerror or error}", remedy=remedy)


def _not_begun(path: str, error: OSError) -> CourierError:
    """The manifest cannot be opened or created, before any file is sent."""
    full = "Free some space on the disk of the manifest, or choose a path on another disk. Nothing was sent."
    return _unwritable(path, error, full if error.errno in _DISK_FULL else None)


def _not_continued(path: str, error: OSError) -> CourierError:
    """A line cannot be written. Files were delivered before, and the last ones may not be in the manifest."""
    first = "Free some space on the disk of the manifest" if error.errno in _DISK_FULL else "Make the manifest writable again"
    return _unwritable(
        path,
        error,
        f"{first}, then make the same call again. Files that were delivered are in Drive. Those that the manifest lacks are "
        "sent again with the same keys, which creates no duplicates.",
    )


def _create(path: str, header: bytes) -> None:
    """With its first line, at once: another process that creates it at the same time must find the same key."""
    draft = f"{path}.{uuid.uuid4()}.new"
    try:
        with open(draft, "xb") as file:
            file.write(header)
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        except OSError:
            # Some file systems have no hard links.
            with open(path, "xb") as file:
                file.write(header)
    except FileExistsError:
        return
    finally:
        if os.path.exists(draft):
            os.unlink(draft)


def _place_of(destination: Optional[str], path: str) -> str:
    return f"{destination or ''}\n{path}"


class Manifest:
    """Without a path, it knows nothing and remembers nothing. Threads may share it."""

    def __init__(self, path: Optional[str], given_key: Optional[str]) -> None:
        """Raises CourierError ``file-unwritable``, and ``usage`` for another file or another key."""
        self.run_key = given_key or secrets.token_urlsafe(12)
        self.path = path
        self._entries: Dict[str, Delivered] = {}
        self._lock = threading.Lock()
        self._synced = time.monotonic()
        self._file: Optional[BinaryIO] = None
        self._append = -1
        if path is None:
            return
        header = json_line({"manifest": "drive-courier", "version": 1, "key": self.run_key})
        try:
            if not os.path.exists(path):
                _create(path, header)
            self._file = open(path, "rb")
        except OSError as error:
            raise _not_begun(path, error) from error
        try:
            self._load(self._file, path, given_key, header)
        except OSError as error:
            self._close_files()
            raise _not_begun(path, error) from error
        except CourierError:
            self._close_files()
            raise

    def _close_files(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._append >= 0:
            os.close(self._append)

    def _load(self, file: BinaryIO, path: str, given_key: Optional[str], header: bytes) -> None:
        at = 0
        is_first, ends_with_line_break = True, True
        for line in file:
            ends_with_line_break = line.endswith(b"\n")
            text = line[:-1] if ends_with_line_break else line
            if is_first:
                self.run_key = _run_key_in(_parsed(text), path)
                if given_key is not None and self.run_key != given_key:
                    raise failure(
                        "usage",
                        f"{path} belongs to another key.",
                        remedy="Use the key that the manifest was started with, or another manifest.",
                    )
            else:
                self._remember(_parsed(text), at, len(text))
            is_first = False
            at += len(line)
        self._append = os.open(path, os.O_WRONLY | os.O_APPEND)
        # An empty file, as mktemp makes it.
        start = header if is_first else b"" if ends_with_line_break else b"\n"
        if start:
            self._write(start)

    def _remember(self, entry: Mapping[str, Any], at: int, length: int) -> None:
        if _is_entry(entry):
            known = Delivered(entry["size"], entry["mtime"], entry["sha256"], entry["key"], at, length)
            self._entries[_place_of(entry.get("destination"), entry["path"])] = known

    def find(self, destination: Optional[str], path: str) -> Optional[Delivered]:
        return self._entries.get(_place_of(destination, path))

    def receipt_of(self, delivered: Delivered) -> Optional[Mapping[str, Any]]:
        """None if the line was damaged: the file is sent again, with the same key."""
        if self._file is None:
            raise AssertionError("there is no receipt without a manifest")
        with self._lock:
            self._file.seek(delivered.at)
            receipt = _parsed(self._file.read(delivered.length)).get("receipt")
        return receipt if isinstance(receipt, dict) and is_receipt(receipt) else None

    def add(self, entry: Mapping[str, Any]) -> None:
        """Returns when the entry is written."""
        if self.path is None:
            return
        line = json_line(entry)
        with self._lock:
            try:
                self._write(line)
                if time.monotonic() - self._synced >= _SYNC_EVERY_SECONDS:
                    self._synced = time.monotonic()
                    os.fsync(self._append)
            except OSError as error:
                raise _not_continued(self.path, error) from error

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._append, rest) :]

    def close(self) -> None:
        """Writes everything to the disk."""
        if self._file is None:
            return
        self._file.close()
        try:
            os.fsync(self._append)
        except OSError:
            # Not every file system can do this.
            pass
        os.close(self._append)
