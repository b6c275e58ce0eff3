#!/usr/bin/env python3
"""Sends a file to Google Drive through drive-courier, as the identity of this machine (application default credentials).

For Cloud Run, Cloud Functions, Compute Engine and GKE, where there is no key file.

    pip install google-auth requests
    python send_file_adc.py --url https://courier-xyz.a.run.app report.csv
"""
import argparse
import os
import sys

import requests
from google.auth.transport.requests import Request

from send_file import send

try:
    from google.oauth2.id_token import fetch_id_token
except ImportError:  # google-auth before 1.22

    def fetch_id_token(request, audience):
        """An ID token of the metadata server, with the email in it (format=full)."""
        host = os.environ.get("GCE_METADATA_HOST", "metadata.google.internal")
        response = requests.get(
            "http://%s/computeMetadata/v1/instance/service-accounts/default/identity" % host,
            params={"audience": audience, "format": "full"},
            headers={"Metadata-Flavor": "Google"},
            timeout=20,
        )
        response.raise_for_status()
        return response.text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("COURIER_URL"), help="where the courier is (COURIER_URL)")
    parser.add_argument("--audience", help="the token's audience, where it is not the URL")
    parser.add_argument("--to", help="the destination")
    parser.add_argument("file")
    options = parser.parse_args()
    if not options.url:
        parser.error("give --url")

    session = requests.Session()
    try:
        # Valid for an hour; a program that runs longer must request a new one.
        session.headers["Authorization"] = "Bearer " + fetch_id_token(Request(), options.audience or options.url)
        receipt = send(session, options.url, options.file, options.to)
    except (RuntimeError, requests.RequestException) as error:
        sys.exit("send_file_adc: %s" % error)
    print("%s: %s" % (receipt["outcome"], receipt["webViewLink"]))


if __name__ == "__main__":
    main()
