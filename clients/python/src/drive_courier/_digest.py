"""SHA-256 of a file whose parts pass by while they are sent."""

from __future__ import annotations

import hashlib
from typing import Optional

from ._sources import READ_BYTES, Source


class RunningDigest:
    """Takes parts in order; parts that are sent twice are taken once, and parts that Drive already has are read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self._taken = 0
        self._hex: Optional[str] = None

    def add(self, offset: int, part: bytes) -> None:
        if offset > self._taken:
            raise AssertionError(f"the digest has {self._taken} bytes and cannot take those from {offset}")
        fresh = part[self._taken - offset :]
        self._hash.update(fresh)
        self._taken += len(fresh)

    def catch_up(self, offset: int) -> None:
        """Reads what is missing below the offset."""
        while self._taken < offset:
            start = self._taken
            for part in self._source.read(start, min(offset, start + READ_BYTES)):
                self.add(self._taken, part)

    def finish(self) -> str:
        """Lower-case hex, of the whole file."""
        self.catch_up(self._source.size)
        if self._hex is None:
            self._hex = self._hash.hexdigest()
        return self._hex
