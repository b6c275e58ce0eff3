import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Impersonated, JWT } from 'google-auth-library';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { readConfig } from '../../../src/config/config.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import { type Authenticator, createAuthenticator } from '../../../src/identity/authenticate.ts';
import { createKeptLog } from '../../support/kept-log.ts';
import { AUDIENCE } from '../../support/tokens/token-signer.ts';

const IAP_AUDIENCE = '/projects/123456789/locations/asia-northeast1/services/courier';
const log = createKeptLog();

let google: LocalGoogle;
let transport: ReturnType<typeof createTransport>;
let nowMs: number;
let authenticator: Authenticator;
beforeAll(async () => {
  nowMs = Date.now();
  google = await startLocalGoogle({ now: () => nowMs });
  transport = createTransport({ googleOrigin: google.origin, log });
});
afterAll(async () => {
  transport.close();
  await google.close();
});

const authenticatorOf = (identity: 'id-token' | 'iap', audience: string): Authenticator =>
  createAuthenticator(
    readConfig({
      COURIER_CONFIG: JSON.stringify({
        identity,
        audiences: [audience],
        credentials: { main: { adc: true } },
        destinations: { a: { folder: '0AbCdEf', credentials: 'main', callers: ['a@example.com'] } },
      }),
    }),
    { fetch: transport.fetch, now: () => nowMs, wall: () => nowMs, log, isCloudRun: async () => false },
  );
beforeEach(() => {
  authenticator = authenticatorOf('id-token', AUDIENCE);
});

const bearer = (token: string) => new Headers({ authorization: `Bearer ${token}` });
const keyOf = (email: string) => {
  const { client_email, private_key } = google.world.keyFile(email);
  return new JWT({
    email: client_email,
    key: private_key,
    transporterOptions: { fetchImplementation: transport.fetch },
  });
};

describe('tokens obtained with Google’s own library', () => {
  test('from the token endpoint, with a key: identified by email', async () => {
    const { exporter } = google.world.emails;
    const token = await keyOf(exporter).fetchIdToken(AUDIENCE);
    await expect(authenticator.authenticate(bearer(token))).resolves.toMatchObject({ email: exporter });
    const elsewhere = await keyOf(exporter).fetchIdToken('https://other.example');
    await expect(authenticator.authenticate(bearer(elsewhere))).rejects.toMatchObject({ code: 'token-audience' });
  });

  test('from IAM Credentials, by impersonation: identified by email if requested', async () => {
    const { exporter, courier } = google.world.emails;
    google.world.grant(courier, `serviceAccount:${exporter}`, 'roles/iam.serviceAccountTokenCreator');
    const sourceClient = keyOf(exporter);
    sourceClient.scopes = ['https://www.googleapis.com/auth/cloud-platform'];
    jest.spyOn(console, 'warn').mockReturnValue(); // The library warns about every Impersonated that is created.
    const impersonated = new Impersonated({
      sourceClient,
      targetPrincipal: courier,
      transporterOptions: { fetchImplementation: transport.fetch },
    });
    const withEmail = await impersonated.fetchIdToken(AUDIENCE, { includeEmail: true });
    await expect(authenticator.authenticate(bearer(withEmail))).resolves.toMatchObject({ email: courier });
    const without = await impersonated.fetchIdToken(AUDIENCE, { includeEmail: false });
    const caller = await authenticator.authenticate(bearer(without));
    expect(caller).toEqual({ sub: expect.stringMatching(/^\d+$/) });
  });

  test.each([
    ['full', { sub: expect.any(String), email: expect.stringContaining('@') }],
    ['standard', { sub: expect.stringMatching(/^\d+$/) }],
  ])('from the metadata server, format=%s', async (format, caller) => {
    const path = 'computeMetadata/v1/instance/service-accounts/default/identity';
    const query = new URLSearchParams({ audience: AUDIENCE, format });
    const answer = await fetch(`http://${google.metadataHost}/${path}?${query}`, {
      headers: { 'metadata-flavor': 'Google' },
    });
    await expect(authenticator.authenticate(bearer(await answer.text()))).resolves.toEqual(caller);
  });

  test('are valid for an hour and a minute, then expire', async () => {
    const token = await keyOf(google.world.emails.exporter).fetchIdToken(AUDIENCE);
    const startedAtMs = nowMs;
    nowMs += 3600_000;
    await expect(authenticator.authenticate(bearer(token))).resolves.toBeDefined();
    nowMs += 61_000;
    await expect(authenticator.authenticate(bearer(token))).rejects.toMatchObject({ code: 'token-expired' });
    nowMs = startedAtMs;
  });
});

test('a rotation of Google’s keys causes no rejection', async () => {
  await authenticator.warmUp();
  const token = () =>
    google.world.idToken({ email: google.world.emails.exporter, audience: AUDIENCE, includeEmail: true });
  const before = token();
  for (const _ of [1, 2, 3]) {
    nowMs += 40_000;
    await google.world.rotateSigningKeys();
    await expect(authenticator.authenticate(bearer(token()))).resolves.toBeDefined();
  }
  nowMs += 40_000;
  await expect(authenticator.authenticate(bearer(before))).rejects.toMatchObject({ code: 'token-invalid' });
});

test('an assertion of Identity-Aware Proxy identifies its caller in the iap mode', async () => {
  const email = google.world.emails.exporter;
  const assertion = new Headers({
    'x-goog-iap-jwt-assertion': google.world.iapToken({ email, audience: IAP_AUDIENCE }),
  });
  await expect(authenticatorOf('iap', IAP_AUDIENCE).authenticate(assertion)).resolves.toMatchObject({ email });
  await expect(authenticator.authenticate(assertion)).rejects.toMatchObject({ code: 'token-missing' });
});
