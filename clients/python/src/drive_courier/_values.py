"""Values of other types than Python's own that mean the same, such as those of NumPy."""

from __future__ import annotations

import operator
import os
from numbers import Number
from typing import Mapping, Optional, Union

from .errors import failure

AnyPath = Union[str, "os.PathLike[str]", "os.PathLike[bytes]"]


def whole_number(value: object) -> Optional[int]:
    """Also of other types of whole numbers, such as ``numpy.int64``; ``None`` for anything else."""
    try:
        return None if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def plain_flag(value: object) -> object:
    """``numpy.bool_`` is no ``bool``, and JSON cannot express it. Other values stay as they are, also numbers and arrays that
    equal ``True`` or ``False``: ``Decimal(1)``, ``numpy.float32(0)``, ``numpy.array([1])``."""
    if value is None or isinstance(value, (bool, str, Number)) or hasattr(value, "__len__"):
        return value
    try:
        return bool(value) if value in (True, False) else value
    except (TypeError, ValueError):
        return value


def path_text(name: str, value: Optional[AnyPath]) -> Optional[str]:
    """Raises CourierError ``usage`` for a value that is no path."""
    if value is None:
        return None
    try:
        return os.fsdecode(value)
    except TypeError as error:
        raise failure("usage", f"{name} is not a path.") from error


def check_callable(options: Mapping[str, object]) -> None:
    """Raises CourierError ``usage`` for a value that cannot be called."""
    for name, value in options.items():
        if value is not None and not callable(value):
            raise failure("usage", f"{name} is not a function.")


def bytes_in(value: object) -> Optional[bytes]:
    """The bytes of any object that has a buffer of them, such as ``array("B")``, ``numpy.uint8`` or ``pyarrow.Buffer``;
    ``None`` for anything else. Items of several bytes would depend on the machine, so only a ``memoryview`` may have them."""
    if isinstance(value, bytes):
        return value
    try:
        view = memoryview(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, BufferError):
        return None
    return view.tobytes() if view.itemsize == 1 or isinstance(value, memoryview) else None
