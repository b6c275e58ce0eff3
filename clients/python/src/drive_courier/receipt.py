"""What the courier answers, as types."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, List, Mapping, Optional, Tuple

from .errors import CourierError, failure


@dataclass(frozen=True)
class Receipt:
    """The proof of a delivery. Sizes are in bytes; times are RFC 3339 in UTC; checksums are lower-case hex."""

    id: str
    """The file's id in Drive."""
    name: str
    mime_type: str
    size: int
    sha256: Optional[str]
    """Of the bytes that the courier received; ``None`` for a skipped file that Drive has no checksum for."""
    md5: Optional[str]
    destination: str
    path: str
    folder_id: str
    web_view_link: str
    """Opens the file in a browser."""
    outcome: str
    """``created``, ``replaced``, ``skipped``, or ``replayed`` when an earlier call with the same key delivered it."""
    created_time: str
    modified_time: str
    caller: str
    idempotency_key: Optional[str]
    warnings: Tuple[str, ...] = ()
    sheet: Optional[Mapping[str, Any]] = None
    """Where appended rows are: ``spreadsheetId``, ``tab``, ``range``, ``rows``, ``columnsAdded``; ``None`` for other files."""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The whole answer, with fields that this version of the client does not know."""


@dataclass(frozen=True)
class FileReceipt(Receipt):
    """The receipt of one of many files."""

    file: str = ""
    """Its path as it was found."""
    change: str = "new"
    """``unchanged`` when the manifest has the receipt already, and nothing was sent; ``changed`` when the file has other
    bytes than in the manifest, and was delivered again under the conflict rule; else ``new``."""


def file_receipt_of(answer: Mapping[str, Any], file: str, change: str) -> FileReceipt:
    return FileReceipt(**vars(receipt_of(answer)), file=file, change=change)


@dataclass(frozen=True)
class Destination:
    """A place that this caller may write to, with the defaults that the operator configured."""

    name: str
    path: str
    on_conflict: Optional[str]
    convert_to: Optional[str]
    max_bytes: Optional[int]
    """The largest file, in bytes."""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def json_object(body: bytes) -> Mapping[str, Any]:
    """The JSON object in an answer. Raises CourierError ``not-a-courier`` for anything else."""
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise failure("not-a-courier", "The answer is not a JSON object.")
    return value


def text_of(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str):
        raise failure("not-a-courier", f'The answer has no "{name}".')
    return value


def _optional_text(answer: Mapping[str, Any], name: str) -> Optional[str]:
    value = answer.get(name)
    return value if isinstance(value, str) else None


def _optional_int(answer: Mapping[str, Any], name: str) -> Optional[int]:
    value = answer.get(name)
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def receipt_of(answer: Mapping[str, Any]) -> Receipt:
    size = _optional_int(answer, "size")
    if size is None:
        raise failure("not-a-courier", 'The answer has no "size".')
    warnings, sheet = answer.get("warnings"), answer.get("sheet")
    return Receipt(
        id=text_of(answer, "id"),
        name=text_of(answer, "name"),
        mime_type=text_of(answer, "mimeType"),
        size=size,
        sha256=_optional_text(answer, "sha256"),
        md5=_optional_text(answer, "md5"),
        destination=text_of(answer, "destination"),
        path=text_of(answer, "path"),
        folder_id=text_of(answer, "folderId"),
        web_view_link=text_of(answer, "webViewLink"),
        outcome=text_of(answer, "outcome"),
        created_time=text_of(answer, "createdTime"),
        modified_time=text_of(answer, "modifiedTime"),
        caller=text_of(answer, "caller"),
        idempotency_key=_optional_text(answer, "idempotencyKey"),
        warnings=tuple(str(each) for each in warnings) if isinstance(warnings, list) else (),
        sheet=sheet if isinstance(sheet, dict) else None,
        raw=answer,
    )


def destinations_of(answer: Mapping[str, Any]) -> List[Destination]:
    listed = answer.get("destinations")
    if not isinstance(listed, list):
        raise failure("not-a-courier", 'The answer has no "destinations".')
    return [
        Destination(
            name=text_of(each, "name"),
            path=_optional_text(each, "path") or "",
            on_conflict=_optional_text(each, "onConflict"),
            convert_to=_optional_text(each, "convertTo"),
            max_bytes=_optional_int(each, "maxBytes"),
            raw=each,
        )
        for each in listed
    ]


def is_receipt(answer: Mapping[str, Any]) -> bool:
    """Whether the object has all that a receipt needs."""
    try:
        receipt_of(answer)
    except CourierError:
        return False
    return True
