"""Finds who this program is, in the order of Google's own libraries."""

from __future__ import annotations

import importlib
import json
import os
import re
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Protocol, Sequence

from . import _metadata
from ._google import CLOUD_PLATFORM, Transport, call_google, raise_auth_error, refusal_of
from .errors import failure


class Identity(Protocol):
    """Gets tokens from Google. Both methods raise CourierError."""

    def id_token(self, audience: str) -> str: ...

    def access_token(self) -> str:
        """With the scope cloud-platform; it is used for impersonation only."""
        ...


def _refreshed(credentials: Any, account: str) -> str:
    try:
        credentials.refresh(Transport())
    except Exception as error:  # noqa: BLE001: google-auth raises ValueError, GoogleAuthError and more
        raise_auth_error(error, account)
    return str(credentials.token)


class _ServiceAccountKey:
    def __init__(self, info: Mapping[str, Any]) -> None:
        self._info = info
        self._account = str(info.get("client_email", "service account"))

    def _credentials(self, kind: str, **options: Any) -> Any:
        from google.oauth2 import service_account

        try:
            return getattr(service_account, kind).from_service_account_info(self._info, **options)
        except (ValueError, KeyError) as error:
            raise_auth_error(error, self._account)

    def id_token(self, audience: str) -> str:
        return _refreshed(self._credentials("IDTokenCredentials", target_audience=audience), self._account)

    def access_token(self) -> str:
        return _refreshed(self._credentials("Credentials", scopes=[CLOUD_PLATFORM]), self._account)


class _Person:
    """What ``gcloud auth application-default login`` leaves: it can act as a service account, and do no more here."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        self._info = info

    def id_token(self, audience: str) -> str:
        raise failure("identity-cannot-mint", "A person's credentials (authorized_user) have no audience of choice.")

    def access_token(self) -> str:
        from google.oauth2.credentials import Credentials

        names = ("refresh_token", "client_id", "client_secret")
        missing = [name for name in names if name not in self._info]
        if missing:
            raise failure("identity-unusable", f"authorized_user credentials without {', '.join(missing)}.")
        token_uri = self._info.get("token_uri", "https://oauth2.googleapis.com/token")
        credentials = Credentials(None, token_uri=token_uri, **{name: self._info[name] for name in names})
        return _refreshed(credentials, "authorized_user")


class _Federated:
    """Workload identity federation: AWS, GitHub Actions, Azure, any OIDC or SAML issuer."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        # generateIdToken must be called by the federated principal itself, so its own impersonation is left out.
        self._info = {name: value for name, value in info.items() if name != "service_account_impersonation_url"}

    def id_token(self, audience: str) -> str:
        raise failure(
            "identity-cannot-mint",
            "A federated identity has no ID token of its own, and the credentials file names no service account.",
        )

    def access_token(self) -> str:
        source = self._info.get("credential_source")
        source = source if isinstance(source, dict) else {}
        if str(source.get("environment_id", "")).startswith("aws"):
            module = "aws"
        else:
            module = "pluggable" if "executable" in source else "identity_pool"
        try:
            kind = importlib.import_module(f"google.auth.{module}").Credentials
        except ImportError:
            raise failure(
                "identity-unusable",
                f"This version of google-auth has no google.auth.{module}.",
                remedy="Install google-auth 2.0 or newer.",
            ) from None
        try:
            credentials = kind.from_info(self._info, scopes=[CLOUD_PLATFORM])
        except Exception as error:  # noqa: BLE001: it depends on the kind
            raise_auth_error(error, "external_account")
        return _refreshed(credentials, "external_account")


