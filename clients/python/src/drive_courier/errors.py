"""The one exception of this package, and what can go wrong on the caller's own side."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Tuple


class CourierError(Exception):
    """Every failure of a call, whether the courier answered it or the client found it.

    No token, key or upload session address is ever part of it.
    """

    def __init__(
        self,
        code: str,
        title: str,
        remedy: str,
        *,
        retryable: bool = False,
        detail: Optional[str] = None,
        status: Optional[int] = None,
        request_id: Optional[str] = None,
        retry_after_seconds: Optional[float] = None,
    ) -> None:
        super().__init__(code, detail or title)
        self.code = code
        """One of the courier's codes (docs/errors.md) or of the client's own, e.g. ``courier-unreachable``."""
        self.title = title
        """What the code means, in a few words."""
        self.detail = detail
        """What was wrong in this case."""
        self.remedy = remedy
        """What to do, in one sentence."""
        self.retryable = retryable
        """True when the same call may succeed later without a change."""
        self.status = status
        """The HTTP status, when an answer was the cause."""
        self.request_id = request_id
        """Identifies the request in the courier's log."""
        self.retry_after_seconds = retry_after_seconds
        """How long the other side asked to wait, in seconds."""
        self.idempotency_key: Optional[str] = None
        """The key of a delivery that is worth retrying: with this key, the retry won't create a duplicate."""
        self.failures: Tuple[FileFailure, ...] = ()
        """The files that ``send_all`` did not deliver. Other methods have none."""

    def __str__(self) -> str:
        reason = (self.detail or self.title).rstrip(".")
        return f"{self.code}: {reason}. {self.remedy}"


class FileFailure(NamedTuple):
    """One of many files that was not delivered."""

    file: str
    """Its path as it was found."""
    error: CourierError


class _Failure(NamedTuple):
    title: str
    remedy: str
    retryable: bool = False


_FAILURES: Dict[str, _Failure] = {
    "usage": _Failure("The call is invalid", "Correct what the detail names."),
    "file-unreadable": _Failure("The file cannot be read", "Check its path, and that this user may read it."),
    "file-changed": _Failure(
        "The file changed while it was being sent",
        "Send it again when no program writes to it; nothing was delivered.",
        retryable=True,
    ),
    "file-unwritable": _Failure(
        "The file cannot be written", "Choose a path in an existing folder that this user may write to."
    ),
    "name-invalid": _Failure("The file name is invalid", "Use 1 to 255 characters, without control characters, / and \\."),
    "path-invalid": _Failure(
        "The folder path is invalid", 'Use folder names separated by "/", each of them valid as a name and not "." or "..".'
    ),
    "path-taken": _Failure(
        "Another file of this run has the same path in Drive",
        "Rename one of the files, or send them to different folders.",
    ),
    "files-failed": _Failure(
        "Some files were not delivered",
        "Call again with the same manifest or key. Files that were delivered are not sent twice.",
    ),
    "stopped": _Failure(
        "Stopped before the file was delivered", "Call again with the same manifest or key.", retryable=True
    ),
    "identity-not-found": _Failure(
        "No Google identity was found",
        "Set GOOGLE_APPLICATION_CREDENTIALS to a credentials file, or run where a service account is attached.",
    ),
    "identity-unusable": _Failure(
        "The Google identity cannot be used",
        "Use a complete credentials file as Google created it.",
    ),
    "identity-cannot-mint": _Failure(
        "This kind of identity cannot get an ID token for the courier",
        "Pass impersonate=EMAIL of a service account, and grant this identity "
        "roles/iam.serviceAccountOpenIdTokenCreator on that account.",
    ),
    "identity-refused": _Failure(
        "Google rejected this identity",
        "Check that the account and its key still exist and are enabled.",
    ),
    "google-unreachable": _Failure(
        "Google cannot be reached to get a token", "Check the network and try again.", retryable=True
    ),
    "courier-unreachable": _Failure(
        "The courier cannot be reached", "Check the URL and the network, then try again.", retryable=True
    ),
    "platform-busy": _Failure(
        "The platform in front of the courier is temporarily unavailable", "Try again later.", retryable=True
    ),
    "platform-refused": _Failure(
        "The platform in front of the courier rejected this caller",
        "Ask the operator to grant this identity roles/run.invoker on the service.",
    ),
    "not-a-courier": _Failure(
        "The answer is not from a courier", "Check the URL: it is the service itself, without a path."
    ),
    "body-too-large": _Failure(
        "The platform in front of the courier does not accept a body of this size",
        "Send a file, or pass size= with the stream: large files use an upload session.",
    ),
    "upload-refused": _Failure(
        "Drive rejected the bytes of this upload session",
        'Send the file again; if the error remains, ask the operator to run "courier doctor".',
    ),
    "upload-interrupted": _Failure(
        "The upload was interrupted too often",
        "Send the file again with the same key: the upload resumes where it stopped.",
        retryable=True,
    ),
    "receipt-mismatch": _Failure(
        "The receipt is not for the bytes that were sent", "Send the file again, and report it to the operator."
    ),
}


def failure(
    code: str,
    detail: Optional[str] = None,
    *,
    remedy: Optional[str] = None,
    retryable: Optional[bool] = None,
    status: Optional[int] = None,
    retry_after_seconds: Optional[float] = None,
) -> CourierError:
    """A failure that the client itself found."""
    known = _FAILURES[code]
    return CourierError(
        code,
        known.title,
        remedy or known.remedy,
        retryable=known.retryable if retryable is None else retryable,
        detail=detail,
        status=status,
        retry_after_seconds=retry_after_seconds,
    )
