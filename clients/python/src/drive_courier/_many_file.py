"""One of many files: compared with the manifest, sent if necessary, and added to the manifest."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

from ._manifest import Delivered, Manifest
from ._many_listing import Listed
from ._many_names import Target, is_utf8, not_utf8
from ._options import resolve_options
from ._send import WHOLE_BYTES, Sender
from ._sources import BytesSource, PathSource
from .errors import failure
from .receipt import FileReceipt, file_receipt_of

# The run's key is shown at the beginning of each file's key, so that a log can be searched for it.
_MAX_SHOWN = 200
# File systems store times in steps of up to this long. Within one step, a change may leave size and time as they were.
_MTIME_STEP_SECONDS = 2.0


@dataclass(frozen=True)
class Run:
    """What the files of one call of ``send_all`` share."""

    manifest: Manifest
    sender: Sender
    destination: Optional[str]
    path: Optional[str]
    convert_to: Optional[str]
    options: Mapping[str, Any]
    """The other options, which apply to every file."""
    default_folder: Callable[[], str]
    """The folder that the destination uses if a request names none."""

    def key_of(self, target: Target, sha256: str) -> str:
        return file_key(self.manifest.run_key, self.destination, self.convert_to, target, sha256)


def file_key(
    run_key: str, destination: Optional[str], convert_to: Optional[str], target: Target, sha256: str
) -> str:
    """The idempotency key of one file of a run: the same on every machine, and in every client."""
    parts = [run_key, destination, convert_to, target.folder, target.name, sha256]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode().rstrip("=")
    return f"{run_key[:_MAX_SHOWN]}:{digest}"


def _time_text(ns: int) -> Optional[str]:
    """RFC 3339 in UTC with nanoseconds; None outside of the years 1 to 9999."""
    seconds, fraction = divmod(ns, 1_000_000_000)
    try:
        return f"{datetime.fromtimestamp(seconds, tz=timezone.utc):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"
    except (OverflowError, ValueError, OSError):
        return None


def _is_same_state(listed: Listed, known: Delivered) -> bool:
    if known.mtime is None or listed.content is not None:
        return False
    try:
        stat = os.stat(listed.file)
    except OSError:
        return False
    return stat.st_size == known.size and _time_text(stat.st_mtime_ns) == known.mtime


class _Opened:
    """A file that is read once: a small one stays in memory until it is sent."""

    def __init__(self, listed: Listed) -> None:
        if listed.content is None and not is_utf8(listed.file):
            raise not_utf8()
        self.times: Optional[Tuple[datetime, datetime]] = None
        self.mtime: Optional[str] = None
        self.source: Union[BytesSource, PathSource]
        if listed.content is not None:
            self.source = BytesSource(listed.content)
            self.sha256 = hashlib.sha256(listed.content).hexdigest()
            return
        if os.path.exists(listed.file) and not os.path.isfile(listed.file):
            # Opening a pipe would block until it has a writer.
            raise failure("file-unreadable", f"{listed.file}: Not a regular file")
        source = PathSource(listed.file)
        self.source = source
        self.times = source.times
        try:
            self._read(source)
        except OSError as error:
            source.close()
            raise failure("file-unreadable", f"{listed.file}: {error.strerror or error}") from error
        except BaseException:
            source.close()
            raise

    def _read(self, source: PathSource) -> None:
        digest = hashlib.sha256()
        kept: List[bytes] = []
        for part in source.read(0, source.size):
            digest.update(part)
            if source.size <= WHOLE_BYTES:
                kept.append(part)
        source.check_unchanged()
        if time.time() - source.mtime_ns / 1e9 > _MTIME_STEP_SECONDS:
            self.mtime = _time_text(source.mtime_ns)
        self.sha256 = digest.hexdigest()
        if source.size <= WHOLE_BYTES:
            self.source = BytesSource(b"".join(kept), source.name)
            source.close()


def _change(before: Optional[Delivered], sha256: str) -> str:
    """What is sent: a file that the manifest does not have, or one with other bytes than in the manifest."""
    return "new" if before is None or before.sha256 == sha256 else "changed"


def _folder_of(target: Target, run: Run) -> Optional[str]:
    """The folder to name in the request. Without ``path``, files go below the destination's default folder, and those of
    folders must name it. Raises CourierError ``usage`` if the default folder has placeholders."""
    if run.path is not None:
        return target.folder
    if not target.folder:
        return None
    above = run.default_folder()
    if "{" in above or "}" in above:
        # Only the courier knows the time and the caller that placeholders stand for.
        raise failure("usage", f"The destination's default folder, {above}, has placeholders. Pass path=.")
    return f"{above}/{target.folder}" if above else target.folder


def _unchanged(receipt: Mapping[str, Any], listed: Listed) -> FileReceipt:
    return file_receipt_of(receipt, listed.file, "unchanged")


def deliver_file(listed: Listed, run: Run) -> FileReceipt:
    """Delivers a file, unless the manifest says that it was delivered with these bytes. Raises CourierError."""
    manifest, target = run.manifest, listed.target
    before = manifest.find(run.destination, target.path)
    if before is not None and run.key_of(target, before.sha256) == before.key and _is_same_state(listed, before):
        receipt = manifest.receipt_of(before)
        if receipt is not None:
            return _unchanged(receipt, listed)
    opened = _Opened(listed)
    try:
        key = run.key_of(target, opened.sha256)
        entry: Dict[str, Any] = {"file": listed.file}
        if run.destination is not None:
            entry["destination"] = run.destination
        entry.update(path=target.path, size=opened.source.size, mtime=opened.mtime, sha256=opened.sha256, key=key)
        if before is not None and before.key == key:
            receipt = manifest.receipt_of(before)
            if receipt is not None:
                if opened.mtime != before.mtime:
                    manifest.add({**entry, "receipt": receipt})
                return _unchanged(receipt, listed)
        if run.options.get("preserve_times") and listed.content is None and opened.times is None:
            raise failure("file-unreadable", f"{listed.file}: Its times are not in the years 1 to 9999")
        options = resolve_options(
            opened.source.name,
            opened.times,
            name=target.name,
            key=key,
            destination=run.destination,
            path=_folder_of(target, run),
            convert_to=run.convert_to,
            on_progress=None,
            **run.options,
        )
        answer = run.sender.send(opened.source, options).raw
        manifest.add({**entry, "receipt": answer})
        return file_receipt_of(answer, listed.file, _change(before, opened.sha256))
    finally:
        opened.source.close()
