import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';

const execute = promisify(execFile);

/** Python's google-auth: the machine's own, or the one that gcloud brings along. */
const GCLOUD_LIBRARIES = '/usr/lib/google-cloud-sdk/lib/third_party';
const candidates: [string, Record<string, string>][] = [
  ['python3', {}],
  ['/usr/bin/python3', {}],
  ...(existsSync(GCLOUD_LIBRARIES)
    ? ([['/usr/bin/python3', { PYTHONPATH: GCLOUD_LIBRARIES }]] satisfies [string, Record<string, string>][])
    : []),
];
const python = candidates.find(
  ([program, env]) =>
    spawnSync(program, ['-c', 'import google.auth, requests'], { env: { ...process.env, ...env } }).status === 0,
);
if (python === undefined)
  console.warn('SKIPPED: no python3 with google-auth and requests here, so Python does not judge the local Google.');

/** Debian's google-auth is from 2018: what it has not yet is skipped, and said. */
const testIf = (name: string): typeof test => {
  const [program, env] = python ?? ['python3', {}];
  const found = spawnSync(program, ['-c', `from ${name.replace(/\.(\w+)$/, ' import $1')}`], {
    env: { ...process.env, ...env },
  });
  if (found.status === 0) return test;
  console.warn(`SKIPPED: this google-auth has no ${name}.`);
  return test.skip as typeof test;
};

(python === undefined ? describe.skip : describe)('Python’s google-auth', () => {
  let google: LocalGoogle;
  beforeAll(async () => {
    google = await startLocalGoogle();
  });
  afterAll(() => google.close());

  const run = async (script: string, args: string[], env: Record<string, string> = {}): Promise<string> => {
    const [program, extra] = python ?? ['python3', {}];
    const { PATH = '' } = process.env;
    const { stdout } = await execute(program, ['-c', script, ...args], {
      env: { PATH, NO_GCE_CHECK: 'true', ...extra, ...env },
    });
    return stdout.trim();
  };
  const file = (name: string) => google.world.keyFiles[name] ?? '';
  const holderOf = (token: string) => google.world.tokens.holderOf(token, []);

  const REFRESH = `
import sys, google.auth.transport.requests
from google.oauth2 import service_account
credentials = service_account.Credentials.from_service_account_file(sys.argv[1], scopes=[sys.argv[2]])
credentials.refresh(google.auth.transport.requests.Request())
print(credentials.token)`;
  const DRIVE = 'https://www.googleapis.com/auth/drive';

  test('a service account’s key file, by its own token_uri', async () => {
    const token = await run(REFRESH, [file('courier'), DRIVE]);
    expect(holderOf(token)).toMatchObject({ email: google.world.emails.courier, scopes: [DRIVE] });
  });

  test('a person’s refresh token (its file’s token_uri is read by no Python)', async () => {
    const script = `
import json, sys, google.auth.transport.requests
from google.oauth2.credentials import Credentials
file = json.load(open(sys.argv[1]))
credentials = Credentials(None, **{name: file[name] for name in ('refresh_token', 'token_uri', 'client_id', 'client_secret')})
credentials.refresh(google.auth.transport.requests.Request())
print(credentials.token)`;
    expect(holderOf(await run(script, [file('authorized-user-alice')]))).toMatchObject({ email: 'alice@example.com' });
  });

  for (const [name, module] of [
    ['external-account-aws', 'aws'],
    ['external-account-oidc', 'identity_pool'],
  ] as const)
    testIf(`google.auth.${module}`)(name, async () => {
      // Not google.auth's own loader: it asks the resource manager for the project's name first.
      const script = `
import sys, google.auth.transport.requests
from google.auth import ${module}
credentials = ${module}.Credentials.from_file(sys.argv[1]).with_scopes([sys.argv[2]])
credentials.refresh(google.auth.transport.requests.Request())
print(credentials.token)`;
      const token = await run(script, [file(name), DRIVE], AWS_ENVIRONMENT);
      expect(holderOf(token)).toMatchObject({ email: google.world.emails.driveWriter });
    });

  test('IDTokenCredentials of a key file, with the email in the token', async () => {
    const script = `
import sys, google.auth.transport.requests
from google.oauth2 import service_account
credentials = service_account.IDTokenCredentials.from_service_account_file(sys.argv[1], target_audience='https://courier.example')
credentials.refresh(google.auth.transport.requests.Request())
print(credentials.token)`;
    const token = await run(script, [file('exporter')]);
    expect(decodeJwt(token)).toMatchObject({ aud: 'https://courier.example', email: google.world.emails.exporter });
  });

  test('an ID token verifies against the certificates', async () => {
    const script = `
import sys
import google.auth.transport.requests
from google.oauth2 import id_token
request = google.auth.transport.requests.Request()
print(id_token.verify_token(sys.argv[1], request, audience='aud', certs_url=sys.argv[2])['email'])`;
    const token = google.world.idToken({ email: 'bob@example.com', audience: 'aud' });
    expect(await run(script, [token, `${google.origin}/www.googleapis.com/oauth2/v1/certs`])).toBe('bob@example.com');
  });

  const onPlatform = (): Record<string, string> => ({
    GCE_METADATA_HOST: google.metadataHost,
    // What the older ones read.
    GCE_METADATA_ROOT: google.metadataHost,
    GCE_METADATA_IP: google.metadataHost,
    NO_GCE_CHECK: 'false',
    HOME: google.dataDir,
  });

  test('the metadata server: project and access token', async () => {
    const script = `
import google.auth, google.auth.transport.requests
credentials, project = google.auth.default()
credentials.refresh(google.auth.transport.requests.Request())
print(project, credentials.token)`;
    const [project, token = ''] = (await run(script, [], onPlatform())).split(' ');
    expect(project).toBe('local-project');
    expect(holderOf(token)).toMatchObject({ email: google.world.emails.runtime });
  });

  testIf('google.oauth2.id_token.fetch_id_token')('the metadata server: asked-for scopes, and identity', async () => {
    const script = `
import sys, google.auth, google.auth.transport.requests
from google.oauth2 import id_token
request = google.auth.transport.requests.Request()
credentials, project = google.auth.default(scopes=[sys.argv[1]])
credentials.refresh(request)
print(credentials.token, id_token.fetch_id_token(request, 'aud'))`;
    const [token = '', identity = ''] = (await run(script, [DRIVE], onPlatform())).split(' ');
    expect(holderOf(token)).toMatchObject({ email: google.world.emails.runtime, scopes: [DRIVE] });
    expect(decodeJwt(identity).aud).toBe('aud');
  });

  test('a deleted key: Google’s own words reach Python', async () => {
    const email = 'short-lived@local-project.iam.gserviceaccount.com';
    google.world.addServiceAccount(email);
    await google.world.addKey(email);
    google.world.writeKeyFiles(google.origin);
    google.world.deleteKey(email);
    await expect(run(REFRESH, [file('short-lived'), DRIVE])).rejects.toThrow('invalid_grant: Invalid JWT Signature.');
  });
});
