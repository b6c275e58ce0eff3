"""The metadata server of Cloud Run, Cloud Functions, Compute Engine, GKE and App Engine."""

from __future__ import annotations

import json
import os
from typing import Mapping
from urllib.parse import urlencode

from ._google import CLOUD_PLATFORM, call_google
from .errors import CourierError, failure

_FLAVOR = {"Metadata-Flavor": "Google"}
_ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default"
_PROBE_SECONDS = 1.0

# Google's serverless platforms are recognized by their environment, without a probe.
_PLATFORM_VARIABLES = ("GCE_METADATA_HOST", "K_SERVICE", "CLOUD_RUN_JOB", "FUNCTION_TARGET", "GAE_SERVICE")


def _host() -> str:
    return os.environ.get("GCE_METADATA_HOST") or os.environ.get("GCE_METADATA_IP") or "169.254.169.254"


class MetadataServer:
    """The service account that is attached to this machine, service or job."""

    account = "metadata server"

    def _get(self, path: str, query: Mapping[str, str]) -> bytes:
        answer = call_google("GET", f"http://{_host()}{_ACCOUNT}/{path}?{urlencode(query)}", _FLAVOR)
        if answer.status >= 500 or answer.status == 429:
            raise failure("google-unreachable", f"metadata server: HTTP {answer.status}")
        if answer.status != 200:
            raise failure(
                "identity-refused",
                f"metadata server: HTTP {answer.status}",
                remedy="Attach a service account to this machine, service or job.",
            )
        return answer.body

    def id_token(self, audience: str) -> str:
        # format=full puts the email into the token: the courier knows its callers by it.
        return self._get("identity", {"audience": audience, "format": "full"}).decode().strip()

    def access_token(self) -> str:
        try:
            return str(json.loads(self._get("token", {"scopes": CLOUD_PLATFORM}))["access_token"])
        except (ValueError, KeyError, TypeError):
            raise failure("identity-refused", "metadata server: its answer has no token") from None


def is_present() -> bool:
    """Whether a metadata server of Google answers here. AWS uses the same address, without Google's header."""
    if any(os.environ.get(name) for name in _PLATFORM_VARIABLES):
        return True
    if os.environ.get("NO_GCE_CHECK", "").lower() in ("1", "true"):
        return False
    try:
        answer = call_google("GET", f"http://{_host()}/", _FLAVOR, timeout=_PROBE_SECONDS)
    except CourierError:
        return False
    return answer.headers.get("metadata-flavor") == "Google"
