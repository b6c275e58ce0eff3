"""Which failures are retried, and how long to wait."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Callable, Optional, TypeVar

from .errors import CourierError

T = TypeVar("T")


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter. Only failures that are ``retryable`` are retried."""

    attempts: int = 6
    """How often a call is tried in all."""
    base_seconds: float = 0.5
    """The longest first wait; each further one is at most twice the one before."""
    max_seconds: float = 20.0
    """The longest wait that the client chooses by itself."""
    max_retry_after_seconds: float = 60.0
    """A longer Retry-After ends the call instead of being waited for."""
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    """Returns a number from 0 up to, not including, 1."""

    def wait_seconds(self, failures: int, error: CourierError) -> Optional[float]:
        """How long to wait after the n-th failure in a row, counted from 1; ``None`` to give up.

        It is never shorter than the Retry-After of the answer.
        """
        asked = error.retry_after_seconds or 0.0
        # Given numbers may be of types that floats cannot be multiplied with, such as Decimal.
        base, longest = float(self.base_seconds), float(self.max_seconds)
        if not error.retryable or failures >= self.attempts or asked > self.max_retry_after_seconds:
            return None
        return asked + self.random() * min(longest, base * 2.0 ** (failures - 1))


def with_retry(policy: RetryPolicy, work: Callable[[], T]) -> T:
    """Repeats the work while its failure is retryable; only for work that is safe to repeat."""
    failures = 0
    while True:
        try:
            return work()
        except CourierError as error:
            failures += 1
            wait = policy.wait_seconds(failures, error)
            if wait is None:
                raise
        policy.sleep(wait)
