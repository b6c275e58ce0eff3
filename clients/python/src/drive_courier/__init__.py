"""Client for drive-courier: puts files into Google Drive exactly once, with a receipt that proves it."""

from ._options import ConflictRule, Conversion
from ._sources import Sendable
from .client import Client
from .errors import CourierError, FileFailure
from .receipt import Destination, FileReceipt, Receipt
from .retry import RetryPolicy
from .version import __version__

__all__ = [
    "Client",
    "ConflictRule",
    "Conversion",
    "CourierError",
    "Destination",
    "FileFailure",
    "FileReceipt",
    "Receipt",
    "RetryPolicy",
    "Sendable",
    "__version__",
]
