#!/usr/bin/env python3
"""Sends every file of a folder to Google Drive with the Python client of drive-courier, several at a time.

Run it again after an interruption: the manifest remembers what was delivered, and only the rest is sent.

    COURIER_URL=https://courier-xyz.a.run.app python send_folder.py ./exports --path archive
"""
import argparse
import os
import sys
from fnmatch import fnmatch

from drive_courier import Client, CourierError


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("COURIER_URL"), help="where the courier is (COURIER_URL)")
    parser.add_argument("--audience", help="the token's audience, where it is not the URL")
    parser.add_argument("--to", help="the destination")
    parser.add_argument("--path", default="", help="folders below the destination")
    parser.add_argument("--pattern", default="*", help="which files, e.g. '*.csv'")
    parser.add_argument("--parallel", type=int, default=8, help="files at the same time (default: 8)")
    parser.add_argument("--manifest", help="remembers what was delivered (default: the folder's name and .jsonl)")
    parser.add_argument("folder")
    options = parser.parse_args()
    if not options.url:
        parser.error("give --url")
    folder = os.path.abspath(options.folder)
    manifest = options.manifest or os.path.basename(folder) + ".jsonl"
    receipts = Client(options.url, audience=options.audience).send_all(
        folder + "/",
        to=options.to,
        path=options.path,
        manifest=manifest,
        concurrency=options.parallel,
        select=lambda relative: fnmatch(os.path.basename(relative), options.pattern),
        on_failure=lambda failed: print("%s: %s" % failed, file=sys.stderr),
    )
    delivered = 0
    try:
        for receipt in receipts:
            delivered += 1
            print("%s: %s %s" % (receipt.file, receipt.change, receipt.web_view_link))
    except CourierError as error:
        print("%d files delivered. %s" % (delivered, error), file=sys.stderr)
        # 75 is EX_TEMPFAIL of sysexits.h: run it again.
        sys.exit(75 if error.retryable else 1)
    print("%d files delivered" % delivered)


if __name__ == "__main__":
    main()
