"""Deliveries past the platform's request limit: the courier opens an upload session, and the bytes go straight to Drive."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import quote

from ._api import Api
from ._digest import RunningDigest
from ._options import Options
from ._put_session import SessionUpload
from ._send_body import checked
from ._session_store import KeptSession, SessionStore
from ._sources import Source
from .errors import CourierError, failure
from .receipt import Receipt, receipt_of, text_of

# How many sessions one delivery may use. After a session ended early, the courier opens another under the same key.
MAX_SESSIONS = 4


class SessionDelivery:
    """One large file. After an interruption at any point, the same call resumes where Drive has it."""

    def __init__(self, api: Api, store: SessionStore, chunk_bytes: int, source: Source, options: Options) -> None:
        self._api = api
        self._store = store
        self._chunk_bytes = chunk_bytes
        self._source = source
        self._options = options
        self._digest = RunningDigest(source)
        self._identity, self._kept = self._find_kept()
        self.key = self._kept.key if self._kept is not None else options.key

    def _identity_of(self, own_key: Optional[str]) -> Optional[str]:
        """What a kept session belongs to: this state of this file, sent to this place."""
        if self._source.state is None:
            return None
        fields = self._options.fields()
        mime_type = self._options.mime_type
        parts: List[Any] = [self._source.state, self._api.url, own_key, fields, mime_type]
        return json.dumps(parts)

    def _find_kept(self) -> Tuple[Optional[str], Optional[KeptSession]]:
        keyless = self._identity_of(None)
        if keyless is None:
            return None, None
        kept = self._store.read(keyless)
        # A given key may be the one that an earlier call without a key made, and named in its error.
        if not self._options.key_is_own or (kept is not None and kept.key == self._options.key):
            return keyless, kept
        identity = self._identity_of(self._options.key)
        return identity, None if identity is None else self._store.read(identity)

    def _open(self, attempt: int) -> KeptSession:
        fields: Dict[str, Any] = {name: value for name, value in self._options.fields().items() if value is not None}
        fields.pop("convertTo", None)
        fields.update(mimeType=self._options.mime_type, size=self._source.size)
        headers = {"Content-Type": "application/json", "Idempotency-Key": self.key}
        opened = self._api.call("POST", "/v1/uploads", headers=headers, body=lambda: json.dumps(fields).encode())
        granularity = opened.get("chunkGranularity")
        if not isinstance(granularity, int) or self._chunk_bytes % granularity != 0:
            raise failure("usage", f"chunk_bytes is not a multiple of {granularity}.")
        session = KeptSession(
            key=self.key,
            attempt=attempt,
            id=text_of(opened, "id"),
            url=text_of(opened, "uploadUrl"),
            expires=text_of(opened, "expiresTime"),
        )
        if self._identity is not None:
            self._store.keep(self._identity, session)
        return session

    def _complete(self, session: KeptSession) -> Mapping[str, Any]:
        body = json.dumps({"sha256": self._digest.finish()}).encode()
        return self._api.call(
            "POST",
            f"/v1/uploads/{quote(session.id, safe='')}/complete",
            headers={"Content-Type": "application/json"},
            body=lambda: body,
        )

    def _send_once(self, attempt: int) -> Optional[Receipt]:
        """``None`` when the session ended early, and another one is needed."""
        kept, self._kept = self._kept, None
        session = kept or self._open(attempt)
        upload = SessionUpload(
            self._source,
            session.url,
            chunk_bytes=self._chunk_bytes,
            digest=self._digest,
            retry=self._api.retry,
            options=self._options,
        )
        # The key of a caller may belong to a session that an earlier call has filled in part.
        end = upload.run(resumed=kept is not None or self._options.key_is_own)
        self._source.check_unchanged()
        try:
            return checked(receipt_of(self._complete(session)), self._digest.finish())
        except CourierError as error:
            # Drive also forgets sessions that ended well; only the courier knows which it was.
            if end == "gone" and error.code == "upload-incomplete":
                return None
            raise

    def _forget(self) -> None:
        if self._identity is not None:
            self._store.forget(self._identity)

    def run(self) -> Receipt:
        first = self._kept.attempt if self._kept is not None else 1
        try:
            for attempt in range(first, MAX_SESSIONS + 1):
                receipt = self._send_once(attempt)
                if receipt is not None:
                    self._forget()
                    return receipt
            raise failure("upload-refused", f"Drive ended {MAX_SESSIONS} upload sessions in a row.")
        except CourierError as error:
            if not error.retryable:
                self._forget()
            elif error.code != "file-changed":
                error.idempotency_key = self.key
            raise
