import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { apiOf, DRIVE_SCOPE, type DriveApi, reasonOf } from './drive-api.ts';

const clock = { ms: Date.parse('2026-11-24T12:00:00Z') };
let google: LocalGoogle;
let alice: DriveApi;
const ABOUT = { query: { fields: 'user' } };

beforeAll(async () => {
  google = await startLocalGoogle({ now: () => clock.ms });
});
beforeEach(() => {
  alice = apiOf(google, google.world.emails.alice);
});
afterAll(() => google.close());

describe('who may call', () => {
  test('rejects calls without a token or with an invalid one', async () => {
    const without = await fetch(`${google.origin}/www.googleapis.com/drive/v3/about?fields=user`);
    expect([without.status, ((await without.json()) as { error: { errors: object[] } }).error.errors[0]]).toEqual([
      401,
      expect.objectContaining({ reason: 'required', message: 'Login Required.' }),
    ]);
    expect(without.headers.get('www-authenticate')).toContain('Bearer');
    const odd = await alice('GET', '/about', { ...ABOUT, headers: { authorization: 'Bearer ya29.none' } });
    expect(reasonOf(odd)).toBe('401 authError');
    clock.ms += 3_601_000;
    expect(reasonOf(await alice('GET', '/about', ABOUT))).toBe('401 authError');
  });

  test.each([
    ['drive.readonly', 'GET', '/files/root', '200 '],
    ['drive.readonly', 'POST', '/files', '403 insufficientPermissions'],
    ['drive.metadata.readonly', 'GET', '/files/root', '200 '],
    ['drive.metadata', 'POST', '/files', '403 insufficientPermissions'],
    ['cloud-platform', 'GET', '/files/root', '403 insufficientPermissions'],
  ])('the scope %s: %s %s', async (scope, method, path, reason) => {
    const api = apiOf(google, google.world.emails.alice, [`https://www.googleapis.com/auth/${scope}`]);
    expect(reasonOf(await api(method, path, method === 'POST' ? { body: {} } : {}))).toBe(reason);
  });

  test('a metadata scope allows no downloads', async () => {
    const id = google.drive.putFile({ name: 'x', bytes: 'x', owner: 'alice@example.com' });
    const api = apiOf(google, google.world.emails.alice, [`${DRIVE_SCOPE}.metadata.readonly`]);
    expect((await api('GET', `/files/${id}`)).status).toBe(200);
    expect(reasonOf(await api('GET', `/files/${id}`, { query: { alt: 'media' } }))).toBe('403 insufficientPermissions');
  });

  test('drive.file gives access to what this person created with this app, and to nothing else', async () => {
    const api = apiOf(google, google.world.emails.alice, [`${DRIVE_SCOPE}.file`]);
    const own = await api.make({ name: 'own' });
    const other = google.drive.putFile({ name: 'other', bytes: '', owner: 'alice@example.com' });
    expect((await api('GET', `/files/${own}`)).status).toBe(200);
    expect(reasonOf(await api('GET', `/files/${other}`))).toBe('404 notFound');
    const { body } = await api('GET', '/files', { query: { fields: 'files/id' } });
    expect(body.files).toEqual([{ id: own }]);
    google.drive.share(own, { email: 'bob@example.com', role: 'writer' });
    const bobs = apiOf(google, google.world.emails.bob, [`${DRIVE_SCOPE}.file`]);
    expect(reasonOf(await bobs('GET', `/files/${own}`))).toBe('404 notFound');
  });

  test('a project that has not enabled the API', async () => {
    google.world.disableApi('drive.googleapis.com');
    const refused = await alice('GET', '/about', ABOUT);
    google.world.enableApi('drive.googleapis.com');
    expect(reasonOf(refused)).toBe('403 accessNotConfigured');
    expect(refused.body.error).toMatchObject({
      status: 'PERMISSION_DENIED',
      details: [{ reason: 'SERVICE_DISABLED' }],
    });
  });
});

