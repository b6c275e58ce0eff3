"""Export documents: the courier makes a file of text, JSON, rows or an object in Cloud Storage."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Mapping, Optional, Tuple, Union

from ._api import Api
from ._options import new_key, usable_key
from ._values import AnyPath, bytes_in, plain_flag, whole_number
from .errors import CourierError, failure
from .receipt import Receipt, receipt_of

Document = Union[Mapping[str, Any], AnyPath, bytes, bytearray, memoryview]


def _plain(value: object) -> object:
    """JSON has no values of NumPy, such as ``numpy.int64`` in rows. Raises TypeError for what has no exact JSON form."""
    number = whole_number(value)
    plain = number if number is not None else plain_flag(value)
    if plain is value:
        raise TypeError(f"{type(value).__name__} has no form in JSON.")
    return plain


def _bytes_of(document: Document) -> bytes:
    if isinstance(document, Mapping):
        try:
            return json.dumps(document, allow_nan=False, ensure_ascii=False, default=_plain).encode("utf-8")
        except (TypeError, ValueError) as error:
            raise failure("usage", f"The document cannot be written as JSON: {error}") from error
    if isinstance(document, str) and document.lstrip("\ufeff \t\r\n").startswith("{"):
        return document.encode("utf-8", "strict")
    if isinstance(document, (str, os.PathLike)):
        path = os.fsdecode(document)
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise failure("file-unreadable", f"{path}: {error.strerror or error}") from error
    content = bytes_in(document)
    if content is None:
        raise failure("usage", "export takes a mapping, or JSON as text, as bytes, or as the path of a file.")
    return content


def _keys_of(content: bytes, given: Optional[str]) -> Tuple[Optional[str], Optional[str]]:
    """The key to send with the document, and the one to name in an error. Raises CourierError ``usage``."""
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise failure("usage", "The document is not a JSON object in UTF-8.")
    source = document.get("source")
    if isinstance(source, dict) and "gcsPrefix" in source and "join" not in source:
        raise failure(
            "usage",
            "The document delivers each object below a prefix as a file, and export() returns one receipt.",
            remedy='Add "join" to the source, or send the document to POST /v1/exports, '
            "whose response has a line for each file.",
        )
    own = document.get("idempotencyKey")
    if given is not None and own is not None and own != given:
        raise failure("usage", "The document has an idempotencyKey that differs from key=.")
    if "idempotencyKey" in document:
        return given, given if given is not None else own if isinstance(own, str) else None
    made = given or new_key()
    return made, made


def send_document(api: Api, document: Document, key: Optional[str]) -> Receipt:
    content = _bytes_of(document)
    header, known = _keys_of(content, usable_key(key))
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    headers = {"Content-Type": "application/json", "Content-Digest": f"sha-256=:{digest}:"}
    if header is not None:
        headers["Idempotency-Key"] = header
    try:
        return receipt_of(api.call("POST", "/v1/exports", headers=headers, body=lambda: content))
    except CourierError as error:
        if error.retryable:
            error.idempotency_key = known
        raise
