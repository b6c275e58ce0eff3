import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { runCourier } from '../../support/client/client-process.ts';

const AUDIENCE = 'https://courier.example';

let google: LocalGoogle;
beforeAll(async () => {
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
