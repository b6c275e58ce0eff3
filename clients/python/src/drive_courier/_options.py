"""The options of a delivery, checked before anything is sent."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Callable, Dict, Literal, Mapping, Optional

from ._media_types import media_type_of
from .errors import failure

ConflictRule = Literal["new", "replace", "skip", "fail"]
Conversion = Literal["sheet", "doc", "slides"]

Progress = Callable[[int, Optional[int]], None]


@dataclass(frozen=True)
class Options:
    """Everything that the client decides is filled in."""

    name: str
    mime_type: str
    key: str
    key_is_own: bool
    """True when the caller gave the key."""
    destination: Optional[str]
    path: Optional[str]
    on_conflict: Optional[str]
    convert_to: Optional[str]
    description: Optional[str]
    on_progress: Optional[Progress]

    def fields(self) -> Dict[str, Optional[str]]:
        """As the courier's API names them."""
        return {
            "destination": self.destination,
            "name": self.name,
            "path": self.path,
            "onConflict": self.on_conflict,
            "convertTo": self.convert_to,
            "description": self.description,
        }

    def progress(self, sent: int, total: Optional[int]) -> None:
        if self.on_progress is not None:
            self.on_progress(sent, total)


def usable_key(key: Optional[str]) -> Optional[str]:
    """Raises CourierError ``usage`` for a key that no courier accepts."""
    if key is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise failure("usage", "An idempotency key has 1 to 255 visible ASCII characters.")
    return key


def new_key() -> str:
    return str(uuid.uuid4())


def check_unicode(options: Mapping[str, Optional[str]]) -> None:
    """A lone surrogate has no UTF-8 form. Raises CourierError ``usage``."""
    for name, value in options.items():
        try:
            (value or "").encode("utf-8")
        except UnicodeEncodeError:
            raise failure("usage", f"{name} is not well-formed Unicode (a lone surrogate).") from None


def resolve_options(
    suggested_name: Optional[str],
    *,
    name: Optional[str],
    mime_type: Optional[str],
    key: Optional[str],
    destination: Optional[str],
    path: Optional[str],
    on_conflict: Optional[str],
    convert_to: Optional[str],
    description: Optional[str],
    on_progress: Optional[Progress],
) -> Options:
    """Raises CourierError ``usage``."""
    resolved = name or suggested_name
    if not resolved:
        raise failure("usage", "What is sent has no name of its own: pass name=.")
    check_unicode({"name": resolved, "to": destination, "path": path, "description": description})
    kind = mime_type or media_type_of(resolved)
    if not re.fullmatch(r"[\x20-\x7e]+", kind):
        raise failure("usage", "A media type has visible ASCII characters only.")
    own = usable_key(key)
    return Options(
        name=resolved,
        mime_type=kind,
        key=own or new_key(),
        key_is_own=own is not None,
        destination=destination,
        path=path,
        on_conflict=on_conflict,
        convert_to=convert_to,
        description=description,
        on_progress=on_progress,
    )
