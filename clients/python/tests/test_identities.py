"""Who the client finds that it is."""

import importlib
import os
import unittest
from unittest import mock

from drive_courier import CourierError
from world import WORLD, WAITS, WorldTest, add_faults, call

NOWHERE = {"HOME": "/nonexistent", "NO_GCE_CHECK": "true"}


def has(module):
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


class IdentityTest(WorldTest):
    def as_identity(self, environment=None, **options):
        """The caller that the courier sees."""
        variables = {**NOWHERE, **(environment or {})}
        with mock.patch.dict(os.environ, variables):
            for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST"):
                if name not in variables:
                    os.environ.pop(name, None)
            client = self.client(key_file=None, **options)
            return client.send(b"x", name="py-identity.txt", on_conflict="replace", to="plain").caller

    def test_a_key_file(self):
        keys = WORLD["keyFiles"]["exporter"]
        self.assertEqual(self.as_identity(credentials_file=keys), WORLD["exporter"])
        self.assertEqual(self.as_identity({"GOOGLE_APPLICATION_CREDENTIALS": keys}), WORLD["exporter"])

    def test_the_content_of_a_key_file_is_refused_and_not_printed(self):
        key = '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----secret"}'
        for options in ({"credentials_file": key}, {"environment": {"GOOGLE_APPLICATION_CREDENTIALS": "\n" + key}}):
            with self.assertRaises(CourierError) as caught:
                self.as_identity(**options)
            self.assertEqual(caught.exception.code, "identity-unusable")
            self.assertNotIn("secret", str(caught.exception))

    def test_the_attached_service_account(self):
        self.assertEqual(self.as_identity({"GCE_METADATA_HOST": WORLD["metadataHost"]}), WORLD["runtime"])

    def test_gcloud_application_default_credentials_that_impersonate(self):
        self.grant("user:ops@example.com")
        folder = os.path.join(self.folder, "gcloud")
        os.mkdir(folder)
        with open(WORLD["keyFiles"]["authorized-user-ops"], "rb") as file:
            content = file.read()
        with open(os.path.join(folder, "application_default_credentials.json"), "wb") as file:
            file.write(content)
        variables = {"CLOUDSDK_CONFIG": folder}
        self.assertEqual(self.as_identity(variables, impersonate=WORLD["driveWriter"]), WORLD["driveWriter"])
        with self.assertRaises(CourierError) as caught:
            self.as_identity(variables)
        self.assertEqual(caught.exception.code, "identity-cannot-mint")

    def grant(self, member):
        call("POST", "/_admin/grant", {"target": WORLD["driveWriter"], "member": member})

    def test_impersonation_from_a_key_file_and_from_the_attached_account(self):
        self.grant("serviceAccount:" + WORLD["exporter"])
        self.grant("serviceAccount:" + WORLD["runtime"])
        keys = WORLD["keyFiles"]["exporter"]
        target = WORLD["driveWriter"]
        self.assertEqual(self.as_identity(credentials_file=keys, impersonate=target), target)
        metadata = {"GCE_METADATA_HOST": WORLD["metadataHost"]}
        self.assertEqual(self.as_identity(metadata, impersonate=target), target)

    def test_impersonation_that_is_not_granted_says_which_role(self):
        with self.assertRaises(CourierError) as caught:
            self.as_identity(credentials_file=WORLD["keyFiles"]["stranger"], impersonate=WORLD["driveWriter"])
        self.assertEqual((caught.exception.code, caught.exception.retryable), ("identity-refused", False))
        self.assertIn("roles/iam.serviceAccountOpenIdTokenCreator", caught.exception.remedy)

    @unittest.skipUnless(has("google.auth.identity_pool"), "this google-auth has no google.auth.identity_pool")
    def test_workload_identity_federation_by_oidc(self):
        self.assertEqual(
            self.as_identity(credentials_file=WORLD["keyFiles"]["external-account-oidc"]), WORLD["driveWriter"]
        )

    @unittest.skipUnless(has("google.auth.aws"), "this google-auth has no google.auth.aws")
    def test_workload_identity_federation_by_aws(self):
        keys = WORLD["keyFiles"]["external-account-aws"]
        self.assertEqual(self.as_identity(WORLD["aws"], credentials_file=keys), WORLD["driveWriter"])

    @unittest.skipIf(has("google.auth.identity_pool"), "this google-auth federates")
    def test_a_google_auth_that_is_too_old_says_so(self):
        with self.assertRaises(CourierError) as caught:
            self.as_identity(credentials_file=WORLD["keyFiles"]["external-account-oidc"])
        self.assertEqual(caught.exception.code, "identity-unusable")
        self.assertIn("google-auth", caught.exception.remedy)

    def test_nobody(self):
        with self.assertRaises(CourierError) as caught:
            self.as_identity()
        self.assertEqual((caught.exception.code, caught.exception.retryable), ("identity-not-found", False))
        self.assertEqual(WAITS, [])

    def test_files_that_are_no_credentials(self):
        cases = {"none.json": b"{}", "text.json": b"not json", "kind.json": b'{"type": "gdch_service_account"}'}
        cases["half.json"] = b'{"type": "service_account", "client_email": "a@example.com"}'
        for name, content in cases.items():
            with self.assertRaises(CourierError) as caught:
                self.as_identity(credentials_file=self.written(name, content))
            self.assertEqual(caught.exception.code, "identity-unusable", name)

    def test_a_deleted_key_is_named_and_not_retried(self):
        keys = WORLD["keyFiles"]["short-lived"]
        with self.assertRaises(CourierError) as caught:
            self.as_identity(credentials_file=keys)
        self.assertEqual((caught.exception.code, caught.exception.retryable), ("identity-refused", False))
        self.assertIn("new key", caught.exception.remedy)

    def test_a_token_endpoint_that_breaks_is_asked_again(self):
        add_faults({"host": "oauth2.googleapis.com", "nth": [1], "fault": {"kind": "answer-lost"}})
        self.assertEqual(self.as_identity(credentials_file=WORLD["keyFiles"]["exporter"]), WORLD["exporter"])

    def test_the_metadata_server_is_asked_again(self):
        # A courier that has no identity of its own to ask for meanwhile.
        add_faults({"path": "*/identity", "nth": [1], "fault": {"kind": "status", "status": 503}})
        self.assertEqual(self.as_identity({"GCE_METADATA_HOST": WORLD["metadataHost"]}), WORLD["runtime"])

    def test_google_elsewhere_gets_no_credentials(self):
        with self.assertRaises(CourierError) as caught:
            keys = WORLD["keyFiles"]["exporter"]
            self.as_identity({"COURIER_GOOGLE_ORIGIN": "https://evil.example"}, credentials_file=keys)
        self.assertEqual(caught.exception.code, "usage")


if __name__ == "__main__":
    unittest.main()
