"""Puts the parts together that ``Client.send_all`` consists of."""

from __future__ import annotations

import os
from threading import Lock
from typing import Any, Callable, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Union, cast

from ._api import Api
from ._manifest import Manifest
from ._many import Breaker, Concurrency, Stopper, checked_concurrency, run_all
from ._many_file import Run, deliver_file
from ._many_listing import Selection, SendAllInput, list_all
from ._options import usable_key
from ._send import Sender
from ._session_store import SessionStore
from .errors import CourierError, FileFailure
from .receipt import Destination, FileReceipt


class Parts(NamedTuple):
    """What the client has already."""

    api: Api
    token: Callable[[bool], str]
    store: SessionStore
    chunk_bytes: int
    sender: Sender
    destinations: Callable[[], List[Destination]]


def _default_folder_of(sender: Sender, destination: Optional[str]) -> Callable[[], str]:
    """Asks the courier once."""
    lock = Lock()
    folders: List[str] = []

    def default_folder() -> str:
        with lock:
            if not folders:
                found = sender.defaults_of(destination)
                folders.append("" if found is None else found.path)
            return folders[0]

    return default_folder


def _inputs(files: Union[SendAllInput, Iterable[SendAllInput]]) -> Iterable[SendAllInput]:
    # A tuple is one file with a path of its own.
    if isinstance(files, (str, os.PathLike, tuple)):
        return [cast(SendAllInput, files)]
    return files


def send_all(
    parts: Parts,
    files: Union[SendAllInput, Iterable[SendAllInput]],
    *,
    manifest: Optional[str],
    concurrency: int,
    select: Optional[Callable[[str], bool]],
    hidden: bool,
    follow_symlinks: bool,
    on_failure: Optional[Callable[[FileFailure], None]],
    destination: Optional[str],
    path: Optional[str],
    convert_to: Optional[str],
    key: Optional[str],
    options: Mapping[str, Any],
) -> Iterator[FileReceipt]:
    most = checked_concurrency(concurrency)
    concurrent = Concurrency(most)
    usable_key(key)
    stopper = Stopper()
    api = Api(parts.api.url, parts.token, stopper.retry(parts.api.retry), concurrent.on_busy)
    kept = Manifest(manifest, key)
    run = Run(
        manifest=kept,
        sender=Sender(api, parts.store, parts.chunk_bytes, parts.destinations),
        destination=destination,
        path=path,
        convert_to=convert_to,
        options=options,
        default_folder=_default_folder_of(parts.sender, destination),
    )
    listed = list_all(_inputs(files), Selection(hidden, follow_symlinks, select), path or "", manifest)
    try:
        yield from run_all(
            listed, lambda each: deliver_file(each, run), concurrent, Breaker(most), on_failure, stopper.stop
        )
    except CourierError as error:
        if error.retryable and manifest is None and key is None:
            error.idempotency_key = kept.run_key
        raise
    finally:
        kept.close()