class _Impersonated:
    """Acts as a service account, by IAM Credentials.

    https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateIdToken
    """

    def __init__(self, source: Identity, target: str, delegates: Sequence[str] = ()) -> None:
        self._source = source
        self._target = target
        self._delegates = list(delegates)

    def _call(self, method: str, body: Dict[str, Any], field: str) -> str:
        answer = call_google(
            "POST",
            f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{self._target}:{method}",
            {"Authorization": f"Bearer {self._source.access_token()}", "Content-Type": "application/json"},
            json.dumps({"delegates": self._delegates, **body}).encode(),
        )
        if answer.status != 200:
            raise refusal_of(answer, self._target)
        try:
            return str(json.loads(answer.body)[field])
        except (ValueError, KeyError, TypeError):
            raise failure("identity-refused", f"{self._target}: Google's answer has no token") from None

    def id_token(self, audience: str) -> str:
        return self._call("generateIdToken", {"audience": audience, "includeEmail": True}, "token")

    def access_token(self) -> str:
        return self._call("generateAccessToken", {"scope": [CLOUD_PLATFORM]}, "accessToken")


def _account_in(info: Mapping[str, Any]) -> Optional[str]:
    """The account in ``…/serviceAccounts/EMAIL:generateAccessToken``."""
    url = str(info.get("service_account_impersonation_url") or "")
    match = re.search(r"/serviceAccounts/([^/:]+):generateAccessToken$", url)
    return match.group(1) if match else None


def _identity_of(info: Any, found_by: str) -> Identity:
    kind = info.get("type") if isinstance(info, dict) else None
    if kind == "service_account":
        return _ServiceAccountKey(info)
    if kind == "authorized_user":
        return _Person(info)
    if kind == "external_account":
        account = _account_in(info)
        federated: Identity = _Federated(info)
        return federated if account is None else _Impersonated(federated, account)
    if kind == "impersonated_service_account":
        account = _account_in(info)
        if account is None:
            raise failure("identity-unusable", f"{found_by}: service_account_impersonation_url names no account.")
        return _Impersonated(
            _identity_of(info.get("source_credentials"), found_by), account, info.get("delegates") or ()
        )
    if kind is None:
        raise failure("identity-unusable", f'{found_by} is not a Google credentials file: it has no "type".')
    raise failure("identity-unusable", f'{found_by}: credentials of type "{kind}" are not supported.')


def _identity_in_file(path: Path, found_by: str) -> Identity:
    # A message that names the path would print the key.
    if re.search(r"^\s*\{|[\r\n]|-----BEGIN", str(path)):
        raise failure(
            "identity-unusable",
            f"{found_by}: this is the content of a credentials file. Pass the path of the file.",
        )
    try:
        info = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise failure("identity-unusable", f"{found_by} ({path}) cannot be read: {error.strerror}.") from error
    except ValueError:
        raise failure("identity-unusable", f"{found_by} ({path}) is not JSON.") from None
    return _identity_of(info, f"{found_by} ({path})")


def _well_known_file() -> Path:
    """Where ``gcloud auth application-default login`` leaves its file."""
    folder = os.environ.get("CLOUDSDK_CONFIG")
    if not folder and os.name == "nt":
        folder = os.path.join(os.environ.get("APPDATA", ""), "gcloud")
    return Path(folder or Path.home() / ".config" / "gcloud") / "application_default_credentials.json"


def _find(credentials_file: Optional[str], impersonate: Optional[str]) -> Identity:
    if credentials_file:
        return _identity_in_file(Path(credentials_file), "credentials_file")
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named:
        return _identity_in_file(Path(named), "GOOGLE_APPLICATION_CREDENTIALS")
    path = _well_known_file()
    personal = _identity_in_file(path, "application default credentials") if path.is_file() else None
    # A person's own credentials can only impersonate; the platform's can do more.
    if personal is not None and (impersonate or not isinstance(personal, _Person)):
        return personal
    if _metadata.is_present():
        return _metadata.MetadataServer()
    if personal is None:
        raise failure("identity-not-found")
    return personal


def discover(credentials_file: Optional[str], impersonate: Optional[str]) -> Identity:
    """Raises CourierError ``identity-not-found`` or ``identity-unusable``."""
    identity = _find(credentials_file, impersonate)
    return identity if impersonate is None else _Impersonated(identity, impersonate)
