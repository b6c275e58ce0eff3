import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { startInterceptingProxy } from '../../support/network/intercepting-proxy.ts';
import { startJudgedGoogle } from '../../support/drive/judged-google.ts';
import { findPythonAuths, type Program } from '../../support/processes/programs.ts';

jest.setTimeout(60_000);
const execute = promisify(execFile);

const pythons = findPythonAuths();
if (pythons.length === 0)
  console.warn('SKIPPED: no python3 with google-auth and requests here, so Python does not judge the local Google.');

const cases = pythons.map((python): [string, Program] => [python.version, python]);

(cases.length === 0 ? describe.skip : describe).each(
  cases.length === 0 ? [['', { command: 'python3', env: {}, version: '' }] satisfies [string, Program]] : cases,
)('Python’s google-auth %s', (_, python) => {
  /** Debian's version is from 2018: tests of newer features are skipped with a notice. */
  const testIf = (name: string): typeof test => {
    const found = spawnSync(python.command, ['-c', `from ${name.replace(/\.(\w+)$/, ' import $1')}`], {
      env: { ...process.env, ...python.env },
    });
    if (found.status === 0) return test;
    console.warn(`SKIPPED: google-auth ${python.version} has no ${name}.`);
    return test.skip as typeof test;
  };

  let google: Awaited<ReturnType<typeof startJudgedGoogle>>;
  beforeAll(async () => {
    google = await startJudgedGoogle();
  });
  // The deleted key.
  afterAll(() => google.judge(['400 POST oauth2.googleapis.com/token']));

  const run = async (script: string, args: string[], env: Record<string, string> = {}): Promise<string> => {
    const { PATH = '' } = process.env;
    const { stdout } = await execute(python.command, ['-c', script, ...args], {
      env: { PATH, NO_GCE_CHECK: 'true', ...python.env, ...env },
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

  test('a service account’s key file, with its own token_uri', async () => {
    const token = await run(REFRESH, [file('courier'), DRIVE]);
    expect(holderOf(token)).toMatchObject({ email: google.world.emails.courier, scopes: [DRIVE] });
  });

  test('a user’s refresh token (no Python version reads its file’s token_uri)', async () => {
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
      // Not google.auth's own loader, which first asks the resource manager for the project's name.
      const script = `
import sys, google.auth.transport.requests
from google.auth import ${module}
credentials = ${module}.Credentials.from_file(sys.argv[1]).with_scopes([sys.argv[2]])
credentials.refresh(google.auth.transport.requests.Request())
print(credentials.token)`;
      const token = await run(script, [file(name), DRIVE], AWS_ENVIRONMENT);
      expect(holderOf(token)).toMatchObject({ email: google.world.emails.driveWriter });
    });

  testIf('google.auth.impersonated_credentials')('impersonation: access and ID tokens of another account', async () => {
    const { courier, driveWriter } = google.world.emails;
    google.world.grant(driveWriter, `serviceAccount:${courier}`);
    const script = `
import sys, google.auth.transport.requests
from google.auth import impersonated_credentials
from google.oauth2 import service_account
source = service_account.Credentials.from_service_account_file(sys.argv[1], scopes=['https://www.googleapis.com/auth/cloud-platform'])
credentials = impersonated_credentials.Credentials(source, sys.argv[2], [sys.argv[3]], lifetime=600)
request = google.auth.transport.requests.Request()
credentials.refresh(request)
identity = impersonated_credentials.IDTokenCredentials(credentials, target_audience='aud', include_email=True)
identity.refresh(request)
print(credentials.token, identity.token)`;
    const proxy = await startInterceptingProxy(google.origin);
    const behind = { HTTPS_PROXY: proxy.url, REQUESTS_CA_BUNDLE: proxy.authority };
    const out = await run(script, [file('courier'), driveWriter, DRIVE], behind).finally(proxy.close);
    const [token = '', identity = ''] = out.split(' ');
    expect(holderOf(token)).toMatchObject({ email: driveWriter, scopes: [DRIVE] });
    expect(decodeJwt(identity)).toMatchObject({ aud: 'aud', email: driveWriter });
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
    // The variable that the older versions read.
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

  test('a deleted key: Python gets Google’s error message', async () => {
    const email = 'short-lived@local-project.iam.gserviceaccount.com';
    google.world.addServiceAccount(email);
    await google.world.addKey(email);
    google.world.writeKeyFiles(google.origin);
    google.world.deleteKey(email);
    await expect(run(REFRESH, [file('short-lived'), DRIVE])).rejects.toThrow('invalid_grant: Invalid JWT Signature.');
  });
});
