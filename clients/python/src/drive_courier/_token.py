"""Keeps the ID token while it is valid."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Callable, Optional

# A token is replaced this long before it expires.
_SPARE_SECONDS = 300.0


def expiry_of(token: str) -> float:
    """The token's ``exp`` in seconds since the epoch; 0 when it has none. It came straight from its issuer."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, ValueError, KeyError, TypeError):
        return 0.0


class TokenCache:
    """Concurrent calls wait for one request to Google."""

    def __init__(self, mint: Callable[[], str], now: Callable[[], float] = time.time) -> None:
        self._mint = mint
        self._now = now
        self._lock = threading.Lock()
        self._token: Optional[str] = None
        self._fresh_until = 0.0

    def get(self, fresh: bool) -> str:
        """:param fresh: True to get a new token even though the cached one looks valid"""
        with self._lock:
            if fresh or self._token is None or self._now() >= self._fresh_until:
                self._token = self._mint()
                self._fresh_until = expiry_of(self._token) - _SPARE_SECONDS
            return self._token
