"""Upload sessions that outlive the process, so that an interrupted upload resumes in the next run."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Optional

# A session of Drive lives for one week.
_MAX_AGE_SECONDS = 7 * 86_400


@dataclass(frozen=True)
class KeptSession:
    key: str
    """The idempotency key that the session was opened with."""
    attempt: int
    """Counts the sessions of this delivery, from 1."""
    id: str
    url: str
    """A secret: it allows to write the file."""
    expires: str
    """RFC 3339."""


def default_folder() -> Path:
    """The user's cache folder: https://specifications.freedesktop.org/basedir-spec/latest/"""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(cache) if cache.startswith("/") else Path.home() / ".cache"
    return base / "drive-courier" / "python-sessions"


class SessionStore:
    """One file for each session, readable by its user alone.

    It never fails a delivery: without a writable folder, only resuming in a later run is lost.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, identity: str) -> Path:
        return self._folder / f"{hashlib.sha256(identity.encode()).hexdigest()}.json"

    def read(self, identity: str) -> Optional[KeptSession]:
        try:
            kept = KeptSession(**json.loads(self._path(identity).read_text("utf-8")))
            expires = datetime.fromisoformat(kept.expires.replace("Z", "+00:00"))
            return kept if expires > datetime.now(timezone.utc) else None
        except (OSError, ValueError, TypeError):
            return None

    def keep(self, identity: str, session: KeptSession) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._remove_old()
            path = self._path(identity)
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(session), file)
            os.replace(draft, path)
        except OSError:
            pass

    def forget(self, identity: str) -> None:
        try:
            self._path(identity).unlink()
        except OSError:
            pass

    def _remove_old(self) -> None:
        for path in self._folder.iterdir():
            if time.time() - path.stat().st_mtime > _MAX_AGE_SECONDS:
                path.unlink()
