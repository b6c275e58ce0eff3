import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { runCourier } from '../../support/client/client-process.ts';

const AUDIENCE = 'https://courier.example';

let google: LocalGoogle;
let closedPort = 0;
beforeAll(async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  closedPort = (server.address() as AddressInfo).port;
  server.close();
  google = await startLocalGoogle();
});
afterAll(() => google.close());

const file = (name: string): string => google.world.keyFiles[name] ?? '';
const origin = () => ({ COURIER_GOOGLE_ORIGIN: google.origin });

const { AWS_REGION } = AWS_ENVIRONMENT;

describe('an identity that cannot work fails with the cause and a remedy', () => {
  const damaged = (name: string, change: Record<string, unknown>): string => {
    const path = join(google.dataDir, `damaged-${name}.json`);
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(file(name), 'utf8')), ...change }));
    return path;
  };
  const text = (name: string, content: string): string => {
    const path = join(google.dataDir, name);
    writeFileSync(path, content);
    return path;
  };

  test.each([
    ['no identity at all', () => ({}), 'identity-not-found', '--key-file'],
    [
      'a file that is not there',
      () => ({ GOOGLE_APPLICATION_CREDENTIALS: '/nonexistent/key.json' }),
      'identity-unusable',
      'No such file or directory',
    ],
    [
      'a file that is not JSON',
      () => ({ GOOGLE_APPLICATION_CREDENTIALS: text('x.json', '{"private_key": "-----BEGIN SECRETX') }),
      'identity-unusable',
      'is not JSON',
    ],
    [
      'JSON of another kind',
      () => ({ GOOGLE_APPLICATION_CREDENTIALS: text('y.json', '{"a": 1}') }),
      'identity-unusable',
      'no "type"',
    ],
    [
      'a PEM that is not one',
      () => ({ GOOGLE_APPLICATION_CREDENTIALS: damaged('exporter', { private_key: 'SECRETX' }) }),
      'identity-unusable',
      'not a PEM key',
    ],
    [
      'a key without an account',
      () => ({ GOOGLE_APPLICATION_CREDENTIALS: damaged('exporter', { client_email: undefined }) }),
      'identity-unusable',
      'client_email',
    ],
    [
      'a key of another account',
      () => ({ GOOGLE_APPLICATION_CREDENTIALS: damaged('exporter', { client_email: google.world.emails.stranger }) }),
      'identity-refused',
      'Invalid JWT Signature',
    ],
    [
      'a person alone',
      () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('authorized-user-alice') }),
      'identity-cannot-mint',
      '--impersonate',
    ],
    [
      'a federated identity alone',
      () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('external-account-oidc-direct') }),
      'identity-cannot-mint',
      'names no service account',
    ],
    [
      'a wrong AWS secret',
      () => ({
        GOOGLE_APPLICATION_CREDENTIALS: file('external-account-aws'),
        ...AWS_ENVIRONMENT,
        AWS_SECRET_ACCESS_KEY: 'SECRETX',
      }),
      'identity-refused',
      'aws sts get-caller-identity',
    ],
    [
      'an unknown provider',
      () => ({
        GOOGLE_APPLICATION_CREDENTIALS: damaged('external-account-aws', {
          audience: '//iam.googleapis.com/projects/1/x',
        }),
        ...AWS_ENVIRONMENT,
      }),
      'identity-refused',
      'workload identity provider',
    ],
    [
      'ECS without a region',
      () => ({
        GOOGLE_APPLICATION_CREDENTIALS: file('external-account-aws'),
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${google.origin}/_aws/container-credentials`,
      }),
      'identity-unusable',
      'AWS_REGION',
    ],
    [
      'ECS whose credentials do not come',
      () => ({
        GOOGLE_APPLICATION_CREDENTIALS: file('external-account-aws'),
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${google.origin}/_aws/nothing`,
        AWS_REGION,
      }),
      'identity-unusable',
      'aws sts get-caller-identity',
    ],
    [
      'a Google that is away',
      () => ({
        GOOGLE_APPLICATION_CREDENTIALS: file('exporter'),
        COURIER_GOOGLE_ORIGIN: `http://127.0.0.1:${closedPort}`,
      }),
      'google-unreachable',
      'try again',
    ],
    [
      'a Google that is not on this machine',
      () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('exporter'), COURIER_GOOGLE_ORIGIN: 'https://elsewhere.example' }),
      'usage',
      'COURIER_GOOGLE_ORIGIN',
    ],
  ] as [string, () => Record<string, string>, string, string][])('%s', async (_, env, code, words) => {
    const args = ['token', '--audience', AUDIENCE];
    const plain = await runCourier(args, { env: { PATH: '/nonexistent', ...origin(), ...env() } });
    const expectedExit = { usage: 64, 'google-unreachable': 75 }[code] ?? 1;
    expect(plain).toMatchObject({ code: expectedExit, stdout: '' });
    expect(plain.stderr).toContain(`courier: ${code}: `);
    expect(plain.stderr).toContain(words);
    expect(plain.stderr).not.toMatch(/SECRETX|BEGIN|eyJ|at .*\.ts/);
  });

  test('impersonation fails until the role is granted', async () => {
    const { exporter, stranger } = google.world.emails;
    const env = { ...origin(), GOOGLE_APPLICATION_CREDENTIALS: file('exporter') };
    const args = ['token', '--json', '--audience', AUDIENCE, '--impersonate', stranger];
    const refused = await runCourier(args, { env });
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      error: {
        code: 'identity-refused',
        remedy: expect.stringContaining('roles/iam.serviceAccountOpenIdTokenCreator'),
      },
    });
    google.world.grant(stranger, `serviceAccount:${exporter}`);
    expect(await runCourier(args, { env })).toMatchObject({ code: 0 });
  });
});
