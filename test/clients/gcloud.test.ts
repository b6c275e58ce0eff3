import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { startJudgedGoogle } from '../support/drive/judged-google.ts';
import { findGcloud } from '../support/processes/programs.ts';

jest.setTimeout(60_000);
const execute = promisify(execFile);
const PROGRAM = 'gcloud';
const hasGcloud = findGcloud() !== undefined;
if (!hasGcloud) console.warn('SKIPPED: no gcloud here, so it does not judge the local Google.');

(hasGcloud ? describe : describe.skip)('gcloud', () => {
  let google: Awaited<ReturnType<typeof startJudgedGoogle>>;
  const gcloud = async (...args: string[]): Promise<string> => {
    const { PATH = '', HOME = '' } = process.env;
    const env = {
      PATH,
      HOME,
      CLOUDSDK_CONFIG: join(google.dataDir, 'gcloud'),
      CLOUDSDK_CORE_PROJECT: 'local-project',
      CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
      CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
      CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: 'true',
      CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER: `${google.origin}/secretmanager.googleapis.com/`,
      CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS: `${google.origin}/iamcredentials.googleapis.com/`,
    };
    return (await execute(PROGRAM, args, { env })).stdout.trim();
  };

  beforeAll(async () => {
    google = await startJudgedGoogle();
    const { courier, driveWriter } = google.world.emails;
    google.world.secrets.allow('drive-key', courier);
    google.world.grant(driveWriter, `serviceAccount:${courier}`);
    await gcloud('auth', 'activate-service-account', '--key-file', google.world.keyFiles.courier ?? '');
  }, 60_000);
  // A disabled version.
  afterAll(() =>
    google.judge([
      '400 GET secretmanager.googleapis.com/v1/projects/local-project/secrets/drive-key/versions/1:access',
    ]),
  );

  test('prints access and identity tokens of a key', async () => {
    const token = await gcloud('auth', 'print-access-token');
    expect(google.world.tokens.holderOf(token, [])).toMatchObject({ email: google.world.emails.courier });
    const identity = decodeJwt(await gcloud('auth', 'print-identity-token', '--audiences=https://courier.example'));
    expect(identity).toMatchObject({ aud: 'https://courier.example', email: google.world.emails.courier });
  });

  test('reads a secret, and gets the reason when access is denied', async () => {
    const text = await gcloud('secrets', 'versions', 'access', 'latest', '--secret=drive-key');
    expect(JSON.parse(text)).toMatchObject({ client_email: google.world.emails.courier });
    google.world.secrets.setState('drive-key', 1, 'DISABLED');
    const refused = gcloud('secrets', 'versions', 'access', '1', '--secret=drive-key');
    await expect(refused).rejects.toThrow('is in DISABLED state');
    google.world.secrets.setState('drive-key', 1, 'ENABLED');
    await expect(gcloud('secrets', 'versions', 'list', 'drive-key')).rejects.toThrow(
      "Permission 'secretmanager.versions.list' denied for resource 'projects/local-project/secrets/drive-key' (or it may not exist)",
    );
  });

  test('impersonates a service account', async () => {
    const as = `--impersonate-service-account=${google.world.emails.driveWriter}`;
    const token = await gcloud('auth', 'print-access-token', as);
    expect(google.world.tokens.holderOf(token, [])).toMatchObject({ email: google.world.emails.driveWriter });
    const identity = await gcloud('auth', 'print-identity-token', '--audiences=aud', '--include-email', as);
    expect(decodeJwt(identity)).toMatchObject({ aud: 'aud', email: google.world.emails.driveWriter });
  });
});
