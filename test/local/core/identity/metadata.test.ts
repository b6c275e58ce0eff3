import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Compute, GoogleAuth } from 'google-auth-library';
import { decodeJwt } from 'jose';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { CLOUD_PLATFORM } from '../../../../local/google/world/names.ts';
import { ask } from '../redirect.ts';

const DRIVE = 'https://www.googleapis.com/auth/drive';
const FLAVOR = { headers: { 'metadata-flavor': 'Google' } };

let google: LocalGoogle;
beforeAll(async () => {
  google = await startLocalGoogle();
  process.env.GCE_METADATA_HOST = google.metadataHost;
});
afterAll(() => {
  delete process.env.GCE_METADATA_HOST;
  return google.close();
});

const at = (path: string) => `${google.origin}/computeMetadata/v1/${path}`;
const scopesOf = async (client: Compute) =>
  google.world.tokens.holderOf((await client.getAccessToken()).token ?? '', [])?.scopes;

test('google-auth-library detects this as a platform, and finds project and identity', async () => {
  const auth = new GoogleAuth({ scopes: [CLOUD_PLATFORM] });
  expect(await auth.getProjectId()).toBe('local-project');
  const { credential } = await auth.getApplicationDefault();
  expect(credential).toBeInstanceOf(Compute);
  expect((await auth.getCredentials()).client_email).toBe(google.world.emails.runtime);
  expect(await auth.getUniverseDomain()).toBe('googleapis.com');
});

test('Cloud Run’s uses the requested scopes; Compute Engine’s silently ignores them', async () => {
  expect(await scopesOf(new Compute({ scopes: [DRIVE] }))).toEqual([DRIVE]);
  google.world.setMetadata({ honoursScopes: false });
  expect(await scopesOf(new Compute({ scopes: [DRIVE] }))).toEqual([CLOUD_PLATFORM]);
  google.world.setMetadata({ honoursScopes: true });
});

test.each([
  [
    'cloud-run',
    'Metadata Server for Serverless',
    { region: 200, zone: 200, 'machine-type': 404, 'attributes/cluster-name': 404 },
  ],
  [
    'compute-engine',
    'Metadata Server for VM',
    { region: 404, zone: 200, 'machine-type': 200, 'attributes/cluster-name': 404 },
  ],
  ['gke', 'GKE Metadata Server', { region: 404, zone: 200, 'machine-type': 404, 'attributes/cluster-name': 200 }],
] as const)('the server of %s has its own keys, and no other’s', async (platform, server, keys) => {
  google.world.setMetadata({ platform });
  try {
    for (const [key, status] of Object.entries(keys)) {
      const response = await fetch(at(`instance/${key}`), FLAVOR);
      expect([key, response.status, response.headers.get('server')]).toEqual([key, status, server]);
      expect(response.headers.get('metadata-flavor')).toBe('Google');
    }
    const listed = await (await fetch(at('instance/'), FLAVOR)).text();
    expect(listed.includes('region\n')).toBe(platform === 'cloud-run');
  } finally {
    google.world.setMetadata({ platform: 'cloud-run' });
  }
});

test('an ID token carries the email only in its full format', async () => {
  const identity = async (query: string) =>
    decodeJwt(String((await ask(at(`instance/service-accounts/default/identity?${query}`), FLAVOR)).body.text));
  expect(await identity('audience=aud')).toMatchObject({ aud: 'aud', iss: 'https://accounts.google.com' });
  expect((await identity('audience=aud')).email).toBeUndefined();
  expect((await identity('audience=aud&format=full')).email).toBe(google.world.emails.runtime);
  expect((await ask(at('instance/service-accounts/default/identity'), FLAVOR)).body.text).toBe(
    'non-empty audience parameter required\n',
  );
});

test.each([
  ['without the header', 'project/project-id', {}, 403],
  [
    'through a proxy',
    'project/project-id',
    { headers: { 'metadata-flavor': 'Google', 'x-forwarded-for': '10.0.0.1' } },
    403,
  ],
  ['another account', 'instance/service-accounts/courier@local-project.iam.gserviceaccount.com/token', FLAVOR, 404],
  ['what is not there', 'instance/attributes/none', FLAVOR, 404],
  ['a POST', 'project/project-id', { ...FLAVOR, method: 'POST' }, 405],
  [
    'the account by its email',
    'instance/service-accounts/runtime@local-project.iam.gserviceaccount.com/email',
    FLAVOR,
    200,
  ],
  ['its scopes', 'instance/service-accounts/default/scopes', FLAVOR, 200],
  ['everything of it', 'instance/service-accounts/default/?recursive=true', FLAVOR, 200],
] as [string, string, RequestInit, number][])('%s: %s', async (_, path, init, status) => {
  const answer = await ask(at(path), init);
  expect(answer.status).toBe(status);
  expect(answer.headers.get('metadata-flavor')).toBe('Google');
});
