#!/usr/bin/env python3
"""Sends every file of a folder to Google Drive with the Python client of drive-courier, a few at a time.

Run it again after an interruption: files that were delivered are not sent again, and no file is there twice.

    COURIER_URL=https://courier-xyz.a.run.app python send_folder.py ./exports --path archive
"""
import argparse
import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from drive_courier import Client, CourierError


def key_of(prefix, relative, file):
    """The same file in the same state has the same key, so that a second run delivers nothing twice."""
    stat = file.stat()
    text = "\n".join([prefix, relative, str(stat.st_size), str(stat.st_mtime_ns)])
    return "folder-" + hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("COURIER_URL"), help="where the courier is (COURIER_URL)")
    parser.add_argument("--audience", help="the token's audience, where it is not the URL")
    parser.add_argument("--to", help="the destination")
    parser.add_argument("--path", default="", help="folders below the destination")
    parser.add_argument("--pattern", default="*", help="which files, e.g. '*.csv'")
    parser.add_argument("--parallel", type=int, default=4, help="files at the same time (default: 4)")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    if not options.url:
        parser.error("give --url")
    client = Client(options.url, audience=options.audience)

    def send(file):
        relative = file.relative_to(options.folder).as_posix()
        folders = "/".join(part for part in (options.path.strip("/"), os.path.dirname(relative)) if part)
        try:
            key = key_of("%s\n%s" % (options.to, options.path), relative, file)
            receipt = client.send(file, to=options.to, path=folders or None, key=key)
        except CourierError as error:
            print("%s: %s" % (relative, error), file=sys.stderr)
            return error
        print("%s: %s %s" % (relative, receipt.outcome, receipt.web_view_link))
        return None

    files = sorted(file for file in options.folder.rglob(options.pattern) if file.is_file())
    with ThreadPoolExecutor(options.parallel) as pool:
        errors = [error for error in pool.map(send, files) if error is not None]
    print("%d of %d files delivered" % (len(files) - len(errors), len(files)))
    if errors:
        # 75 is EX_TEMPFAIL of sysexits.h: run it again.
        sys.exit(75 if all(error.retryable for error in errors) else 1)


if __name__ == "__main__":
    main()
