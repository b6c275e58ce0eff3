"""Deliveries whose bytes go through the courier: small files, conversions, and streams of unknown size."""

from __future__ import annotations

import base64
import hashlib
from typing import Callable, Dict, Iterator, Mapping, Optional

from ._api import Api
from ._http import Body
from ._options import Options
from ._sources import Source
from .errors import failure
from .receipt import Receipt, receipt_of


def _post(
    api: Api, options: Options, body: Callable[[], Body], headers: Mapping[str, str], once: bool = False
) -> Receipt:
    sent = {"Content-Type": options.mime_type, "Idempotency-Key": options.key, **headers}
    answer = api.call("POST", "/v1/files", query=options.query(), headers=sent, body=body, once=once)
    return receipt_of(answer)


def checked(receipt: Receipt, sha256: str) -> Receipt:
    """A receipt for other bytes must not pass for a delivery. A skipped file is the one that was there before."""
    if receipt.outcome != "skipped" and receipt.sha256 is not None and receipt.sha256 != sha256:
        raise failure("receipt-mismatch", f"The SHA-256 sent is {sha256}; the receipt has {receipt.sha256}.")
    return receipt


def _digest_header(sha256: bytes) -> Dict[str, str]:
    """Content-Digest of RFC 9530: the courier stores these bytes or none."""
    return {"Content-Digest": f"sha-256=:{base64.b64encode(sha256).decode()}:"}


def send_whole(api: Api, source: Source, options: Options) -> Receipt:
    """The whole file in one request, with its digest."""
    content = b"".join(source.read(0, source.size))
    source.check_unchanged()
    sha256 = hashlib.sha256(content)
    receipt = _post(api, options, lambda: content, _digest_header(sha256.digest()))
    options.progress(source.size, source.size)
    return checked(receipt, sha256.hexdigest())


def send_streaming(
    api: Api, open_parts: Callable[[], Iterator[bytes]], options: Options, *, size: Optional[int], once: bool
) -> Receipt:
    """Any number of bytes through the courier. Bytes that can be read only once are sent once."""
    sha256 = hashlib.sha256()

    def passing() -> Iterator[bytes]:
        nonlocal sha256
        sha256 = hashlib.sha256()
        sent = 0
        for part in open_parts():
            sha256.update(part)
            sent += len(part)
            options.progress(sent, size)
            yield part

    headers = {} if size is None else {"Content-Length": str(size)}
    receipt = _post(api, options, passing, headers, once)
    return checked(receipt, sha256.hexdigest())


def ask_for_skipped(api: Api, sha256: str, options: Options) -> Receipt:
    """The receipt of the file that is there already: an empty body never has this digest, so nothing is stored."""
    key = hashlib.sha256(f"{options.key}\nskip".encode()).hexdigest()
    headers = {**_digest_header(bytes.fromhex(sha256)), "Idempotency-Key": key}
    return _post(api, options, lambda: b"", headers)
