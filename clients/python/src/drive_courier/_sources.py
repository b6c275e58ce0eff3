"""What can be sent: paths, bytes, open files and streams, read in the way that each allows."""

from __future__ import annotations

import io
import os
from datetime import datetime, timezone
from typing import BinaryIO, Iterable, Iterator, List, Optional, Protocol, Tuple, Union

from ._values import AnyPath, bytes_in, whole_number
from .errors import CourierError, failure

READ_BYTES = 1024 * 1024

Sendable = Union[AnyPath, bytes, bytearray, memoryview, BinaryIO, Iterable[bytes]]
"""A path, bytes, a file that is open in binary mode, or a stream: anything with ``read``, or an iterable of bytes."""


State = Tuple[Union[str, int], ...]


class Source(Protocol):
    """Bytes of known size that can be read from an offset."""

    name: Optional[str]
    size: int
    state: Optional[State]
    """Identifies this file in this state; ``None`` for what does not outlive the process."""

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from start up to, not including, end. Raises CourierError ``file-changed``."""
        ...

    def check_unchanged(self) -> None:
        """Raises CourierError ``file-changed``."""
        ...

    def close(self) -> None: ...


class BytesSource:
    state: Optional[State] = None

    def __init__(self, content: bytes, name: Optional[str] = None) -> None:
        self._content = memoryview(content)
        self.name = name
        self.size = len(content)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, end, READ_BYTES):
            yield bytes(self._content[at : min(end, at + READ_BYTES)])

    def check_unchanged(self) -> None:
        return None

    def close(self) -> None:
        return None


class OpenFileSource:
    """An open file that can seek, from its current position to its end. The caller closes it."""

    state: Optional[State] = None

    def __init__(self, file: BinaryIO, name: Optional[str]) -> None:
        self._file = file
        self._start = file.tell()
        self.name = name
        self.size = max(0, file.seek(0, os.SEEK_END) - self._start)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        at = start
        while at < end:
            self._file.seek(self._start + at)
            part = self._file.read(min(READ_BYTES, end - at))
            if not part:
                raise failure("file-changed", f"{self.name or 'The file'} has become shorter.")
            at += len(part)
            yield part

    def check_unchanged(self) -> None:
        if self._file.seek(0, os.SEEK_END) - self._start != self.size:
            raise failure("file-changed", f"{self.name or 'The file'} has another size now.")

    def close(self) -> None:
        return None


def _unreadable(path: str, error: OSError) -> CourierError:
    return failure("file-unreadable", f"{path}: {error.strerror or error}")


class PathSource(OpenFileSource):
    """A file on disk. A change of its size, time or inode while it is sent ends the call."""

    def __init__(self, path: str) -> None:
        try:
            super().__init__(open(path, "rb"), os.path.basename(path))
        except OSError as error:
            raise _unreadable(path, error) from error
        self._path = path
        self._stat = self._stat_of_open()
        self.times = _times(os.fstat(self._file.fileno()))
        self.mtime_ns = self._stat[1]
        self.state = (os.path.realpath(path), *self._stat)

    def _stat_of_open(self) -> Tuple[int, int, int]:
        return _facts(os.fstat(self._file.fileno()))

    def check_unchanged(self) -> None:
        # Programs change a file in place, or put another file in its place.
        try:
            now = {self._stat_of_open(), _facts(os.stat(self._path))}
        except OSError:
            now = set()
        if now != {self._stat}:
            raise failure("file-changed", self._path)

    def close(self) -> None:
        self._file.close()


def _times(stat: os.stat_result) -> Optional[Tuple[datetime, datetime]]:
    """When a file was modified and created; None for times outside of the years 1 to 9999, which some file systems have. The
    creation is never later than the modification: a copy may be newer than what it has in it, and many systems do not know
    when a file was created."""
    modified = stat.st_mtime_ns // 1_000_000 / 1000
    created: float = getattr(stat, "st_birthtime", modified)
    first = created if 0 < created < modified else modified
    try:
        return datetime.fromtimestamp(modified, tz=timezone.utc), datetime.fromtimestamp(first, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None


def _facts(stat: os.stat_result) -> Tuple[int, int, int]:
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


class SizedStream:
    """A stream of known size. Only what was read since the last offset stays in memory, so reading can't go back further."""

    state: Optional[State] = None

    def __init__(self, parts: Iterator[bytes], size: int, name: Optional[str]) -> None:
        self._parts = parts
        self.name = name
        self.size = size
        self._base = 0
        self._kept = bytearray()
        self._checked_end = False

    def _more(self) -> bytes:
        part = next(self._parts, b"")
        if not part and self._base + len(self._kept) < self.size:
            raise failure(
                "usage", f"The stream ended after {self._base + len(self._kept)} bytes; size= is {self.size}."
            )
        return part

    def read(self, start: int, end: int) -> Iterator[bytes]:
        if start < self._base:
            raise failure(
                "upload-refused",
                "The upload must start again, and a stream can be read only once.",
                remedy="Send it again with the same key and a new stream.",
                retryable=True,
            )
        while start > self._base + len(self._kept):
            self._base += len(self._kept)
            self._kept = bytearray(self._more())
        del self._kept[: start - self._base]
        self._base = start
        at = start
        while at < end:
            if at == self._base + len(self._kept):
                self._kept += self._more()
            part = bytes(self._kept[at - self._base : min(end - self._base, at - self._base + READ_BYTES)])
            at += len(part)
            yield part

    def check_unchanged(self) -> None:
        read = self._base + len(self._kept)
        if read < self.size or self._checked_end:
            return
        self._checked_end = True
        following: bytes = next(self._parts, b"")
        if read > self.size or following:
            raise failure("usage", f"The stream has more bytes than size= says ({self.size}).")

    def close(self) -> None:
        return None


