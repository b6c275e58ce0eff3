import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { LocalGoogle } from '../../local/google/server.ts';
import { DRIVE } from '../../local/google/world/names.ts';
import { createCredentialFiles, type RefusalCase } from './drive-auth/credential-files.ts';
import { type Credential, createWitness, openAuth, refusalOf, startRuntime } from './drive-auth/harness.ts';

const HOUR_MS = 3_600_000;

let google: LocalGoogle;
let close: () => Promise<void>;
/** How far Google's clock is ahead of the courier's. */
let skewMs = 0;
const witness = createWitness();

beforeAll(async () => {
  ({ google, close } = await startRuntime(witness, { now: () => Date.now() + skewMs }));
});
afterAll(() => close());
beforeEach(() => {
  skewMs = 0;
});

const { path, written, damaged, contentOf } = createCredentialFiles(() => google);
const refused = (credential: Credential) => refusalOf(openAuth(google, witness, credential), witness);

const CASES: readonly RefusalCase[] = [
  {
    what: 'a key file of another project, whose account Google does not know',
    credential: () => damaged('courier', { client_email: 'courier@other-project.iam.gserviceaccount.com' }),
    code: 'key-revoked',
    reason: 'account-not-found',
    remedy: 'courier@other-project.iam.gserviceaccount.com',
  },
  {
    what: 'a key of another account',
    credential: () => damaged('courier', { client_email: google.world.emails.stranger }),
    code: 'key-revoked',
    reason: 'key-not-found',
    remedy: 'Create a new key',
  },
  {
    what: 'a key that was deleted',
    async credential() {
      const key = await google.world.addKey(google.world.emails.courier);
      google.world.deleteKey(google.world.emails.courier, key.private_key_id);
      return { file: written(key) };
    },
    code: 'key-revoked',
    reason: 'key-not-found',
    remedy: 'Create a new key for courier@local-project',
  },
  {
    what: 'an account that is disabled',
    credential() {
      google.world.setServiceAccountDisabled(google.world.emails.stranger, true);
      return { file: path('stranger') };
    },
    after: () => google.world.setServiceAccountDisabled(google.world.emails.stranger, false),
    code: 'key-revoked',
    reason: 'account-not-found',
    remedy: 'stranger@local-project',
  },
  {
    what: 'a PEM that is not one',
    credential: () =>
      damaged('courier', { private_key: '-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n' }),
    code: 'key-invalid',
    reason: 'document-invalid',
    detail: '"private_key"',
    remedy: 'complete Google credentials file',
  },
  {
    what: 'an expired refresh token',
    credential() {
      google.world.revokeRefreshToken(google.world.emails.alice);
      return { file: path('authorized-user-alice') };
    },
    code: 'key-revoked',
    reason: 'consent-revoked',
    remedy: 'courier login',
  },
  {
    what: 'an OAuth client that Google does not know',
    credential: () => damaged('authorized-user-ops', { client_id: 'nobody.apps.googleusercontent.com' }),
    code: 'key-invalid',
    reason: 'client-unknown',
    remedy: 'complete Google credentials file',
  },
  {
    what: 'a person with a subject besides',
    credential: () => ({ file: path('authorized-user-ops'), subject: google.world.emails.alice }),
    code: 'key-invalid',
    reason: 'subject-unsupported',
    remedy: 'Remove "subject"',
  },
  {
    what: 'a subject outside the domain',
    credential() {
      google.world.delegate(google.world.emails.courier, [DRIVE]);
      return { file: path('courier'), subject: 'someone@elsewhere.example' };
    },
    code: 'delegation-refused',
    reason: 'subject-not-found',
    remedy: 'Domain-wide delegation',
  },
  {
    what: 'a delegation that the administrator did not grant',
    credential() {
      google.world.delegate(google.world.emails.courier, []);
      return { file: path('courier'), subject: google.world.emails.alice };
    },
    code: 'delegation-refused',
    reason: 'delegation-missing',
    remedy: 'client ID of courier@local-project',
  },
  {
    what: 'a keyless delegation that the administrator did not grant',
    credential() {
      google.world.delegate(google.world.emails.driveWriter, []);
      return { impersonate: google.world.emails.driveWriter, subject: google.world.emails.alice };
    },
    code: 'delegation-refused',
    reason: 'delegation-missing',
    remedy: 'client ID of drive-writer@local-project',
  },
  {
    what: 'a scope that does not exist',
    credential: () => ({ file: path('courier'), scopes: ['https://example.com/auth/nothing'] }),
    code: 'scope-insufficient',
    reason: 'scope-refused',
    remedy: 'https://www.googleapis.com/auth/drive',
  },
  {
    what: 'a file that is not there',
    credential: () => ({ file: '/nonexistent/key.json' }),
    code: 'key-invalid',
    reason: 'file-unreadable',
    remedy: 'Mount the credentials file',
  },
  {
    what: 'a folder instead of a file',
    credential: () => ({ file: google.dataDir }),
    code: 'key-invalid',
    reason: 'file-unreadable',
    remedy: 'Mount the credentials file',
  },
  {
    what: 'a document that would run a program',
    credential: () => damaged('external-account-oidc', { credential_source: { executable: { command: '/bin/id' } } }),
    code: 'key-invalid',
    reason: 'document-invalid',
    detail: '"credential_source"',
    remedy: 'complete Google credentials file',
  },
  {
    what: 'a document that would have another host called',
    credential: () => damaged('external-account-oidc', { token_url: 'https://sts.evil.example/v1/token' }),
    code: 'key-invalid',
    reason: 'document-invalid',
    detail: '"token_url"',
    remedy: 'complete Google credentials file',
  },
  {
    what: 'a document that would have a neighbour’s address asked',
    credential: () => damaged('external-account-oidc', { credential_source: { url: 'http://10.0.0.1/token' } }),
    code: 'key-invalid',
    reason: 'document-invalid',
    detail: '"credential_source"',
    remedy: 'complete Google credentials file',
  },
];

