#!/usr/bin/env python3
"""Sends a file to Google Drive with the Python client of drive-courier, as whatever identity is found.

It retries without duplicates, resumes large files, and checks the SHA-256. From a clone of the repository:

    pip install ./clients/python
    COURIER_URL=https://courier-xyz.a.run.app python examples/python/send_with_client.py report.csv
"""
import argparse
import os
import sys

from drive_courier import Client, CourierError


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("COURIER_URL"), help="where the courier is (COURIER_URL)")
    parser.add_argument("--audience", help="the token's audience, where it is not the URL")
    parser.add_argument("--to", help="the destination")
    parser.add_argument("--path", help="folders below the destination")
    parser.add_argument("--key", help="the idempotency key")
    parser.add_argument("file")
    options = parser.parse_args()
    if not options.url:
        parser.error("give --url")
    try:
        client = Client(options.url, audience=options.audience)
        receipt = client.send(options.file, to=options.to, path=options.path, key=options.key)
    except CourierError as error:
        print("send_with_client: %s" % error, file=sys.stderr)
        # 75 is EX_TEMPFAIL of sysexits.h: worth trying again.
        sys.exit(75 if error.retryable else 1)
    print("%s: %s" % (receipt.outcome, receipt.web_view_link))


if __name__ == "__main__":
    main()
