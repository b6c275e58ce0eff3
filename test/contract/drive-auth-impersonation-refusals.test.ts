import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LocalGoogle } from '../../local/google/server.ts';
import { CLOUD_PLATFORM } from '../../local/google/world/names.ts';
import { createCredentialFiles, type RefusalCase } from './drive-auth/credential-files.ts';
import { createWitness, openAuth, refusalOf, startRuntime } from './drive-auth/harness.ts';

let google: LocalGoogle;
let close: () => Promise<void>;
const witness = createWitness();

beforeAll(async () => {
  ({ google, close } = await startRuntime(witness));
});
afterAll(() => close());

const { path, written, damaged } = createCredentialFiles(() => google);

const CASES: readonly RefusalCase[] = [
  {
    what: 'a principal without Token Creator',
    credential: () => ({ impersonate: google.world.emails.courier }),
    code: 'impersonation-refused',
    reason: 'IAM_PERMISSION_DENIED',
    remedy: 'roles/iam.serviceAccountTokenCreator on courier@local-project',
  },
  {
    what: 'a principal without Token Creator that wants to sign',
    credential: () => ({ impersonate: google.world.emails.courier, subject: google.world.emails.alice }),
    code: 'impersonation-refused',
    reason: 'IAM_PERMISSION_DENIED',
    remedy: 'roles/iam.serviceAccountTokenCreator on courier@local-project',
  },
  {
    what: 'an account to impersonate that does not exist',
    credential: () => ({ impersonate: 'nobody@local-project.iam.gserviceaccount.com' }),
    code: 'impersonation-refused',
    reason: 'NOT_FOUND',
    remedy: 'Create nobody@local-project',
  },
  {
    what: 'IAM Credentials that is off',
    credential() {
      google.world.disableApi('iamcredentials.googleapis.com');
      return { impersonate: google.world.emails.driveWriter };
    },
    after: () => google.world.enableApi('iamcredentials.googleapis.com'),
    code: 'impersonation-refused',
    reason: 'SERVICE_DISABLED',
    remedy: 'gcloud services enable iamcredentials.googleapis.com',
  },
  {
    what: 'a machine whose access scopes do not cover IAM',
    credential() {
      google.world.setMetadata({
        honoursScopes: false,
        scopes: ['https://www.googleapis.com/auth/devstorage.read_only'],
      });
      return { impersonate: google.world.emails.driveWriter };
    },
    after: () => google.world.setMetadata({ honoursScopes: true, scopes: [CLOUD_PLATFORM] }),
    code: 'impersonation-refused',
    reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
    remedy: CLOUD_PLATFORM,
  },
  {
    what: 'a refusal of the Security Token Service: an unknown provider',
    credential: () =>
      damaged('external-account-oidc', {
        audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/none/providers/none',
      }),
    code: 'impersonation-refused',
    reason: 'pool-not-found',
    remedy: 'workload identity provider',
  },
  {
    what: 'a refusal of the Security Token Service: a token of another audience',
    credential() {
      const file = written('');
      writeFileSync(file, google.world.oidcToken({ aud: 'https://elsewhere.example' }));
      return damaged('external-account-oidc', { credential_source: { file } });
    },
    code: 'impersonation-refused',
    reason: 'workload-token-rejected',
    remedy: 'workload identity provider',
  },
  {
    what: 'an OIDC subject that was not granted',
    credential() {
      const file = written('');
      writeFileSync(file, google.world.oidcToken({ sub: 'another-workload' }));
      return damaged('external-account-oidc', { credential_source: { file } });
    },
    code: 'impersonation-refused',
    reason: 'IAM_PERMISSION_DENIED',
    remedy: 'roles/iam.workloadIdentityUser on drive-writer@local-project',
  },
  {
    what: 'a wrong AWS role',
    credential() {
      const [identity] = google.world.state.awsIdentities;
      if (identity !== undefined) identity.arn = identity.arn.replace('report-exporter', 'another-role');
      return { file: path('external-account-aws') };
    },
    after() {
      const [identity] = google.world.state.awsIdentities;
      if (identity !== undefined) identity.arn = identity.arn.replace('another-role', 'report-exporter');
    },
    code: 'impersonation-refused',
    reason: 'IAM_PERMISSION_DENIED',
    remedy: 'roles/iam.workloadIdentityUser on drive-writer@local-project',
  },
  {
    what: 'a federated workload that wants to sign for a user',
    credential: () => ({ file: path('external-account-oidc'), subject: google.world.emails.alice }),
    code: 'impersonation-refused',
    reason: 'IAM_PERMISSION_DENIED',
    remedy: 'roles/iam.serviceAccountTokenCreator',
  },
];

describe('a broken impersonation gives its code and remedy, without repeated calls to Google', () => {
  test.each(CASES)('$what', async ({ credential, code, reason, detail = '', remedy, after }) => {
    try {
      const refusal = await refusalOf(openAuth(google, witness, await credential()), witness);
      expect(refusal).toMatchObject({ code, reason, retryable: false, status: 502 });
      expect(refusal.detail).toContain(detail);
      expect(refusal.remedy).toContain(remedy);
    } finally {
      after?.();
    }
  });
});

test('the output contains no token or assertion', () => {
  const printed = witness.lines.join('');
  expect(witness.secrets.size).toBeGreaterThan(5);
  expect([...witness.secrets].filter((secret) => printed.includes(secret))).toEqual([]);
});
