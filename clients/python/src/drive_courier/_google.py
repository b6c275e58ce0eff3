"""How the client speaks to Google while it gets a token."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Mapping, NoReturn, Optional
from urllib.parse import urlsplit

import google.auth.transport
from google.auth import exceptions

from ._http import CONNECTION_ERRORS, Answer, exchange, fault_of
from .errors import CourierError, failure

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"

# Tokens come in a second or two.
CALL_SECONDS = 20.0

_GOOGLE_HOST = re.compile(r"https://((?:[\w-]+\.)*(?:googleapis|google)\.com)(?=[/?]|$)")
_LOOPBACK = re.compile(r"localhost|127(?:\.\d+){3}|::1")


def rewrite(url: str) -> str:
    """Applies COURIER_GOOGLE_ORIGIN, which is for tests only: https://HOST/PATH becomes ORIGIN/HOST/PATH.

    Raises CourierError ``usage`` unless the origin is on this machine; any other host would receive credentials.
    """
    origin = os.environ.get("COURIER_GOOGLE_ORIGIN")
    if not origin:
        return url
    if not _LOOPBACK.fullmatch(urlsplit(origin).hostname or ""):
        raise failure("usage", "COURIER_GOOGLE_ORIGIN is not an address of this machine.")
    base = origin.rstrip("/")
    return _GOOGLE_HOST.sub(lambda match: f"{base}/{match.group(1)}", url)


def call_google(
    method: str, url: str, headers: Mapping[str, str], body: Optional[bytes] = None, timeout: float = CALL_SECONDS
) -> Answer:
    """Raises CourierError ``google-unreachable``."""
    try:
        return exchange(method, rewrite(url), headers, body, timeout_seconds=timeout)
    except CONNECTION_ERRORS as error:
        raise failure("google-unreachable", f"{urlsplit(url).hostname}: {fault_of(error)}") from error


class _Response(google.auth.transport.Response):  # type: ignore[misc]
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.body


class Transport(google.auth.transport.Request):  # type: ignore[misc]
    """google-auth's own interface over the standard library, so that the package ``requests`` isn't needed."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: Any = None,
        headers: Optional[Mapping[str, str]] = None,
        timeout: Optional[float] = None,
        **_: Any,
    ) -> _Response:
        content = body.encode() if isinstance(body, str) else body
        try:
            answer = exchange(method, rewrite(url), headers or {}, content, timeout_seconds=timeout or CALL_SECONDS)
        except CONNECTION_ERRORS as error:
            raise exceptions.TransportError(f"{urlsplit(url).hostname}: {fault_of(error)}") from error
        return _Response(answer)


def _reason_in(body: bytes) -> Optional[str]:
    """Both forms of Google's refusals: the one of OAuth, and the one of its APIs."""
    try:
        answer = json.loads(body)
        error = answer["error"]
        if isinstance(error, str):
            description = answer.get("error_description")
            return f"{error}: {description}" if isinstance(description, str) else error
        return str(error["message"])
    except (ValueError, KeyError, TypeError):
        return None


_REMEDIES = (
    (r"reasonable timeframe|stale|issued at|Signature expired", "Set the clock of this machine."),
    (
        r"Invalid JWT Signature|account not found",
        "The key or the account was deleted: create a new key and use its file.",
    ),
    (r"expired or revoked", "Sign in again: the refresh token was revoked or has expired."),
    (
        r"getOpenIdToken",
        "Grant this identity roles/iam.serviceAccountOpenIdTokenCreator (or roles/iam.workloadIdentityUser, "
        "for a federated identity) on the service account that it acts as.",
    ),
    (r"Gaia id not found", "Correct the email of the service account: no account has this email."),
    (
        r"AWS|InvalidClientTokenId|SignatureDoesNotMatch",
        'Check the AWS role and its credentials; "aws sts get-caller-identity" shows which role this is.',
    ),
    (
        r"audience|invalid_target|issuer|attribute condition",
        "Check the workload identity provider: its name in the credentials file, its issuer, its audiences "
        "and its attribute condition.",
    ),
)


def _refused(account: str, reason: str) -> CourierError:
    remedy = next((text for pattern, text in _REMEDIES if re.search(pattern, reason, re.IGNORECASE)), None)
    return failure("identity-refused", f"{account}: {reason}", remedy=remedy)


def refusal_of(answer: Answer, account: str) -> CourierError:
    reason = _reason_in(answer.body) or f"HTTP {answer.status}"
    if answer.status >= 500 or answer.status == 429:
        return failure("google-unreachable", f"{account}: {reason}", status=answer.status)
    return _refused(account, reason)


def raise_auth_error(error: Exception, account: str) -> NoReturn:
    """Raises an error of google-auth as the client's own; nothing of the request is part of it."""
    if isinstance(error, CourierError):
        raise error
    reason = str(error.args[0] if error.args else error)[:500]
    if isinstance(error, exceptions.TransportError) or getattr(error, "retryable", False):
        raise failure("google-unreachable", f"{account}: {reason}") from error
    if isinstance(error, exceptions.RefreshError):
        raise _refused(account, reason) from error
    raise failure("identity-unusable", f"{account}: {reason}") from error
