#!/usr/bin/env python3
"""Sends a file to Google Drive by way of drive-courier, as the service account of a key file.

    pip install google-auth requests
    python send_file.py --url https://courier-xyz.a.run.app --key key.json report.csv
"""
import argparse
import hashlib
import base64
import mimetypes
import os
import sys
import uuid

import requests
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.service_account import IDTokenCredentials


def send(session, url, path, destination=None, key=None):
    """Puts the file into Drive and returns the receipt. The same key always gives the same file."""
    name = os.path.basename(path)
    with open(path, "rb") as file:
        body = file.read()
    response = session.post(
        url.rstrip("/") + "/v1/files",
        params={"name": name, "destination": destination},
        data=body,
        headers={
            "Content-Type": mimetypes.guess_type(name)[0] or "application/octet-stream",
            "Content-Digest": "sha-256=:%s:" % base64.b64encode(hashlib.sha256(body).digest()).decode(),
            "Idempotency-Key": key or str(uuid.uuid4()),
        },
        timeout=600,
    )
    if not response.ok:
        raise RuntimeError(explain(response))
    return response.json()


def explain(response):
    """What the courier says is wrong, and what to do about it."""
    try:
        problem = response.json()
        return "%s: %s. %s" % (problem["code"], problem.get("detail") or problem["title"], problem["remedy"])
    except (ValueError, KeyError, TypeError):
        return "HTTP %d from something that is no courier" % response.status_code


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("COURIER_URL"), help="where the courier is (COURIER_URL)")
    parser.add_argument("--audience", help="the token's audience, where it is not the URL")
    parser.add_argument(
        "--key",
        default=os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"),
        help="a service account's key file (GOOGLE_APPLICATION_CREDENTIALS)",
    )
    parser.add_argument("--to", help="the destination")
    parser.add_argument("file")
    options = parser.parse_args()
    if not options.url or not options.key:
        parser.error("give --url and --key")

    # Refreshed by itself, an hour at a time. A 401 of the courier is final: another token would be no better.
    credentials = IDTokenCredentials.from_service_account_file(
        options.key, target_audience=options.audience or options.url
    )
    session = AuthorizedSession(credentials, refresh_status_codes=())
    try:
        receipt = send(session, options.url, options.file, options.to)
    except (RuntimeError, requests.RequestException) as error:
        sys.exit("send_file: %s" % error)
    print("%s: %s" % (receipt["outcome"], receipt["webViewLink"]))


if __name__ == "__main__":
    main()
