import { SecretManagerServiceClient } from '@google-cloud/secret-manager';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { JWT } from 'google-auth-library';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { CLOUD_PLATFORM } from '../../../local/google/world/names.ts';
import { ask, bearer, jsonBody, transporterOptions } from './redirect.ts';

let google: LocalGoogle;
let secrets: SecretManagerServiceClient;

const tokenOf = (email: string, scopes = [CLOUD_PLATFORM]) => google.world.accessToken(email, scopes);
const secretManager = (path: string) => `${google.origin}/secretmanager.googleapis.com/v1/${path}`;

beforeAll(async () => {
  google = await startLocalGoogle();
  const { courier } = google.world.emails;
  google.world.secrets.allow('drive-key', courier);
  const { client_email, private_key, private_key_id } = google.world.keyFile(courier);
  const authClient = new JWT({
    email: client_email,
    key: private_key,
    keyId: private_key_id,
    scopes: [CLOUD_PLATFORM],
    transporterOptions: transporterOptions(google.origin),
  });
  secrets = new SecretManagerServiceClient({ fallback: true, projectId: 'local-project', authClient });
});
afterAll(async () => {
  await secrets.close();
  await google.close();
});

describe('Secret Manager, as its own client finds it', () => {
  const name = 'projects/local-project/secrets/drive-key/versions/1';

  test('version 1 is the courier’s key, with its checksum and the project’s number', async () => {
    const [version] = await secrets.accessSecretVersion({ name });
    expect(version.name).toBe('projects/123456789012/secrets/drive-key/versions/1');
    const key = JSON.parse(Buffer.from(version.payload?.data as Uint8Array).toString()) as Record<string, string>;
    expect(key).toMatchObject({ type: 'service_account', client_email: google.world.emails.courier });
    expect(String(version.payload?.dataCrc32c)).toMatch(/^\d+$/);
  });

  test('latest is the newest version, and an alias is the version that it names', async () => {
    const number = google.world.secrets.addVersion('drive-key', Buffer.from('second'));
    google.world.secrets.setAlias('drive-key', 'stable', 1);
    const access = async (version: string) =>
      (await secrets.accessSecretVersion({ name: `projects/local-project/secrets/drive-key/versions/${version}` }))[0]
        .name;
    expect(await access('latest')).toMatch(new RegExp(`/versions/${number}$`));
    expect(await access('stable')).toMatch(/\/versions\/1$/);
  });

  test.each([
    [
      'DISABLED',
      9,
      /^9 FAILED_PRECONDITION|Secret Version \[projects\/123456789012\/secrets\/drive-key\/versions\/\d+\] is in DISABLED state\./,
    ],
    ['DESTROYED', 9, /is in DESTROYED state\./],
  ] as const)('a %s version is refused', async (state, code, message) => {
    const number = google.world.secrets.addVersion('drive-key', Buffer.from('gone'));
    google.world.secrets.setState('drive-key', number, state);
    const asked = secrets.accessSecretVersion({ name: `${google.world.secret}/versions/${number}` });
    await expect(asked).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('a missing version is NOT_FOUND; a missing secret is PERMISSION_DENIED', async () => {
    await expect(secrets.accessSecretVersion({ name: `${google.world.secret}/versions/99` })).rejects.toMatchObject({
      code: 5,
    });
    const other = 'projects/local-project/secrets/none/versions/1';
    await expect(secrets.accessSecretVersion({ name: other })).rejects.toMatchObject({
      code: 7,
      message: expect.stringContaining("Permission 'secretmanager.versions.access' denied for resource"),
    });
    const asOwner = await ask(secretManager(`${other}:access`), { headers: bearer(tokenOf(google.world.emails.ops)) });
    expect(asOwner).toMatchObject({ status: 404, body: { error: { status: 'NOT_FOUND' } } });
  });

  test('an account that may read every secret of the project gets 404 for one that does not exist', async () => {
    const member = `serviceAccount:${google.world.emails.stranger}`;
    google.world.grantOnProject(member, 'roles/secretmanager.secretAccessor');
    const headers = bearer(tokenOf(google.world.emails.stranger));
    expect(
      (await ask(secretManager('projects/local-project/secrets/none/versions/1:access'), { headers })).status,
    ).toBe(404);
    expect((await ask(secretManager(`${google.world.secret}/versions/1:access`), { headers })).status).toBe(200);
  });

  test('the bytes of a corrupted version do not match its checksum', async () => {
    const number = google.world.secrets.addVersion('drive-key', Buffer.from('whole'));
    google.world.secrets.corrupt('drive-key', number);
    const [version] = await secrets.accessSecretVersion({ name: `${google.world.secret}/versions/${number}` });
    expect(Buffer.from(version.payload?.data as Uint8Array).toString()).not.toBe('whole');
  });

  test('an owner creates a secret and adds versions up to 64 KiB', async () => {
    const headers = bearer(tokenOf(google.world.emails.ops));
    const project = 'projects/local-project';
    const created = await ask(
      secretManager(`${project}/secrets?secretId=fresh`),
      jsonBody({ replication: { automatic: {} } }, headers),
    );
    expect(created).toMatchObject({ status: 200, body: { name: 'projects/123456789012/secrets/fresh' } });
    const add = (bytes: number) =>
      ask(
        secretManager(`${project}/secrets/fresh:addVersion`),
        jsonBody({ payload: { data: Buffer.alloc(bytes).toString('base64') } }, headers),
      );
    expect((await add(65_536)).body).toMatchObject({
      name: 'projects/123456789012/secrets/fresh/versions/1',
      state: 'ENABLED',
    });
    expect(await add(65_537)).toMatchObject({ status: 400, body: { error: { status: 'INVALID_ARGUMENT' } } });
    const wrong = { payload: { data: 'AAAA', dataCrc32c: '1' } };
    expect((await ask(secretManager(`${project}/secrets/fresh:addVersion`), jsonBody(wrong, headers))).status).toBe(
      400,
    );
  });
});

describe('every Cloud API has the same authorization errors', () => {
  const access = (headers: Record<string, string>) =>
    ask(secretManager(`${google.world.secret}/versions/1:access`), { headers });

  test('no credential, a wrong one', async () => {
    expect(await access({})).toMatchObject({ status: 401, body: { error: { status: 'UNAUTHENTICATED' } } });
    expect((await access(bearer('ya29.c.nonsense'))).status).toBe(401);
  });

  test('a token without the scope', async () => {
    const answer = await access(
      bearer(tokenOf(google.world.emails.runtime, ['https://www.googleapis.com/auth/drive'])),
    );
    expect(answer).toMatchObject({
      status: 403,
      body: {
        error: {
          message: 'Request had insufficient authentication scopes.',
          details: [{ reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT', domain: 'googleapis.com' }],
        },
      },
    });
  });

  test('an API that is not enabled', async () => {
    google.world.disableApi('secretmanager.googleapis.com');
    const answer = await access(bearer(tokenOf(google.world.emails.runtime)));
    google.world.enableApi('secretmanager.googleapis.com');
    expect(answer.status).toBe(403);
    expect(JSON.stringify(answer.body)).toContain('SERVICE_DISABLED');
    expect((await access(bearer(tokenOf(google.world.emails.runtime)))).status).toBe(200);
  });

  test('an account that was denied', async () => {
    google.world.secrets.deny('drive-key', google.world.emails.runtime);
    expect((await access(bearer(tokenOf(google.world.emails.runtime)))).status).toBe(403);
    google.world.secrets.allow('drive-key', google.world.emails.runtime);
  });
});