describe('a broken setup gives its code and remedy, without repeated calls to Google', () => {
  test.each(CASES)('$what', async ({ credential, code, reason, detail = '', remedy, after }) => {
    try {
      const refusal = await refused(await credential());
      expect(refusal).toMatchObject({ code, reason, retryable: false, status: 502 });
      expect(refusal.detail).toContain(detail);
      expect(refusal.remedy).toContain(remedy);
    } finally {
      after?.();
    }
  });
});

describe('clocks that differ by two hours', () => {
  test.each([
    ['a key', () => ({ file: path('courier') }), 'key-invalid'],
    ['a delegated key', () => ({ file: path('courier'), subject: google.world.emails.bob }), 'key-invalid'],
    [
      'a keyless delegation',
      () => ({ impersonate: google.world.emails.driveWriter, subject: google.world.emails.bob }),
      'key-invalid',
    ],
    ['AWS', () => ({ file: path('external-account-aws') }), 'impersonation-refused'],
  ] as [string, () => Credential, string][])('%s: the error names the clock', async (_, credential, code) => {
    for (const hours of [2, -2]) {
      skewMs = hours * HOUR_MS;
      const refusal = await refused(credential());
      expect(refusal).toMatchObject({ code, retryable: false });
      expect(`${refusal.detail} ${refusal.remedy}`).toMatch(/clock.*\(NTP\)/s);
    }
  });

  test('so does an OIDC token that is two hours too new, while one of half a day is accepted', async () => {
    skewMs = -2 * HOUR_MS;
    expect(await refused({ file: path('external-account-oidc') })).toMatchObject({
      code: 'impersonation-refused',
      reason: 'workload-token-expired',
    });
    skewMs = 2 * HOUR_MS;
    await expect(openAuth(google, witness, { file: path('external-account-oidc') }).token()).resolves.toMatch(/^ya29/);
  });
});

test('a rejected key is read again once, not in a loop', async () => {
  const auth = openAuth(google, witness, damaged('courier', { client_email: google.world.emails.stranger }));
  google.calls.clear();
  await Promise.allSettled(Array.from({ length: 30 }, () => auth.token()));
  expect(google.calls.count({ host: 'oauth2.googleapis.com' })).toBe(1);
});

test('the output contains no key, token or assertion', () => {
  for (const name of ['courier', 'stranger', 'authorized-user-alice', 'authorized-user-ops'])
    witness.sawSecretsIn(JSON.stringify(contentOf(name)));
  const printed = witness.lines.join('');
  expect(witness.secrets.size).toBeGreaterThan(60);
  expect([...witness.secrets].filter((secret) => printed.includes(secret))).toEqual([]);
});

test('an unavailable metadata server is a transient error on Cloud Run', async () => {
  google.faults.add([{ host: 'metadata*', fault: { kind: 'status', status: 503 } }]);
  const refusal = await refusalOf(openAuth(google, witness, { adc: true }, { onCloudRun: true }), witness);
  google.faults.clear();
  expect(refusal).toMatchObject({ code: 'google-unavailable', retryable: true });
});
