"""An AWS Lambda function that puts a report into Google Drive by way of drive-courier. No key anywhere: the function's own
role is what Google believes (workload identity federation).

Deploy with it: google-auth and requests, and google-credentials.json as
"gcloud iam workload-identity-pools create-cred-config --aws" makes it (it holds no secret).
Environment: COURIER_URL, GOOGLE_APPLICATION_CREDENTIALS=google-credentials.json
"""
import json
import os
import re

import requests
from google.auth import aws, impersonated_credentials
from google.auth.transport.requests import AuthorizedSession

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


def credentials_for(audience):
    """Google's token service believes the role; as that principal, IAM Credentials is asked for an ID token of the account."""
    with open(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]) as file:
        info = json.load(file)
    # The ID token must be asked for by the federated principal itself, so the account is taken out of its credentials.
    account = re.search(r"/serviceAccounts/([^/:]+):", info.pop("service_account_impersonation_url")).group(1)
    role = aws.Credentials.from_info(info, scopes=[CLOUD_PLATFORM])
    target = impersonated_credentials.Credentials(
        source_credentials=role, target_principal=account, target_scopes=[CLOUD_PLATFORM]
    )
    return impersonated_credentials.IDTokenCredentials(target, target_audience=audience, include_email=True)


_session = None


def session():
    """Made once an instance, and its token kept while that is warm."""
    global _session
    if _session is None:
        audience = os.environ.get("COURIER_AUDIENCE") or os.environ["COURIER_URL"]
        _session = AuthorizedSession(credentials_for(audience), refresh_status_codes=())
    return _session


def handler(event, context):
    """:param event: {"day": "2026-11-24", "orders": [{"order": 1, "total": "12.50"}]}"""
    lines = ["order,total"] + ["%s,%s" % (order["order"], order["total"]) for order in event["orders"]]
    response = session().post(
        os.environ["COURIER_URL"].rstrip("/") + "/v1/files",
        params={"name": "orders-%s.csv" % event["day"]},
        data="\r\n".join(lines + [""]).encode(),
        # Lambda may run an event twice; the key makes it one file.
        headers={"Content-Type": "text/csv", "Idempotency-Key": "orders-%s" % event["day"]},
        timeout=60,
    )
    if not response.ok:
        # A courier says what to do about it; whatever else answers has only its status.
        is_problem = response.headers.get("content-type", "").startswith("application/problem+json")
        problem = response.json() if is_problem else {"code": "http-%d" % response.status_code, "remedy": ""}
        raise RuntimeError("%(code)s: %(remedy)s" % problem)
    receipt = response.json()
    return {"outcome": receipt["outcome"], "link": receipt["webViewLink"], "sha256": receipt["sha256"]}