describe('the parameters of a call', () => {
  test.each([
    ['a parameter that is none', { colour: 'red' }, '400 badRequest'],
    ['a boolean that is none', { supportsAllDrives: 'yes' }, '400 invalidParameter'],
    ['a number that is none', { pageSize: 'many' }, '400 invalidParameter'],
    ['a value outside the list', { corpus: 'all' }, '400 invalidParameter'],
    ['a field that is none', { fields: 'files/colour' }, '400 invalidParameter'],
    ['a field that is not closed', { fields: 'files(id' }, '400 invalidParameter'],
    ['protocol buffers', { alt: 'proto' }, '501 notImplemented'],
  ])('%s', async (_, query, reason) => {
    expect(reasonOf(await alice('GET', '/files', { query }))).toBe(reason);
  });

  test('a repeated parameter', async () => {
    const url = `${google.origin}/www.googleapis.com/drive/v3/files?pageSize=1&pageSize=2`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${alice.token}` } });
    expect(response.status).toBe(400);
  });

  test.each([
    ['user', ['user']],
    ['*', ['kind', 'user', 'storageQuota', 'importFormats', 'maxUploadSize']],
    ['storageQuota(limit,usage),maxImportSizes', ['storageQuota', 'maxImportSizes']],
  ])('about.get with fields=%s', async (fields, members) => {
    const { body } = await alice('GET', '/about', { query: { fields } });
    expect(Object.keys(body)).toEqual(expect.arrayContaining(members));
    if (fields !== '*') expect(Object.keys(body)).toHaveLength(members.length);
  });

  test.each([{}, { fields: '' }])('about.get needs fields', async (query) => {
    expect(reasonOf(await alice('GET', '/about', { query }))).toBe('400 required');
  });

  test('an empty selection selects nothing', async () => {
    const { status, body } = await alice('GET', '/files', { query: { fields: '' } });
    expect([status, body]).toEqual([200, {}]);
  });

  test.each([
    ['GET', '/changes', '501 notImplemented'],
    ['GET', '/changes/startPageToken', '501 notImplemented'],
    ['GET', '/files/x/comments', '501 notImplemented'],
    ['GET', '/teamdrives', '501 notImplemented'],
  ])('%s %s is Drive’s and not here', async (method, path, reason) => {
    expect(reasonOf(await alice(method, path))).toBe(reason);
  });

  test.each([
    ['GET', '/nothing'],
    ['GET', '/files/x/y/z'],
    ['PUT', '/files/x'],
    ['POST', '/about'],
    ['DELETE', '/files'],
  ])('%s %s is nobody’s', async (method, path) => {
    expect((await alice(method, path)).status).toBe(404);
  });

  test('batches are not implemented', async () => {
    const response = await fetch(`${google.origin}/www.googleapis.com/batch/drive/v3`, { method: 'POST', body: 'x' });
    expect(response.status).toBe(501);
  });

  test('a query that is too long for a URL can be sent by POST', async () => {
    const q = Array.from({ length: 200 }, (_, index) => `name = 'none ${index}'`).join(' or ');
    const url = `${google.origin}/www.googleapis.com/drive/v3/files`;
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${alice.token}`,
        'x-http-method-override': 'GET',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ q, fields: 'files/id' }).toString(),
    });
    expect([response.status, await response.json()]).toEqual([200, { files: [] }]);
  });
});

describe('quota units', () => {
  const minute = (): void => {
    clock.ms += 60_000;
    alice = apiOf(google, google.world.emails.alice);
  };

  test.each([
    ['GET', '/files/root', {}, 5],
    ['GET', '/files', {}, 100],
    ['POST', '/files', { body: {} }, 50],
    ['GET', '/files/generateIds', {}, 5],
  ])('%s %s costs', async (method, path, ask, units) => {
    const before = google.drive.state.quota.units('alice@example.com');
    expect((await alice(method, path, ask)).status).toBe(200);
    expect(google.drive.state.quota.units('alice@example.com') - before).toBe(units);
  });

  test('a user’s limit answers 403, a project’s 429, and a minute later calls succeed', async () => {
    minute();
    google.drive.setLimits({ unitsPerMinutePerUser: 12 });
    const answers = [];
    for (let call = 0; call < 3; call++) answers.push(reasonOf(await alice('GET', '/files/root')));
    expect(answers).toEqual(['200 ', '200 ', '403 userRateLimitExceeded']);
    minute();
    google.drive.setLimits({ unitsPerMinutePerUser: 1000, unitsPerMinutePerProject: 7 });
    expect((await alice('GET', '/files/root')).status).toBe(200);
    expect(reasonOf(await alice('GET', '/files/root'))).toBe('429 rateLimitExceeded');
    minute();
    expect((await alice('GET', '/files/root')).status).toBe(200);
    google.drive.setLimits({ unitsPerMinutePerUser: 325_000, unitsPerMinutePerProject: 1_000_000 });
  });

  test('a person’s storage is full at its limit', async () => {
    minute();
    google.drive.setStorageLimit('alice@example.com', 3);
    const { body } = await alice('GET', '/about', { query: { fields: 'storageQuota/limit' } });
    expect(body).toEqual({ storageQuota: { limit: '3' } });
    const id = google.drive.putFile({ name: 'x', bytes: '12345', owner: 'alice@example.com' });
    expect(reasonOf(await alice('POST', `/files/${id}/copy`, { body: {} }))).toBe('403 storageQuotaExceeded');
    google.drive.setStorageLimit('alice@example.com', undefined);
    expect((await alice('POST', `/files/${id}/copy`, { body: {} })).status).toBe(200);
  });
});
