import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { runCourier } from '../../support/client-process.ts';

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

interface Case {
  way: string;
  env: () => Record<string, string>;
  args?: () => string[];
  kind: string;
  account: () => string;
}

const { AWS_REGION } = AWS_ENVIRONMENT;
const cases: Case[] = [
  {
    way: 'a service account’s key file by its flag',
    env: () => ({}),
    args: () => ['--key-file', file('exporter')],
    kind: 'service-account-key',
    account: () => google.world.emails.exporter,
  },
  {
    way: 'a key file by GOOGLE_APPLICATION_CREDENTIALS',
    env: () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('exporter') }),
    kind: 'service-account-key',
    account: () => google.world.emails.exporter,
  },
  {
    way: 'the metadata server',
    env: () => ({ GCE_METADATA_HOST: google.metadataHost, NO_GCE_CHECK: 'false' }),
    kind: 'metadata-server',
    account: () => google.world.emails.runtime,
  },
  {
    way: 'impersonation by way of the metadata server',
    env: () => ({ GCE_METADATA_HOST: google.metadataHost, NO_GCE_CHECK: 'false' }),
    args: () => ['--impersonate', google.world.emails.driveWriter],
    kind: 'impersonated',
    account: () => google.world.emails.driveWriter,
  },
  {
    way: 'an impersonated_service_account file over a person’s credentials',
    env: () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('impersonated-service-account') }),
    kind: 'impersonated',
    account: () => google.world.emails.driveWriter,
  },
  {
    way: 'a person’s credentials, impersonating',
    env: () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('authorized-user-ops') }),
    args: () => ['--impersonate', google.world.emails.driveWriter],
    kind: 'impersonated',
    account: () => google.world.emails.driveWriter,
  },
  {
    way: 'AWS Lambda, by its environment',
    env: () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('external-account-aws'), ...AWS_ENVIRONMENT }),
    kind: 'external-account',
    account: () => google.world.emails.driveWriter,
  },
  {
    way: 'AWS EC2, by IMDSv2',
    env: () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('external-account-ec2') }),
    kind: 'external-account',
    account: () => google.world.emails.driveWriter,
  },
  {
    way: 'AWS ECS and EKS, by the SDK’s provider chain',
    env: () => ({
      GOOGLE_APPLICATION_CREDENTIALS: file('external-account-aws'),
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${google.origin}/_aws/container-credentials`,
      AWS_REGION,
    }),
    kind: 'external-account',
    account: () => google.world.emails.driveWriter,
  },
  {
    way: 'AWS without an impersonation URL in the file, and an account named',
    env: () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('external-account-aws-direct'), ...AWS_ENVIRONMENT }),
    args: () => ['--impersonate', google.world.emails.exporter],
    kind: 'impersonated',
    account: () => google.world.emails.exporter,
  },
  {
    way: 'an OIDC token in a file (GitHub Actions, Azure)',
    env: () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('external-account-oidc') }),
    kind: 'external-account',
    account: () => google.world.emails.driveWriter,
  },
];

describe('an identity is found and gets an ID token that contains the email', () => {
  test.each(cases)('$way', async ({ env, args = () => [], kind, account }) => {
    const variables = { ...origin(), ...env() };
    const token = await runCourier(['token', '--audience', AUDIENCE, ...args()], { env: variables });
    expect(token).toMatchObject({ code: 0, stderr: '' });
    expect(decodeJwt(token.stdout)).toMatchObject({ aud: AUDIENCE, email: account(), email_verified: true });

    const who = await runCourier(['whoami', '--json', '--audience', AUDIENCE, ...args()], { env: variables });
    expect(JSON.parse(who.stdout)).toMatchObject({ kind, claims: { email: account(), aud: AUDIENCE } });
    expect(who.stdout).not.toContain(token.stdout.split('.')[0]);
  });

  test('courier token --access prints an access token with the requested scopes', async () => {
    const scopes = ['https://www.googleapis.com/auth/drive', 'https://www.googleapis.com/auth/cloud-platform'];
    for (const name of ['exporter', 'external-account-oidc', 'impersonated-service-account']) {
      const env = { ...origin(), GOOGLE_APPLICATION_CREDENTIALS: file(name) };
      const { stdout } = await runCourier(['token', '--access', '--scopes', ...scopes], { env });
      expect(google.world.tokens.holderOf(stdout.trim(), [])).toMatchObject({ scopes });
    }
  });

  test('whoami shows a person the kind of credentials and when the token expires', async () => {
    const { stdout } = await runCourier(['whoami', '--url', AUDIENCE], {
      env: { ...origin(), GOOGLE_APPLICATION_CREDENTIALS: file('exporter') },
    });
    expect(stdout).toContain(`found by: GOOGLE_APPLICATION_CREDENTIALS (${file('exporter')})`);
    expect(stdout).toMatch(/^exp: +20\d\d-\d\d-\d\dT/m);
    expect(stdout).not.toContain('eyJ');
  });

  test('whoami prints what a machine reports about itself', async () => {
    // https://cloud.google.com/compute/docs/instances/verifying-instance-identity#payload
    const claims = { aud: AUDIENCE, exp: 1_800_000_000, google: { compute_engine: { zone: 'europe-west1-b' } } };
    const token = `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
    const server = createHttpServer((_, response) => {
      response.writeHead(200, { 'metadata-flavor': 'Google' }).end(token);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const env = { GCE_METADATA_HOST: `127.0.0.1:${port}`, NO_GCE_CHECK: 'false' };
      const { stdout } = await runCourier(['whoami', '--url', AUDIENCE], { env });
      expect(stdout).toContain('{"compute_engine":{"zone":"europe-west1-b"}}');
      expect(stdout).not.toContain(token);
    } finally {
      server.close();
    }
  });
});

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
