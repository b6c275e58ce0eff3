"""Where a file goes in Drive, by the courier's own rules for names, so that files with the same name are detected before they are sent."""

from __future__ import annotations

import re
import unicodedata
from typing import Callable, NamedTuple, Optional, Tuple

from .errors import CourierError, failure

_MAX_CHARACTERS = 255
_MAX_FOLDERS = 32
# What the courier trims: the white space and line ends of ECMAScript, which differ from those of str.strip().
_SPACE = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Target(NamedTuple):
    folder: str
    """Folders below the destination, separated by "/"."""
    name: str

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}" if self.folder else self.name


def _normalized(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip(_SPACE)


def _fault_in(name: str) -> Optional[str]:
    if _SURROGATE.search(name):
        return "is not well-formed Unicode"
    if _CONTROL.search(name):
        return "has a control character"
    if not name:
        return "is empty"
    if len(name) > _MAX_CHARACTERS:
        return f"has {len(name)} characters; the maximum is {_MAX_CHARACTERS}"
    return f'is "{name}"' if name in (".", "..") else None


def checked_name(given: str) -> str:
    """Raises CourierError ``name-invalid``."""
    name = _normalized(given)
    fault = 'has "/" or "\\"' if re.search(r"[/\\]", name) else _fault_in(name)
    if fault is not None:
        raise failure("name-invalid", f"{given!r} {fault}.")
    return name


def checked_folder(given: str) -> str:
    """Raises CourierError ``path-invalid``."""
    path = given.strip("/\\")
    folders = [_normalized(each) for each in re.split(r"[/\\]", path)] if path else []
    if len(folders) > _MAX_FOLDERS:
        raise failure("path-invalid", f"{given!r} has more than {_MAX_FOLDERS} folders.")
    for number, folder in enumerate(folders, 1):
        fault = _fault_in(folder)
        if fault is not None:
            raise failure("path-invalid", f"{given!r}: folder {number} {fault}.")
    return "/".join(folders)


def create_targets(root: str) -> Callable[[str], Target]:
    """Derives targets from paths below ``root``. Remembers the last folder: its files come one after another."""
    last: Tuple[Optional[str], str] = (None, "")

    def target_of(relative: str) -> Target:
        nonlocal last
        below, _, name = relative.rpartition("/")
        if "\\" in below:
            # The courier would read it as a separator.
            raise failure("path-invalid", f'{below!r} has "\\" in the name of a folder.')
        checked = checked_name(name)
        if last[0] != below:
            last = (below, checked_folder(f"{root}/{below}"))
        return Target(last[1], checked)

    return target_of


def not_utf8() -> CourierError:
    return failure("file-unreadable", "The name is not UTF-8.")


def is_utf8(path: str) -> bool:
    """False for a name with bytes that Python could not decode."""
    return _SURROGATE.search(path) is None
