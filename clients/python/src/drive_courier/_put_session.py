"""Sends a file to a resumable upload session of Drive, in chunks."""

from __future__ import annotations

import json
import re
from typing import Dict, FrozenSet, Iterator, List, Literal, NamedTuple, Optional, Union

from ._digest import RunningDigest
from ._http import CONNECTION_ERRORS, Answer, Body, BodyError, exchange, fault_of, retry_after
from ._options import Options
from ._sources import Source
from .errors import CourierError, failure
from .retry import RetryPolicy

# Not for a chunk as a whole: on a slow line a chunk takes as long as it takes.
IDLE_SECONDS = 120.0

SessionEnd = Literal["stored", "gone"]
"""``gone``: Drive does not know the session, which is also how a session looks some time after it ended well."""

_RATE_LIMITS: FrozenSet[str] = frozenset(("rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"))


class Stored(NamedTuple):
    """How many bytes Drive has, from the start of the file."""

    bytes: int


Step = Union[Stored, SessionEnd]


def _reasons_in(body: bytes) -> List[str]:
    try:
        return [str(each["reason"]) for each in json.loads(body)["error"]["errors"]]
    except (ValueError, KeyError, TypeError):
        return []


def step_of(answer: Answer) -> Step:
    """What an answer of the session means, by
    https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable:
    308 with the Range that was stored (without one: nothing was), 2xx when all of it was, 404 or 410 when the session
    has ended. 5xx and rate limits are retried; any other 4xx means to start again.

    Raises CourierError ``upload-interrupted`` to query the session again, ``upload-refused`` when that can't help.
    """
    status = answer.status
    if status == 308:
        text = answer.headers.get("range")
        if text is None:
            return Stored(0)
        match = re.fullmatch(r"\s*(?:bytes\s*[=\s]\s*)?0-(\d{1,15})\s*", text, re.IGNORECASE)
        if match is None:
            raise failure("upload-interrupted", "Drive's Range header cannot be read.")
        return Stored(int(match.group(1)) + 1)
    if 200 <= status <= 299:
        return "stored"
    reasons = _reasons_in(answer.body)
    is_rate_limit = status == 403 and not _RATE_LIMITS.isdisjoint(reasons)
    if status >= 500 or status in (408, 429) or is_rate_limit:
        after = retry_after(answer)
        raise failure("upload-interrupted", f"Drive answered HTTP {status}.", retry_after_seconds=after)
    if status == 403:
        raise failure("upload-refused", f"Drive: {', '.join(reasons) or 'HTTP 403'}", status=status)
    return "gone"


class SessionUpload:
    """One file on its way to one session. What Drive says that it has is all that counts."""

    def __init__(
        self,
        source: Source,
        url: str,
        *,
        chunk_bytes: int,
        digest: RunningDigest,
        retry: RetryPolicy,
        options: Options,
    ) -> None:
        """:param url: the session's address, a secret: it needs no token
        :param chunk_bytes: a multiple of 262,144
        """
        self._source = source
        self._url = url
        self._chunk_bytes = chunk_bytes
        self._digest = digest
        self._retry = retry
        self._options = options

    def run(self, resumed: bool) -> SessionEnd:
        """:param resumed: True when the session was opened before, so it is queried first

        Raises CourierError ``upload-interrupted`` after too many failures in a row, ``upload-refused``,
        ``file-changed``.
        """
        size = self._source.size
        at: Optional[int] = None if resumed or size == 0 else 0
        failures = 0
        while True:
            try:
                step = self._query() if at is None else self._put_chunk(at)
                if not isinstance(step, Stored):
                    return step
                if step.bytes > size:
                    raise failure("upload-refused", "Drive says it has more bytes than the file.")
                self._options.progress(step.bytes, size)
                before, at = at, step.bytes
                if before is None:
                    continue
                if at > before:
                    failures = 0
                    continue
                problem = failure("upload-interrupted", "Drive stored none of the bytes that it is sent.")
            except CourierError as error:
                if error.code != "upload-interrupted":
                    raise
                problem = error
                # Some of the chunk may have arrived, all of it, or nothing.
                at = None
            failures += 1
            wait = self._retry.wait_seconds(failures, problem)
            if wait is None:
                raise problem
            self._retry.sleep(wait)

    def _query(self) -> Step:
        return self._put({"Content-Range": f"bytes */{self._source.size}"}, b"")

    def _put_chunk(self, at: int) -> Step:
        self._source.check_unchanged()
        end = min(self._source.size, at + self._chunk_bytes)
        headers = {
            "Content-Length": str(end - at),
            "Content-Range": f"bytes {at}-{end - 1}/{self._source.size}",
        }
        return self._put(headers, self._passing(at, end))

    def _passing(self, start: int, end: int) -> Iterator[bytes]:
        self._digest.catch_up(start)
        at = start
        for part in self._source.read(start, end):
            self._digest.add(at, part)
            at += len(part)
            yield part

    def _put(self, headers: Dict[str, str], body: Body) -> Step:
        try:
            answer = exchange("PUT", self._url, headers, body, timeout_seconds=IDLE_SECONDS)
        except BodyError as error:
            raise error.error from None
        except CONNECTION_ERRORS as error:
            raise failure("upload-interrupted", f"Drive: {fault_of(error)}") from error
        return step_of(answer)
