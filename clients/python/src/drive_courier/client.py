"""The client: what a program calls."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Mapping, Optional, Union
from urllib.parse import urlsplit

from ._api import Api
from ._export import Document, send_document
from ._many_listing import SendAllInput
from ._options import ColumnRule, ConflictRule, Conversion, Progress, Rollover, Time, check_unicode, resolve_options
from ._send import Sender
from ._session_store import SessionStore, default_folder
from ._sources import PathSource, Sendable, open_source
from ._token import TokenCache
from ._values import AnyPath, check_callable, path_text, whole_number
from .errors import FileFailure, failure
from .receipt import Destination, FileReceipt, Receipt, destinations_of
from .retry import RetryPolicy

_GRANULARITY = 262_144


def _courier_url(given: str) -> str:
    """Without the slash or line end that a variable often brings along. Raises CourierError ``usage``."""
    text = given.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise failure("usage", "The courier's URL is malformed.") from None
    is_local = re.fullmatch(r"localhost|127(?:\.\d+){3}|::1", host) is not None
    if not host or parts.query or parts.fragment or "@" in parts.netloc:
        raise failure("usage", "The courier's URL is not of the form https://HOST.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
        raise failure("usage", "The courier's URL must begin with https://, because an ID token is sent to it.")
    return text


class Client:
    """One courier, called as one identity. A client may be used by several threads.

    Every method raises :class:`CourierError` and nothing else for what goes wrong with a call.
    """

    def __init__(
        self,
        url: str,
        *,
        audience: Optional[str] = None,
        credentials_file: Optional[AnyPath] = None,
        impersonate: Optional[str] = None,
        id_token: Optional[Callable[[str], str]] = None,
        retry: Optional[RetryPolicy] = None,
        chunk_bytes: int = 16 * 1024 * 1024,
        session_folder: Optional[AnyPath] = None,
    ) -> None:
        """The identity is found by the first call, in this order: ``id_token``, ``credentials_file``,
        GOOGLE_APPLICATION_CREDENTIALS, gcloud's application default credentials, the service account that is attached
        to this machine, service or job.

        :param url: where the courier is, e.g. ``https://courier-xyz.a.run.app``
        :param audience: the audience of the ID tokens; default: the URL
        :param credentials_file: a Google credentials file of any kind: a service account's key, ``external_account``
            (workload identity federation), ``impersonated_service_account``, ``authorized_user``
        :param impersonate: email of a service account to act as
        :param id_token: gets an ID token for an audience, for identities that the client does not know
        :param retry: default: six attempts with exponential backoff
        :param chunk_bytes: size of the chunks of an upload session, in bytes; a multiple of 262,144
        :param session_folder: where unfinished uploads are remembered, so that a later run resumes them;
            default: the user's cache folder
        :raises CourierError: ``usage``
        """
        chunk = whole_number(chunk_bytes) or 0
        if chunk < _GRANULARITY or chunk % _GRANULARITY != 0:
            raise failure("usage", f"chunk_bytes is not a multiple of {_GRANULARITY}.")
        if url is None:
            raise failure("usage", "url is not text.")
        check_unicode({"url": url, "audience": audience, "impersonate": impersonate})
        check_callable({"id_token": id_token})
        if not isinstance(retry, (RetryPolicy, type(None))):
            raise failure("usage", "retry is not a RetryPolicy.")
        courier = _courier_url(url)
        # An empty text comes from an environment variable without a value.
        target = audience or courier
        self._credentials_file = path_text("credentials_file", credentials_file)
        self._impersonate = impersonate or None
        self._given_id_token = id_token
        self._found_id_token: Optional[Callable[[str], str]] = None
        self._token = TokenCache(lambda: self._mint(target))
        self._api = Api(courier, self._token.get, retry or RetryPolicy())
        folder = path_text("session_folder", session_folder)
        self._store = SessionStore(default_folder() if folder is None else Path(folder))
        self._chunk_bytes = chunk
        self._sender = Sender(self._api, self._store, chunk, self.destinations)

    def send(
        self,
        file: Sendable,
        *,
        name: Optional[str] = None,
        to: Optional[str] = None,
        path: Optional[AnyPath] = None,
        on_conflict: Optional[ConflictRule] = None,
        convert_to: Optional[Conversion] = None,
        tab: Optional[str] = None,
        columns: Optional[ColumnRule] = None,
        dates: Optional[bool] = None,
        rollover: Optional[Rollover] = None,
        description: Optional[str] = None,
        modified_time: Optional[Time] = None,
        created_time: Optional[Time] = None,
        preserve_times: bool = False,
        properties: Optional[Mapping[str, str]] = None,
        keep_revision_forever: Optional[bool] = None,
        mime_type: Optional[str] = None,
        key: Optional[str] = None,
        size: Optional[int] = None,
        on_progress: Optional[Progress] = None,
    ) -> Receipt:
        """Puts a file into Drive, and returns the receipt that proves it.

        Up to 8 MiB are sent in one request. Larger files use an upload session: the bytes go straight to Drive in
        chunks, an interrupted upload resumes, and the SHA-256 is compared at the end. A stream needs ``size`` for
        that; without it, more than 8 MiB are sent once, through the courier, and are not retried.

        :param file: a path (``str`` or ``os.PathLike``), bytes, a file that is open in binary mode, or an iterable of
            bytes
        :param name: the file's name in Drive; default: the name of the file
        :param to: the destination; default: the only one, else ``default``
        :param path: folders below the destination, created if missing, e.g. ``reports/2026/11``
        :param on_conflict: what happens when the folder has a file of this name: ``new``, ``replace``, ``skip``,
            ``fail``, or with ``convert_to="sheet"`` ``append``; default: as the operator configured
        :param convert_to: ``sheet``, ``doc`` or ``slides``: Drive converts the file
        :param tab: with ``on_conflict="append"`` or ``"replace"``: the tab for the rows, made if missing; default: the first
        :param columns: ``extend`` adds columns that the tab lacks, ``strict`` refuses them
        :param dates: ISO dates and times become date cells
        :param rollover: ``monthly``: the rows of each month (UTC) go into a tab of their own
        :param description: shown in Drive
        :param modified_time: a ``datetime`` with a time zone, or text like ``2026-11-28T09:00:00Z``; default: now
        :param created_time: in the same form; a file that is replaced keeps its own
        :param preserve_times: send the times of the file on disk
        :param properties: public properties in Drive: up to 30, each of up to 124 bytes of UTF-8 in its key and value
        :param keep_revision_forever: Drive keeps this revision until it is deleted, instead of for 30 days
        :param mime_type: default: by the extension of the name
        :param key: the idempotency key, 1 to 255 visible ASCII characters. Calls with the same key deliver one file,
            also from another process. Default: a new one for each call, which is kept for its retries
        :param size: the length of a stream, in bytes
        :param on_progress: called with the bytes sent so far and the size (``None`` for a stream without one)
        :raises CourierError: with the courier's code (docs/errors.md), or the client's own: ``usage``,
            ``file-unreadable``, ``file-changed``, ``courier-unreachable``, ``upload-interrupted``,
            ``receipt-mismatch`` and more
        """
        check_callable({"on_progress": on_progress})
        source = open_source(file, size)
        try:
            options = resolve_options(
                source.name,
                source.times if isinstance(source, PathSource) else None,
                name=name,
                mime_type=mime_type,
                key=key,
                destination=to,
                path=path_text("path", path),
                on_conflict=on_conflict,
                convert_to=convert_to,
                tab=tab,
                columns=columns,
                dates=dates,
                rollover=rollover,
                description=description,
                modified_time=modified_time,
                created_time=created_time,
                preserve_times=preserve_times,
                properties=properties,
                keep_revision_forever=keep_revision_forever,
                on_progress=on_progress,
            )
            return self._sender.send(source, options)
        finally:
            source.close()

    def send_all(
        self,
        files: Union[SendAllInput, Iterable[SendAllInput]],
        *,
        manifest: Optional[AnyPath] = None,
        concurrency: int = 8,
        select: Optional[Callable[[str], bool]] = None,
        hidden: bool = False,
        follow_symlinks: bool = False,
        on_failure: Optional[Callable[[FileFailure], None]] = None,
        to: Optional[str] = None,
        path: Optional[AnyPath] = None,
        on_conflict: Optional[ConflictRule] = None,
        convert_to: Optional[Conversion] = None,
        tab: Optional[str] = None,
        columns: Optional[ColumnRule] = None,
        dates: Optional[bool] = None,
        rollover: Optional[Rollover] = None,
        description: Optional[str] = None,
        modified_time: Optional[Time] = None,
        created_time: Optional[Time] = None,
        preserve_times: bool = False,
        properties: Optional[Mapping[str, str]] = None,
        keep_revision_forever: Optional[bool] = None,
        mime_type: Optional[str] = None,
        key: Optional[str] = None,
    ) -> Iterator[FileReceipt]:
        """Sends files and folders, several files at the same time, and yields each receipt when it arrives.

        A folder keeps its structure; with a "/" at the end of its path, its contents are sent without its name. A file
        that cannot be delivered does not stop the others. Files are only sent while receipts are taken.

        :param files: paths of files and folders, glob patterns where no file has that name, and pairs of a path or
            bytes with a path in Drive
        :param manifest: path of a file that remembers what was delivered, made if missing. With it, the same call sends
            only what is missing or changed, after any interruption and on another machine. ``courier send --manifest``
            reads and writes the same file
        :param concurrency: files that are sent at the same time, 1 to 100; fewer after an answer 429
        :param select: called with the path of each file below what is sent; ``False`` leaves the file out
        :param hidden: also send files and folders whose names begin with a dot
        :param follow_symlinks: follow symbolic links in folders; by default they are left out
        :param on_failure: called for each file that is not delivered
        :param key: each file's key is derived from this key, its destination, its path in Drive and its bytes; default:
            the key in the manifest, else a new one for each call

        The other options are those of :meth:`send`, and apply to every file.

        :raises CourierError: at the end, ``files-failed`` with its ``failures`` if some files were not delivered;
            before, an error that every file would get, such as ``caller-not-allowed``
        """
        check_callable({"select": select, "on_failure": on_failure})
        # Loaded when first needed: most programs send one file.
        from ._send_all import Parts, send_all

        options = {
            "mime_type": mime_type,
            "on_conflict": on_conflict,
            "tab": tab,
            "columns": columns,
            "dates": dates,
            "rollover": rollover,
            "description": description,
            "modified_time": modified_time,
            "created_time": created_time,
            "preserve_times": preserve_times,
            "properties": properties,
            "keep_revision_forever": keep_revision_forever,
        }
        return send_all(
            Parts(self._api, self._token.get, self._store, self._chunk_bytes, self._sender, self.destinations),
            files,
            manifest=path_text("manifest", manifest),
            concurrency=concurrency,
            select=select,
            hidden=hidden,
            follow_symlinks=follow_symlinks,
            on_failure=on_failure,
            destination=to,
            path=path_text("path", path),
            convert_to=convert_to,
            key=key,
            options=options,
        )

    def export(self, document: Document, *, key: Optional[str] = None) -> Receipt:
        """Has the courier make a file of an export document: text, JSON, rows (saved as CSV) or an object in Cloud
        Storage.

        :param document: a mapping, or JSON as text that begins with ``{``, as bytes, or as the path of a file; JSON is
            forwarded byte for byte
        :param key: the idempotency key; default: the document's own, else a new one for each call
        :raises CourierError: as ``send`` does
        """
        return send_document(self._api, document, key)

    def destinations(self) -> List[Destination]:
        """The destinations that this caller may write to, with their defaults and limits.

        :raises CourierError: as ``send`` does
        """
        return destinations_of(self._api.call("GET", "/v1/destinations"))

    def token(self) -> str:
        """The ID token that calls are made with.

        :raises CourierError: ``identity-not-found``, ``identity-refused`` and more
        """
        return self._token.get(False)

    def _mint(self, audience: str) -> str:
        if self._given_id_token is not None:
            return self._given_id_token(audience)
        if self._found_id_token is None:
            # Loaded when first needed: google-auth takes its time to import.
            from ._identity import discover

            self._found_id_token = discover(self._credentials_file, self._impersonate).id_token
        return self._found_id_token(audience)
