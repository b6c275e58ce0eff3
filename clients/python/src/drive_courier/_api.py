"""Calls of the courier: authorized, retried while that may help, with problems as exceptions."""

from __future__ import annotations

import json
import ssl
import time
from typing import Any, Callable, Mapping, Optional
from urllib.parse import quote, urlencode, urlsplit

from ._http import CONNECTION_ERRORS, Answer, Body, BodyError, exchange, fault_of, retry_after
from .errors import CourierError, failure
from .receipt import json_object
from .retry import RetryPolicy, with_retry

# The courier may have to wait for Drive before it answers.
IDLE_SECONDS = 600.0

_TRANSIENT_STATUSES = frozenset((408, 429, 500, 502, 503, 504))


def _problem_in(body: bytes) -> Optional[Mapping[str, Any]]:
    try:
        problem = json.loads(body)
    except ValueError:
        return None
    required = (("code", str), ("title", str), ("remedy", str), ("retryable", bool))
    is_problem = isinstance(problem, dict) and all(isinstance(problem.get(name), kind) for name, kind in required)
    return problem if is_problem else None


def _refusal(answer: Answer) -> CourierError:
    """The courier's own problem, or what the status means when a platform or a proxy wrote the answer."""
    after = retry_after(answer)
    problem = _problem_in(answer.body)
    if problem is not None:
        detail, request_id = problem.get("detail"), problem.get("requestId")
        return CourierError(
            problem["code"],
            problem["title"],
            problem["remedy"],
            retryable=problem["retryable"],
            detail=detail if isinstance(detail, str) else None,
            status=answer.status,
            request_id=request_id if isinstance(request_id, str) else None,
            retry_after_seconds=after,
        )
    if answer.status in (401, 403):
        code = "platform-refused"
    elif answer.status == 413:
        code = "body-too-large"
    else:
        code = "platform-busy" if answer.status in _TRANSIENT_STATUSES else "not-a-courier"
    return failure(code, f"HTTP {answer.status}", status=answer.status, retry_after_seconds=after)


class Api:
    """One courier, called as one identity."""

    def __init__(
        self,
        url: str,
        token: Callable[[bool], str],
        retry: RetryPolicy,
        on_busy: Optional[Callable[[float], None]] = None,
    ) -> None:
        """
        :param token: returns an ID token; called with ``True`` after the courier rejected one as expired
        :param on_busy: called after an answer 429, with the time (``time.monotonic``) when its request was sent
        """
        self._on_busy = on_busy
        self.url = url
        self.retry = retry
        self._token = token

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Optional[Mapping[str, Optional[str]]] = None,
        headers: Optional[Mapping[str, str]] = None,
        body: Optional[Callable[[], Body]] = None,
        once: bool = False,
    ) -> Mapping[str, Any]:
        """The JSON object that the courier answers.

        :param body: creates a new body for each attempt
        :param once: True when the body can be read only once, so the call is not retried
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"{self.url}{path}" + (f"?{urlencode(given, quote_via=quote)}" if given else "")

        def attempt(fresh: bool) -> Mapping[str, Any]:
            sent = {"Authorization": f"Bearer {self._token(fresh)}", **(headers or {})}
            return json_object(self._exchange(method, url, sent, None if body is None else body()).body)

        refreshed = False

        def work() -> Mapping[str, Any]:
            nonlocal refreshed
            try:
                return attempt(refreshed)
            except CourierError as error:
                if error.code != "token-expired" or refreshed or once:
                    raise
                refreshed = True
            return attempt(True)

        return work() if once else with_retry(self.retry, work)

    def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: Body) -> Answer:
        origin = urlsplit(url)
        started = time.monotonic()
        try:
            answer = exchange(method, url, headers, body, timeout_seconds=IDLE_SECONDS)
        except BodyError as error:
            raise error.error from None
        except ssl.SSLCertVerificationError as error:
            detail = f"{origin.scheme}://{origin.netloc}: {error.verify_message}"
            raise failure("courier-unreachable", detail, retryable=False) from error
        except CONNECTION_ERRORS as error:
            detail = f"{origin.scheme}://{origin.netloc}: {fault_of(error)}"
            raise failure("courier-unreachable", detail) from error
        if answer.status == 429 and self._on_busy is not None:
            self._on_busy(started)
        if not 200 <= answer.status <= 299:
            raise _refusal(answer)
        return answer
