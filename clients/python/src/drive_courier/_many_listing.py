"""Which files are sent: files, folders with everything below them, and glob patterns."""

from __future__ import annotations

import fnmatch
import os
import re
from dataclasses import dataclass
from typing import Callable, Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union

from ._many_names import Target, checked_folder, create_targets, is_utf8, not_utf8
from ._values import AnyPath, bytes_in
from .errors import CourierError, FileFailure, failure

NamedFile = Tuple[Union[AnyPath, bytes, bytearray, memoryview], AnyPath]
SendAllInput = Union[AnyPath, NamedFile]


class Found(NamedTuple):
    file: str
    relative: str
    """Path below what is sent, with "/"."""
    content: Optional[bytes] = None


class Listed(NamedTuple):
    """A file to send."""

    file: str
    target: Target
    content: Optional[bytes] = None


@dataclass(frozen=True)
class Selection:
    hidden: bool
    follow_symlinks: bool
    select: Optional[Callable[[str], bool]]

    def includes(self, relative: str) -> bool:
        return self.select is None or self.select(relative)


def _unreadable(file: str, reason: Union[str, OSError]) -> FileFailure:
    detail = reason if isinstance(reason, str) else reason.strerror or str(reason)
    return FileFailure(file, failure("file-unreadable", detail))


def _in_order(entries: Iterable[os.DirEntry[str]]) -> List[os.DirEntry[str]]:
    """By UTF-16 units, as the command line does, so that the same one of two files with one name is sent."""
    return sorted(entries, key=lambda entry: entry.name.encode("utf-16-be", "surrogatepass"))


def _joined(prefix: str, relative: str) -> str:
    return f"{prefix}/{relative}" if prefix else relative


def _walk(
    folder: str, relative: str, selection: Selection, above: FrozenSet[Tuple[int, int]]
) -> Iterator[Union[Found, FileFailure]]:
    try:
        stat = os.stat(folder)
        place = (stat.st_dev, stat.st_ino)
        if place in above:
            yield _unreadable(folder, "Symbolic link to a folder that contains it")
            return
        with os.scandir(folder) as scanned:
            entries = _in_order(scanned)
    except OSError as error:
        yield _unreadable(folder, error)
        return
    for entry in entries:
        if entry.name.startswith(".") and not selection.hidden:
            continue
        if entry.is_symlink() and not selection.follow_symlinks:
            continue
        below = _joined(relative, entry.name)
        try:
            if entry.is_symlink():
                # Raises for a link that leads nowhere, or to itself.
                os.stat(entry.path)
            if entry.is_dir():
                yield from _walk(entry.path, below, selection, above | {place})
            elif entry.is_file() and selection.includes(below):
                yield Found(entry.path, below)
        except OSError as error:
            yield _unreadable(entry.path, error)


_MAGIC = re.compile(r"[*?\[]")


def _expand(folder: str, relative: str, segments: List[str], hidden: bool) -> Iterator[Tuple[str, str, bool]]:
    """What a pattern matches, as a shell does: path, path below the first wildcard, whether it is a folder."""
    segment, rest = segments[0], segments[1:]
    is_deep = segment == "**"
    if is_deep:
        yield from _expand(folder, relative, rest or ["*"], hidden)
    try:
        with os.scandir(folder or ".") as scanned:
            entries = _in_order(scanned)
    except OSError:
        # As shells do.
        return
    for entry in entries:
        if not is_deep and not fnmatch.fnmatchcase(entry.name, segment):
            continue
        if entry.name.startswith(".") and not (hidden or segment.startswith(".")):
            continue
        path, below = os.path.join(folder, entry.name), _joined(relative, entry.name)
        if not is_deep and not rest:
            # What a symbolic link leads to decides, as it does for a path without wildcards.
            yield path, below, os.path.isdir(path)
        elif entry.is_dir(follow_symlinks=False):
            yield from _expand(path, below, segments if is_deep else rest, hidden)


