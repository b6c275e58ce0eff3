"""One HTTP request and its answer, over http.client.

Not urllib.request: an answer that arrives while the body is still being sent must be read, not lost.
"""

from __future__ import annotations

import base64
import http.client
import re
import ssl
import urllib.request
from email.utils import parsedate_to_datetime
from typing import Dict, Iterable, Iterator, Mapping, NamedTuple, Optional, Union
from urllib.parse import SplitResult, unquote, urlsplit

from .version import __version__

Body = Union[bytes, Iterable[bytes], None]

USER_AGENT = f"drive-courier-python/{__version__}"
# Answers are small JSON documents; a longer one is not from a courier.
MAX_ANSWER_BYTES = 4 * 1024 * 1024

#: What a broken connection raises.
CONNECTION_ERRORS = (OSError, http.client.HTTPException)


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """With lower-case names."""
    body: bytes


class BodyError(Exception):
    """The body could not be read; its own error must not pass for one of the connection."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


def fault_of(error: BaseException) -> str:
    """What happened to a connection, in a few words for a person."""
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "no answer in time"
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{type(error).__name__}: {reason}" if reason != type(error).__name__ else reason


def retry_after(answer: Answer) -> Optional[float]:
    """Retry-After in seconds; its date form is read against the Date of the same answer."""
    text = answer.headers.get("retry-after")
    if text is None:
        return None
    if re.fullmatch(r"\d+", text):
        return float(text)
    try:
        until = parsedate_to_datetime(text)
        now = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return max(0.0, (until - now).total_seconds())


def _proxy_of(url: SplitResult) -> Optional[SplitResult]:
    """The proxy of HTTPS_PROXY, unless NO_PROXY excludes the host. http URLs are local, so they never use one."""
    host = url.hostname or ""
    if url.scheme != "https" or urllib.request.proxy_bypass(host):
        return None
    proxy = urllib.request.getproxies().get("https")
    if not proxy:
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def _connect(url: SplitResult, timeout_seconds: float) -> http.client.HTTPConnection:
    host = url.hostname or ""
    if url.scheme != "https":
        return http.client.HTTPConnection(host, url.port, timeout=timeout_seconds)
    context = ssl.create_default_context()
    proxy = _proxy_of(url)
    if proxy is None:
        return http.client.HTTPSConnection(host, url.port, timeout=timeout_seconds, context=context)
    headers: Dict[str, str] = {}
    if proxy.username is not None:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    connection = http.client.HTTPSConnection(
        proxy.hostname or "", proxy.port or 8080, timeout=timeout_seconds, context=context
    )
    connection.set_tunnel(host, url.port or 443, headers)
    return connection


def _parts(body: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from body
    except Exception as error:
        raise BodyError(error) from error


def _send_body(connection: http.client.HTTPConnection, body: Iterable[bytes], chunked: bool) -> None:
    for part in _parts(body):
        if not part:
            continue
        connection.send(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
    if chunked:
        connection.send(b"0\r\n\r\n")


def _send(connection: http.client.HTTPConnection, body: Body, chunked: bool) -> http.client.HTTPResponse:
    if body is None:
        return connection.getresponse()
    try:
        _send_body(connection, [body] if isinstance(body, bytes) else body, chunked)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError) as broken:
        # The server may have answered early, and closed the connection with the body half sent.
        try:
            return connection.getresponse()
        except CONNECTION_ERRORS:
            raise broken from None
    return connection.getresponse()


def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Body = None,
    *,
    timeout_seconds: float,
) -> Answer:
    """Sends one request. Without a Content-Length header, an iterable body is sent in chunked transfer coding.

    The timeout counts while nothing moves in either direction.
    Raises one of CONNECTION_ERRORS, or BodyError when the body itself cannot be read.
    """
    target = urlsplit(url)
    sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
    names = {name.lower() for name in sent}
    chunked = False
    if isinstance(body, bytes):
        sent["Content-Length"] = str(len(body))
    elif body is not None and "content-length" not in names:
        sent["Transfer-Encoding"] = "chunked"
        chunked = True
    elif body is None and method != "GET":
        sent["Content-Length"] = "0"
    connection = _connect(target, timeout_seconds)
    try:
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = _send(connection, body, chunked)
        content = response.read(MAX_ANSWER_BYTES + 1)
        if len(content) > MAX_ANSWER_BYTES:
            raise http.client.HTTPException("the answer is too long")
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)
    finally:
        connection.close()