class Stream:
    """Bytes of unknown size that can be read once."""

    def __init__(self, parts: Iterator[bytes], name: Optional[str], opened: Optional[BinaryIO] = None) -> None:
        """:param opened: what to close at the end"""
        self.parts = parts
        self.name = name
        self._opened = opened

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def read_ahead(self, limit: int) -> Union[BytesSource, Stream]:
        """A stream that ends within the limit can be sent again, like bytes; a longer one stays a stream."""
        head: List[bytes] = []
        length = 0
        for part in self.parts:
            head.append(part)
            length += len(part)
            if length > limit:
                return Stream(_chained(head, self.parts), self.name)
        return BytesSource(b"".join(head), self.name)


def _chained(head: List[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    while head:
        yield head.pop(0)
    yield from rest


def _bytes_only(parts: Iterable[object]) -> Iterator[bytes]:
    for part in parts:
        content = bytes_in(part)
        if content is None:
            raise failure("usage", f"The stream contains {type(part).__name__}, not bytes.")
        if content:
            yield content


def _reads_of(file: BinaryIO) -> Iterator[object]:
    while True:
        part = file.read(READ_BYTES)
        if not part:
            return
        yield part


def _name_of(file: object) -> Optional[str]:
    name = getattr(file, "name", None)
    return os.path.basename(name) if isinstance(name, str) else None


def _open_path(path: str) -> Union[PathSource, Stream]:
    if os.path.isfile(path) or not os.path.exists(path):
        return PathSource(path)
    if os.path.isdir(path):
        raise failure("file-unreadable", f"{path}: it is a folder")
    try:
        pipe = open(path, "rb")
        return Stream(_bytes_only(_reads_of(pipe)), None, pipe)
    except OSError as error:
        raise _unreadable(path, error) from error


def _checked(source: Union[Source, Stream], size: Optional[int]) -> Union[Source, Stream]:
    """A caller that passes another size than the source has may be about to send the wrong bytes."""
    if size is None or isinstance(source, Stream) or source.size == size:
        return source
    source.close()
    raise failure("usage", f"What is sent has {source.size} bytes; size= is {size}.")


def _length_of(size: object) -> int:
    length = whole_number(size)
    if length is None or length < 0:
        raise failure("usage", "size is not a whole number of bytes.")
    return length


def open_source(given: Sendable, size: Optional[int]) -> Union[Source, Stream]:
    """Raises CourierError ``file-unreadable`` or ``usage``."""
    length = None if size is None else _length_of(size)
    return _checked(_open(given, length), length)


def _open(given: Sendable, size: Optional[int]) -> Union[Source, Stream]:
    if isinstance(given, (str, os.PathLike)):
        return _open_path(os.fsdecode(given))
    if isinstance(given, io.TextIOBase):
        raise failure("usage", "The file is open in text mode; open it in binary mode ('rb').")
    readable = callable(getattr(given, "read", None))
    content = None if readable else bytes_in(given)
    if content is not None:
        return BytesSource(content)
    if readable and _can_seek(given):
        return OpenFileSource(given, _name_of(given))  # type: ignore[arg-type]
    if not readable and not hasattr(given, "__iter__"):
        raise failure("usage", "send takes a path, bytes, a binary file or an iterable of bytes.")
    parts = _bytes_only(_reads_of(given) if readable else given)  # type: ignore[arg-type]
    return Stream(parts, _name_of(given)) if size is None else SizedStream(parts, size, _name_of(given))


def _can_seek(file: object) -> bool:
    seekable = getattr(file, "seekable", None)
    try:
        return bool(seekable()) if callable(seekable) else False
    except (OSError, ValueError):
        return False
