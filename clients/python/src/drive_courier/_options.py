"""The options of a delivery, checked before anything is sent."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Literal, Mapping, Optional, Tuple, Union

from ._media_types import media_type_of
from ._values import plain_flag
from .errors import failure

ConflictRule = Literal["new", "replace", "skip", "fail", "append"]
ColumnRule = Literal["extend", "strict"]
Rollover = Literal["monthly"]
Conversion = Literal["sheet", "doc", "slides"]

Time = Union[str, datetime]
"""Text with a time zone (RFC 3339), or a datetime with one."""

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
    tab: Optional[str]
    columns: Optional[str]
    dates: Optional[bool]
    rollover: Optional[str]
    description: Optional[str]
    modified_time: Optional[str]
    created_time: Optional[str]
    properties: Optional[Mapping[str, str]]
    keep_revision_forever: Optional[bool]
    on_progress: Optional[Progress]

    def fields(self) -> Dict[str, Any]:
        """As the courier's API names them, for JSON."""
        fields: Dict[str, Any] = {
            "destination": self.destination,
            "name": self.name,
            "path": self.path,
            "onConflict": self.on_conflict,
            "convertTo": self.convert_to,
            "description": self.description,
        }
        details = {
            "tab": self.tab,
            "columns": self.columns,
            "dates": self.dates,
            "rollover": self.rollover,
            "modifiedTime": self.modified_time,
            "createdTime": self.created_time,
            "properties": None if self.properties is None else dict(self.properties),
            "keepRevisionForever": self.keep_revision_forever,
        }
        fields.update({name: value for name, value in details.items() if value is not None})
        return fields

    def query(self) -> Dict[str, Optional[str]]:
        """As the courier's API names them, for a URL, where every value is text."""
        return {name: value if value is None or isinstance(value, str) else json.dumps(value) for name, value in self.fields().items()}

    def progress(self, sent: int, total: Optional[int]) -> None:
        if self.on_progress is not None:
            self.on_progress(sent, total)


def usable_key(key: Optional[str]) -> Optional[str]:
    """Raises CourierError ``usage`` for a key that no courier accepts."""
    if key is not None and not (isinstance(key, str) and re.fullmatch(r"[\x21-\x7e]{1,255}", key)):
        raise failure("usage", "An idempotency key has 1 to 255 visible ASCII characters.")
    return key


def new_key() -> str:
    return str(uuid.uuid4())


def check_unicode(options: Mapping[str, Optional[str]]) -> None:
    """A lone surrogate has no UTF-8 form, and other values than text have none. Raises CourierError ``usage``."""
    for name, value in options.items():
        if value is not None and not isinstance(value, str):
            raise failure("usage", f"{name} is not text.")
        try:
            (value or "").encode("utf-8")
        except UnicodeEncodeError:
            raise failure("usage", f"{name} is not well-formed Unicode (a lone surrogate).") from None


def _check_properties(properties: Optional[Mapping[str, str]]) -> None:
    """Raises CourierError ``usage``."""
    if properties is None:
        return
    if not isinstance(properties, Mapping):
        raise failure("usage", "properties is not a mapping of texts to texts.")
    for name, value in properties.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise failure("usage", f"The property {name!r} is not a text with a text as its value.")
        check_unicode({"properties": name + value})


def _time_text(name: str, time: Optional[Time]) -> Optional[str]:
    if time is None or isinstance(time, str):
        return time
    if not isinstance(time, datetime):
        raise failure("usage", f"{name} is neither text nor a datetime with a time zone.")
    if time.tzinfo is None:
        raise failure("usage", f"{name} has no time zone: pass datetime(..., tzinfo=timezone.utc).")
    return time.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def resolve_options(
    suggested_name: Optional[str],
    file_times: Optional[Tuple[datetime, datetime]],
    *,
    name: Optional[str],
    mime_type: Optional[str],
    key: Optional[str],
    destination: Optional[str],
    path: Optional[str],
    on_conflict: Optional[str],
    convert_to: Optional[str],
    tab: Optional[str],
    columns: Optional[str],
    dates: Optional[bool],
    rollover: Optional[str],
    description: Optional[str],
    modified_time: Optional[Time],
    created_time: Optional[Time],
    preserve_times: bool,
    properties: Optional[Mapping[str, str]],
    keep_revision_forever: Optional[bool],
    on_progress: Optional[Progress],
) -> Options:
    """Raises CourierError ``usage``."""
    resolved = name or suggested_name
    if not resolved:
        raise failure("usage", "What is sent has no name of its own: pass name=.")
    check_unicode({"name": resolved, "to": destination, "path": path, "description": description, "tab": tab})
    check_unicode({"mime_type": mime_type, "on_conflict": on_conflict, "convert_to": convert_to})
    check_unicode({"columns": columns, "rollover": rollover})
    _check_properties(properties)
    if preserve_times and file_times is None:
        raise failure("usage", "What is sent has no times of its own to preserve; only files have.")
    modified, created = file_times if preserve_times and file_times is not None else (None, None)
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
        tab=tab,
        columns=columns,
        dates=plain_flag(dates),  # type: ignore[arg-type]
        rollover=rollover,
        description=description,
        modified_time=_time_text("modified_time", modified_time or modified),
        created_time=_time_text("created_time", created_time or created),
        properties=properties,
        keep_revision_forever=plain_flag(keep_revision_forever),  # type: ignore[arg-type]
        on_progress=on_progress,
    )
