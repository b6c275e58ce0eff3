import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { runCourier } from '../../support/client/client-process.ts';
import { AUDIENCE, startCourierIn } from '../../support/courier/courier-in-world.ts';

/** Runs `courier whoami` and `courier send` against a real courier, from every environment that callers run in. */

const GCLOUD = 'gcloud';
const hasGcloud = spawnSync(GCLOUD, ['--version']).status === 0;
if (!hasGcloud) console.warn('SKIPPED: no gcloud here, so calls as its account are not tested.');

let google: LocalGoogle;
let courier: CourierProcess;
beforeAll(async () => {
  google = await startLocalGoogle();
  const { emails, secret } = google.world;
  courier = await startCourierIn(google, {
    config: {
      destinations: {
        reports: {
          folder: google.places.sharedDrive,
          credentials: 'main',
          callers: [emails.exporter, emails.driveWriter, emails.runtime],
        },
      },
      credentials: { main: { secret: `${secret}/versions/latest` } },
    },
  });
}, 60_000);
afterAll(async () => {
  await courier?.stop();
  await google?.close();
});

type Account = 'exporter' | 'driveWriter' | 'runtime';

interface Environment {
  name: string;
  env: () => Record<string, string>;
  args?: () => string[];
  kind: string;
  account: Account;
}

const file = (name: string): string => google.world.keyFiles[name] ?? '';
const onGce = () => ({ GCE_METADATA_HOST: google.metadataHost, NO_GCE_CHECK: 'false' });

const ENVIRONMENTS: readonly Environment[] = [
  {
    name: 'a machine with a key file',
    env: () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('exporter') }),
    kind: 'service-account-key',
    account: 'exporter',
  },
  { name: 'Compute Engine, Cloud Run, GKE', env: onGce, kind: 'metadata-server', account: 'runtime' },
  {
    name: 'Compute Engine, as another account',
    env: onGce,
    args: () => ['--impersonate', google.world.emails.driveWriter],
    kind: 'impersonated',
    account: 'driveWriter',
  },
  {
    name: 'AWS Lambda',
    env: () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('external-account-aws'), ...AWS_ENVIRONMENT }),
    kind: 'external-account',
    account: 'driveWriter',
  },
  {
    name: 'AWS EC2',
    env: () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('external-account-ec2') }),
    kind: 'external-account',
    account: 'driveWriter',
  },
  {
    name: 'AWS ECS and EKS',
    env: () => ({
      GOOGLE_APPLICATION_CREDENTIALS: file('external-account-aws'),
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${google.origin}/_aws/container-credentials`,
      AWS_REGION: AWS_ENVIRONMENT.AWS_REGION,
    }),
    kind: 'external-account',
    account: 'driveWriter',
  },
  {
    name: 'GitHub Actions, Azure: an OIDC token in a file',
    env: () => ({ GOOGLE_APPLICATION_CREDENTIALS: file('external-account-oidc') }),
    kind: 'external-account',
    account: 'driveWriter',
  },
];

const callFrom = async ({ env, args = () => [] }: Environment, command: readonly string[], input?: string) => {
  const result = await runCourier(['--json', '--url', courier.url, '--audience', AUDIENCE, ...args(), ...command], {
    env: { COURIER_GOOGLE_ORIGIN: google.origin, XDG_CACHE_HOME: google.dataDir, ...env() },
    ...(input === undefined ? {} : { input }),
  });
  return { code: result.code, answer: JSON.parse(result.stdout) as Record<string, unknown> };
};

const check = async (environment: Environment): Promise<void> => {
  const account = google.world.emails[environment.account];
  const who = await callFrom(environment, ['whoami']);
  expect(who).toMatchObject({ code: 0, answer: { kind: environment.kind, claims: { email: account, aud: AUDIENCE } } });
  const sent = await callFrom(environment, ['send', '-', '--name', 'x.txt', '--path', environment.kind], 'hello');
  expect(sent).toMatchObject({ code: 0, answer: { outcome: 'created', caller: account, size: 5 } });
};

describe('calls the courier', () => {
  test.each(ENVIRONMENTS)('from $name', check);

  (hasGcloud ? test : test.skip)(
    'from a laptop whose gcloud is signed in with a service account',
    async () => {
      const config = join(google.dataDir, 'gcloud');
      mkdirSync(config, { recursive: true });
      const { PATH = '' } = process.env;
      const env = {
        PATH,
        CLOUDSDK_CONFIG: config,
        CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
        CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
        CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: 'true',
      };
      const login = ['auth', 'activate-service-account', '--key-file', file('exporter')];
      await promisify(execFile)(GCLOUD, login, { env });
      await check({ name: 'gcloud', env: () => env, kind: 'gcloud', account: 'exporter' });
    },
    120_000,
  );
});
