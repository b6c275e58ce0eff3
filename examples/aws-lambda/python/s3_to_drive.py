"""An AWS Lambda function that puts every new object of an S3 bucket into Google Drive by way of drive-courier.

The object is streamed from S3 to Drive through an upload session: one chunk is in memory, nothing is on disk.
Deploy with it: google-auth, requests, the package drive_courier, and google-credentials.json as
"gcloud iam workload-identity-pools create-cred-config --aws" makes it. Set-up: docs/recipes/lambda-s3.md
Environment: COURIER_URL, GOOGLE_APPLICATION_CREDENTIALS=google-credentials.json
"""
import hashlib
import os
import posixpath
from urllib.parse import unquote_plus

import boto3
from drive_courier import Client

_client = None
_s3 = None


def connect():
    """Made once an instance; the ID token stays in use while that is warm."""
    global _client, _s3
    if _client is None:
        _client = Client(os.environ["COURIER_URL"], audience=os.environ.get("COURIER_AUDIENCE"), chunk_bytes=32 << 20)
        _s3 = boto3.client("s3")
    return _client, _s3


def deliver(record):
    client, s3 = connect()
    bucket = record["s3"]["bucket"]["name"]
    # S3 writes names in its events as in a form: a space is a plus.
    name = unquote_plus(record["s3"]["object"]["key"])
    found = s3.get_object(Bucket=bucket, Key=name)
    # S3 may send an event twice, and Lambda may run it twice: the same version of the object is the same file.
    version = "%s/%s#%s" % (bucket, name, found["ETag"])
    receipt = client.send(
        found["Body"],
        size=found["ContentLength"],
        name=posixpath.basename(name),
        path=posixpath.dirname(name) or None,
        mime_type=found.get("ContentType"),
        key="s3-" + hashlib.sha256(version.encode("utf-8")).hexdigest(),
    )
    return {"outcome": receipt.outcome, "link": receipt.web_view_link, "sha256": receipt.sha256}


def handler(event, context):
    """:param event: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
    return [deliver(record) for record in event["Records"]]
