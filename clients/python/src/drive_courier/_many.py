"""Many files: several at the same time, fewer while the courier or Drive is at capacity, until there are no more or none can
be delivered."""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Callable, Dict, Iterator, List, Optional, Union

from ._many_listing import Listed
from ._values import whole_number
from .errors import CourierError, FileFailure, failure
from .receipt import FileReceipt
from .retry import RetryPolicy

MAX_CONCURRENCY = 100
# About two rounds of files for one more at a time.
_GROWTH = 0.5
# Errors about one file. They say nothing about the next one.
_ABOUT_THE_FILE = frozenset(
    ("file-unreadable", "file-changed", "path-taken", "receipt-mismatch")
    + ("name-invalid", "path-invalid", "folder-too-deep", "folder-limited")
)
# Errors that every other file would get, too.
_ABOUT_THE_RUN = frozenset(
    ("not-a-courier", "file-unwritable", "usage")
    + ("identity-not-found", "identity-unusable", "identity-cannot-mint", "identity-refused")
)
# Failures in a row, for each file that is sent at the same time, after which the rest is not tried.
_ROUNDS = 2
_MIN_IN_ROW = 8


def checked_concurrency(concurrency: int) -> int:
    """Raises CourierError ``usage``."""
    number = whole_number(concurrency)
    if number is None or not 1 <= number <= MAX_CONCURRENCY:
        raise failure("usage", f"concurrency is not a whole number from 1 to {MAX_CONCURRENCY}.")
    return number


class Concurrency:
    """How many files are sent at the same time: an answer 429 halves it, and each delivered file lets it grow a little."""

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most = float(most)
        self._limit = float(most)
        self._now = now
        self._halved_at = float("-inf")
        self._lock = threading.Lock()

    def limit(self) -> int:
        return max(1, int(self._limit))

    def on_delivered(self) -> None:
        with self._lock:
            self._limit = min(self._most, self._limit + _GROWTH / self._limit)

    def on_busy(self, started: float) -> None:
        """:param started: when the request was sent. Those sent before the limit was halved do not halve it again."""
        with self._lock:
            if started >= self._halved_at:
                self._limit = max(1.0, self._limit / 2)
                self._halved_at = self._now()


class Breaker:
    """Decides when a run is pointless: 20,000 files must not each wait for a courier that does not answer."""

    def __init__(self, concurrency: int) -> None:
        self._most = max(_MIN_IN_ROW, _ROUNDS * concurrency)
        self._in_row = 0

    def on_delivered(self) -> None:
        self._in_row = 0

    def must_end(self, error: CourierError) -> bool:
        if error.code in _ABOUT_THE_FILE:
            return False
        if error.code in _ABOUT_THE_RUN or error.status in (401, 403):
            return True
        if not error.retryable and (error.status or 0) < 500:
            return False
        self._in_row += 1
        return self._in_row >= self._most


class Stopper:
    """Ends the waits between the attempts of a run that its caller has left."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def retry(self, policy: RetryPolicy) -> RetryPolicy:
        def sleep(seconds: float) -> None:
            if policy.sleep is time.sleep:
                self._stopped.wait(seconds)
            else:
                policy.sleep(seconds)
            if self._stopped.is_set():
                raise failure("stopped")

        return replace(policy, sleep=sleep)


Outcome = Union[FileReceipt, FileFailure]


def files_failed(failures: List[FileFailure], files: int) -> CourierError:
    """The error of a run that has tried every file."""
    retryable = any(each.error.retryable for each in failures)
    return failure("files-failed", f"{len(failures)} of {files} files", retryable=retryable)


def run_all(
    listed: Iterator[Union[Listed, FileFailure]],
    deliver: Callable[[Listed], FileReceipt],
    concurrency: Concurrency,
    breaker: Breaker,
    on_failure: Optional[Callable[[FileFailure], None]],
    stop: Callable[[], None],
) -> Iterator[FileReceipt]:
    """Receipts in the order in which they arrive. Reads no further in the list than the work.

    :param stop: called at the end, also when the caller takes no further receipt
    Raises CourierError ``files-failed`` at the end, or an error that every file would get.
    """
    failures: List[FileFailure] = []
    files = 0
    fatal: Optional[CourierError] = None
    in_progress: Dict["Future[FileReceipt]", str] = {}

    def failed(each: FileFailure) -> None:
        nonlocal fatal
        failures.append(each)
        if on_failure is not None:
            on_failure(each)
        if breaker.must_end(each.error) and fatal is None:
            fatal = each.error

    def ended(future: "Future[FileReceipt]") -> Optional[FileReceipt]:
        file = in_progress.pop(future)
        try:
            receipt = future.result()
        except CourierError as error:
            failed(FileFailure(file, error))
            return None
        concurrency.on_delivered()
        breaker.on_delivered()
        return receipt

    pool = ThreadPoolExecutor(max_workers=MAX_CONCURRENCY)
    is_more = True
    try:
        while is_more or in_progress:
            while is_more and fatal is None and len(in_progress) < concurrency.limit():
                following = next(listed, None)
                if following is None:
                    is_more = False
                elif isinstance(following, FileFailure):
                    files += 1
                    failed(following)
                else:
                    files += 1
                    in_progress[pool.submit(deliver, following)] = following.file
            is_more = is_more and fatal is None
            for future in wait(in_progress, return_when=FIRST_COMPLETED).done:
                receipt = ended(future)
                if receipt is not None:
                    yield receipt
    finally:
        stop()
        pool.shutdown(wait=True)
    error = fatal if fatal is not None else files_failed(failures, files) if failures else None
    if error is not None:
        error.failures = tuple(failures)
        raise error