def _glob(pattern: str, selection: Selection) -> Iterator[Union[Found, FileFailure]]:
    segments = pattern.split("/")
    first = next(at for at, segment in enumerate(segments) if _MAGIC.search(segment))
    folder = "/".join(segments[:first]) or ("/" if pattern.startswith("/") else "")
    wild = [segment for segment in segments[first:] if segment]
    # A slash after "**" changes nothing: every file that it finds is in one of its folders.
    only_folders = pattern.endswith("/") and wild[-1] != "**"
    matched = False
    for path, relative, is_folder in _expand(folder, "", wild, selection.hidden):
        if only_folders and not is_folder:
            continue
        if is_folder and "**" in wild and not only_folders:
            # The files in it match by themselves, or not at all.
            continue
        matched = True
        if is_folder:
            yield from _walk(path, relative, selection, frozenset())
        elif selection.includes(relative):
            yield Found(path, relative)
    if not matched:
        yield _unreadable(pattern, "No file matches")


def _prefix_of(folder: str) -> str:
    """A folder is sent with its name, and without it if the path ends with "/", "." or ".."."""
    name = os.path.basename(folder)
    return "" if name in ("", ".", "..") else name


def _path(path: str, selection: Selection) -> Iterator[Union[Found, FileFailure]]:
    try:
        os.stat(path)
    except (OSError, ValueError) as error:
        if _MAGIC.search(path):
            yield from _glob(path, selection)
        else:
            yield _unreadable(path, error if isinstance(error, OSError) else str(error))
        return
    name = os.path.basename(path)
    if os.path.isdir(path):
        yield from _walk(path, _prefix_of(path), selection, frozenset())
    elif not os.path.isfile(path):
        yield _unreadable(path, "Not a regular file")
    elif selection.includes(name):
        yield Found(path, name)


def _wrong_input() -> CourierError:
    return failure("usage", "send_all takes paths, and pairs of a path or bytes with a path in Drive.")


def _found_in(inputs: Iterable[SendAllInput], selection: Selection) -> Iterator[Union[Found, FileFailure]]:
    for each in inputs:
        if isinstance(each, tuple) and len(each) == 2 and isinstance(each[1], (str, os.PathLike)):
            source, path = each[0], os.fsdecode(each[1])
            content = None if isinstance(source, (str, os.PathLike)) else bytes_in(source)
            if content is not None:
                yield Found(path, path, content)
            elif isinstance(source, (str, os.PathLike)):
                yield Found(os.fsdecode(source), path)
            else:
                raise _wrong_input()
        elif isinstance(each, (str, os.PathLike)):
            yield from _path(os.fsdecode(each), selection)
        else:
            raise _wrong_input()


def _is_same_file(one: str, other: Optional[str]) -> bool:
    if other is None or os.path.basename(one) != os.path.basename(other):
        return False
    return os.path.realpath(one) == os.path.realpath(other)


def list_all(
    inputs: Iterable[SendAllInput], selection: Selection, root: str, manifest: Optional[str]
) -> Iterator[Union[Listed, FileFailure]]:
    """Every file to send, and what cannot be sent. Of files with the same path in Drive, the first is sent.

    Raises CourierError ``path-invalid``, ``usage``.
    """
    target_of = create_targets(checked_folder(root))
    # The path of each file on disk by its path in Drive; ``None`` for bytes, which are never the same file as another.
    sources: Dict[str, Optional[str]] = {}
    for found in _found_in(inputs, selection):
        if isinstance(found, FileFailure):
            yield found
            continue
        file, relative, content = found
        if content is None and _is_same_file(file, manifest):
            continue
        try:
            if not is_utf8(relative):
                raise not_utf8()
            target = target_of(relative)
        except CourierError as error:
            yield FileFailure(file, error)
            continue
        source = file if content is None else None
        if target.path not in sources:
            sources[target.path] = source
            yield Listed(file, target, content)
            continue
        other = sources[target.path]
        if other is None or source is None or os.path.abspath(other) != os.path.abspath(source):
            name = "An earlier input" if other is None else f'"{other}"'
            yield FileFailure(file, failure("path-taken", f'{name} is sent to "{target.path}".'))
