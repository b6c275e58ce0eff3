"""The media type that a file name suggests, the same on every machine."""

from __future__ import annotations

import mimetypes

UNKNOWN = "application/octet-stream"

_OFFICE = "application/vnd.openxmlformats-officedocument."

# What systems export and the standard library does not know in every version.
_MORE = {
    ".avro": "application/avro",
    ".csv": "text/csv",
    ".docx": f"{_OFFICE}wordprocessingml.document",
    ".gz": "application/gzip",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".pptx": f"{_OFFICE}presentationml.presentation",
    ".webp": "image/webp",
    ".xlsx": f"{_OFFICE}spreadsheetml.sheet",
    ".yaml": "application/yaml",
    ".zip": "application/zip",
}


def media_type_of(name: str) -> str:
    # An instance of its own: the module's functions read the tables of the machine, which differ.
    table = mimetypes.MimeTypes()
    for extension, kind in _MORE.items():
        table.types_map[True][extension] = kind
    guessed, encoding = table.guess_type(name)
    if encoding is not None:
        return "application/gzip" if encoding == "gzip" else UNKNOWN
    return guessed or UNKNOWN
