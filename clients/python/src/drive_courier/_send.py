"""One delivery: small files whole, large ones by an upload session, streams of unknown size as they come."""

from __future__ import annotations

from typing import Callable, Iterator, List, Optional, Union

from ._api import Api
from ._digest import RunningDigest
from ._options import Options
from ._send_body import ask_for_skipped, send_streaming, send_whole
from ._send_session import SessionDelivery
from ._session_store import SessionStore
from ._sources import BytesSource, Source, Stream
from .errors import CourierError
from .receipt import Destination, Receipt

# Well below the 32 MiB that Cloud Run and Cloud Functions accept in one request, and small enough to keep in memory.
WHOLE_BYTES = 8 * 1024 * 1024


class Sender:
    def __init__(
        self, api: Api, store: SessionStore, chunk_bytes: int, destinations: Callable[[], List[Destination]]
    ) -> None:
        self._api = api
        self._store = store
        self._chunk_bytes = chunk_bytes
        self._destinations = destinations

    def send(self, source: Union[Source, Stream], options: Options) -> Receipt:
        try:
            return self._send(source, options)
        except CourierError as error:
            if error.retryable and error.code != "file-changed" and error.idempotency_key is None:
                error.idempotency_key = options.key
            raise

    def _send(self, given: Union[Source, Stream], options: Options) -> Receipt:
        source = given.read_ahead(WHOLE_BYTES) if isinstance(given, Stream) else given
        if isinstance(source, Stream):
            parts = source.parts
            return send_streaming(self._api, lambda: parts, options, size=None, once=True)
        if source.size <= WHOLE_BYTES:
            return send_whole(self._api, source, options)
        if options.convert_to is not None:
            return self._streamed(source, options)
        try:
            return SessionDelivery(self._api, self._store, self._chunk_bytes, source, options).run()
        except CourierError as refusal:
            return self._without_session(source, options, refusal)

    def _streamed(self, source: Source, options: Options) -> Receipt:
        def parts() -> Iterator[bytes]:
            return source.read(0, source.size)

        return send_streaming(self._api, parts, options, size=source.size, once=False)

    def _without_session(self, source: Source, options: Options, refusal: CourierError) -> Receipt:
        """An upload session cannot convert, skip, or replace a read-only file. The courier refuses it where the options or the
        destination's defaults ask for that, and the file is sent through the courier instead."""
        if refusal.code not in ("name-taken", "request-invalid"):
            raise refusal
        defaults = self.defaults_of(options.destination)
        if defaults is None:
            raise refusal
        rule = options.on_conflict or defaults.on_conflict
        if refusal.code == "request-invalid" and (defaults.convert_to is not None or rule == "replace"):
            return self._streamed(source, options)
        if refusal.code == "name-taken" and rule == "skip":
            return ask_for_skipped(self._api, RunningDigest(source).finish(), options)
        raise refusal

    def defaults_of(self, named: Optional[str]) -> Optional[Destination]:
        every = self._destinations()
        if len(every) == 1 and named is None:
            return every[0]
        return next((each for each in every if each.name == (named or "default")), None)
