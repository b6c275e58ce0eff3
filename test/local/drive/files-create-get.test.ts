import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LocalGoogle } from '../../../local/google/server.ts';
import { apiOf, type DriveApi, FOLDER, reasonOf, SHEET, startDriveApis } from './drive-api.ts';

let google: LocalGoogle;
let alice: DriveApi;
let bob: DriveApi;
let courier: DriveApi;
const all = { supportsAllDrives: true };

beforeAll(async () => {
  ({ google, alice, bob, courier } = await startDriveApis());
});
afterAll(() => google.close());

describe('files.create', () => {
  test('returns kind, id, name and mimeType without fields, and the selected fields with them', async () => {
    const { body } = await alice('POST', '/files', { body: { name: 'a' } });
    expect(Object.keys(body)).toEqual(['kind', 'id', 'name', 'mimeType']);
    const asked = await alice('POST', '/files', {
      query: { fields: 'name,owners(emailAddress)' },
      body: { name: 'b' },
    });
    expect(asked.body).toEqual({ name: 'b', owners: [{ emailAddress: google.world.emails.alice }] });
  });

  test('a file created from metadata only is empty and untitled, and its creator owns it in their My Drive', async () => {
    const id = await alice.make({});
    const { body } = await alice('GET', `/files/${id}`, { query: { fields: '*' } });
    const root = (await alice('GET', '/files/root', { query: { fields: 'id,name' } })).body;
    expect(root.name).toBe('My Drive');
    expect(body).toMatchObject({
      name: 'Untitled',
      mimeType: 'application/octet-stream',
      size: '0',
      md5Checksum: createHash('md5').digest('hex'),
      sha256Checksum: createHash('sha256').digest('hex'),
      parents: [root.id],
      ownedByMe: true,
      trashed: false,
      version: '1',
    });
  });

  test('what was wished for is kept', async () => {
    const requested = {
      name: 'Ünï 📊 "q" \\ \' / ..\n',
      mimeType: 'text/csv',
      description: 'd',
      starred: true,
      createdTime: '2020-01-02T03:04:05.678Z',
      modifiedTime: '2021-01-02T03:04:05.678+02:00',
      properties: { a: '1' },
      appProperties: { b: '2' },
      originalFilename: 'orig.tar.gz',
      copyRequiresWriterPermission: true,
    };
    const id = await alice.make(requested);
    const { body } = await alice('GET', `/files/${id}`, { query: { fields: '*' } });
    expect(body).toMatchObject({
      ...requested,
      modifiedTime: '2021-01-02T01:04:05.678Z',
      fileExtension: 'gz',
      fullFileExtension: 'tar.gz',
    });
  });

  test.each([
    ['an output-only member', { name: 'x', size: '5' }, '403 fieldNotWritable'],
    ['an unknown member', { name: 'x', colour: 'red' }, '400 badRequest'],
    ['a member of the wrong type', { name: 5 }, '400 invalid'],
    ['a time that is none', { name: 'x', createdTime: 'yesterday' }, '400 invalid'],
    ['a field that this Drive lacks', { name: 'x', contentRestrictions: [] }, '501 notImplemented'],
    ['a parent that does not exist', { parents: ['1nothing'] }, '404 notFound'],
    ['no JSON', '{"name":', '400 parseError'],
    ['JSON that is no object', '[1]', '400 parseError'],
    ['a property past 124 bytes', { appProperties: { k: 'ü'.repeat(62) } }, '400 invalid'],
    [
      'more than 30 properties',
      { appProperties: Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`k${i}`, 'v'])) },
      '403 propertyLimitExceeded',
    ],
    ['a shortcut to nothing', { mimeType: 'application/vnd.google-apps.shortcut' }, '400 required'],
  ])('%s is refused', async (_, body, reason) => {
    expect(reasonOf(await alice('POST', '/files', { body }))).toBe(reason);
  });

  test('properties of 124 bytes, and 30 of them, are accepted', async () => {
    await alice.make({ appProperties: { kk: 'ü'.repeat(61) } });
    await alice.make({ appProperties: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${i}`, 'v'])) });
  });

  test('exactly one parent', async () => {
    const [one, two] = [await alice.make({ mimeType: FOLDER }), await alice.make({ mimeType: FOLDER })];
    expect(reasonOf(await alice('POST', '/files', { body: { parents: [one, two] } }))).toBe('403 cannotAddParent');
  });

  test('a file cannot be a parent', async () => {
    const file = await alice.make({ name: 'file' });
    expect(reasonOf(await alice('POST', '/files', { body: { parents: [file] } }))).toBe('403 parentNotAFolder');
  });

  test('a folder is full at its limit, but My Drive itself is not', async () => {
    const folder = await alice.make({ mimeType: FOLDER });
    google.drive.setLimits({ childrenPerFolder: 2 });
    await alice.make({ parents: [folder] });
    await alice.make({ parents: [folder] });
    const refused = await alice('POST', '/files', { body: { parents: [folder] } });
    expect(reasonOf(refused)).toBe('403 numChildrenInNonRootLimitExceeded');
    await alice.make({ name: 'in root' });
    google.drive.setLimits({ childrenPerFolder: 500_000 });
  });

  test('a shared drive is full at its limit', async () => {
    const { ops } = google.world.emails;
    const drive = google.drive.createSharedDrive({ name: 'small', members: [{ email: ops, role: 'organizer' }] });
    google.drive.setLimits({ itemsPerSharedDrive: 1 });
    const api = apiOf(google, ops);
    await api.make({ parents: [drive] });
    const refused = await api('POST', '/files', { query: all, body: { parents: [drive] } });
    expect(reasonOf(refused)).toBe('403 teamDriveFileLimitExceeded');
    google.drive.setLimits({ itemsPerSharedDrive: 500_000 });
  });

  test('at most a hundred levels of folders', async () => {
    let parent = await alice.make({ mimeType: FOLDER });
    for (let level = 2; level < 100; level++) parent = google.drive.createFolder({ name: `${level}`, parent });
    parent = await alice.make({ mimeType: FOLDER, parents: [parent] });
    const refused = await alice('POST', '/files', { body: { parents: [parent], mimeType: FOLDER } });
    expect(reasonOf(refused)).toBe('403 myDriveHierarchyDepthLimitExceeded');
  });
});

describe('a service account has no storage quota', () => {
  const create = (body: Record<string, unknown>) => courier('POST', '/files', { query: all, body });

  test.each(['text/plain', SHEET])(
    'no %s in its My Drive, nor in a folder that is shared with it',
    async (mimeType) => {
      expect(reasonOf(await create({ mimeType }))).toBe('403 storageQuotaExceeded');
      const refused = await create({ mimeType, parents: [google.places.myDriveFolder] });
      expect(reasonOf(refused)).toBe('403 storageQuotaExceeded');
      expect(refused.body.error).toMatchObject({
        message: expect.stringContaining('Service Accounts do not have storage quota.'),
        errors: [{ domain: 'usageLimits' }],
      });
    },
  );

  test('it may create folders, and files in a shared drive', async () => {
    expect((await create({ mimeType: FOLDER, parents: [google.places.myDriveFolder] })).status).toBe(200);
    expect((await create({ mimeType: 'text/plain', parents: [google.places.sharedDrive] })).status).toBe(200);
  });

  test('it may change a file of another owner, whose quota counts', async () => {
    const id = google.drive.putFile({ name: 'hers', bytes: 'x', parent: google.places.myDriveFolder });
    expect((await courier('PATCH', `/files/${id}`, { body: { name: 'changed' } })).status).toBe(200);
  });
});

describe('files.get', () => {
  test('what is not shared does not exist', async () => {
    const id = await alice.make({ name: 'mine' });
    for (const path of [`/files/${id}`, '/files/1nothing']) {
      const missing = await bob('GET', path);
      expect(missing.status).toBe(404);
      expect(missing.body.error.errors[0]).toEqual({
        domain: 'global',
        reason: 'notFound',
        message: `File not found: ${path.slice(7)}.`,
        location: 'fileId',
        locationType: 'parameter',
      });
    }
  });

  test('files of a shared drive can be downloaded without supportsAllDrives', async () => {
    const id = google.drive.putFile({ name: 'x', bytes: 'hello', parent: google.places.sharedDrive });
    expect(await courier('GET', `/files/${id}`, { query: { alt: 'media' } })).toMatchObject({
      status: 200,
      body: 'hello',
    });
    const unshared = google.drive.putFile({ name: 'x', bytes: 'hello', parent: google.places.unsharedFolder });
    expect(reasonOf(await courier('GET', `/files/${unshared}`, { query: { alt: 'media' } }))).toBe('404 notFound');
  });

  test('an item of a shared drive is not found without supportsAllDrives or its older name', async () => {
    const id = await courier.make({ parents: [google.places.sharedDrive] });
    expect(reasonOf(await courier('GET', `/files/${id}`))).toBe('404 notFound');
    expect((await courier('GET', `/files/${id}`, { query: all })).status).toBe(200);
    expect((await courier('GET', `/files/${id}`, { query: { supportsTeamDrives: true } })).status).toBe(200);
    expect(reasonOf(await courier('PATCH', `/files/${id}`, { body: {} }))).toBe('404 notFound');
    expect(reasonOf(await courier('DELETE', `/files/${id}`))).toBe('404 notFound');
    expect(reasonOf(await courier('POST', '/files', { body: { parents: [google.places.sharedDrive] } }))).toBe(
      '404 notFound',
    );
  });

  test.each([
    ['owner', 'alice', { canEdit: true, canTrash: true, canDelete: true, canShare: true, canAddChildren: true }],
    ['writer', 'courier', { canEdit: true, canTrash: false, canDelete: false, canShare: true, canAddChildren: true }],
    ['reader', 'bob', { canEdit: false, canTrash: false, canDelete: false, canShare: false, canAddChildren: false }],
  ] as const)('capabilities of the %s', async (_, who, capabilities) => {
    google.drive.share(google.places.myDriveFolder, { email: google.world.emails.bob, role: 'reader' });
    const api = { alice, courier, bob }[who];
    const { body } = await api('GET', `/files/${google.places.myDriveFolder}`, { query: { fields: 'capabilities' } });
    expect(body.capabilities).toMatchObject(capabilities);
  });

  test('an ID with an unusual character is looked up unchanged', async () => {
    expect(reasonOf(await alice('GET', `/files/${encodeURIComponent("a/b' ü")}`))).toBe('404 notFound');
  });
});

describe('downloads', () => {
  const TEXT = '0123456789';
  const fetched = (id: string, headers = {}) => alice('GET', `/files/${id}`, { query: { alt: 'media' }, headers });

  test.each([
    [undefined, 200, TEXT, null],
    ['bytes=0-', 206, TEXT, 'bytes 0-9/10'],
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=9-100', 206, '9', 'bytes 9-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-100', 206, TEXT, 'bytes 0-9/10'],
    ['bytes=4-2', 200, TEXT, null],
    ['bytes=1-2,4-5', 200, TEXT, null],
    ['lines=1-2', 200, TEXT, null],
  ])('Range %s', async (range, status, text, contentRange) => {
    const id = google.drive.putFile({ name: 'x', bytes: TEXT, mimeType: 'text/plain', owner: 'alice@example.com' });
    const answer = await fetched(id, range === undefined ? {} : { range });
    expect([answer.status, answer.body, answer.headers.get('content-range')]).toEqual([status, text, contentRange]);
    expect(answer.headers.get('content-type')).toBe('text/plain');
  });

  test('a range after the end answers 416; an empty file is empty', async () => {
    const id = google.drive.putFile({ name: 'x', bytes: TEXT, owner: 'alice@example.com' });
    const past = await fetched(id, { range: 'bytes=10-' });
    expect([past.status, past.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    const empty = google.drive.putFile({ name: 'x', bytes: '', owner: 'alice@example.com' });
    expect(await fetched(empty)).toMatchObject({ status: 200, body: '' });
    expect((await fetched(empty, { range: 'bytes=0-' })).status).toBe(416);
  });

  test('folders and Docs editors files have no bytes; acknowledgeAbuse is understood', async () => {
    for (const mimeType of [FOLDER, SHEET]) {
      const id = await alice.make({ mimeType });
      expect(reasonOf(await fetched(id))).toBe('403 fileNotDownloadable');
    }
    const id = google.drive.putFile({ name: 'x', bytes: TEXT, owner: 'alice@example.com' });
    const query = { alt: 'media', acknowledgeAbuse: true };
    expect((await alice('GET', `/files/${id}`, { query })).body).toBe(TEXT);
  });

  test('a reader of a protected file sees it but cannot download it', async () => {
    const id = google.drive.putFile({ name: 'x', bytes: TEXT, owner: 'alice@example.com' });
    await alice('PATCH', `/files/${id}`, { body: { copyRequiresWriterPermission: true } });
    google.drive.share(id, { email: 'bob@example.com', role: 'reader' });
    expect((await bob('GET', `/files/${id}`)).status).toBe(200);
    expect(reasonOf(await bob('GET', `/files/${id}`, { query: { alt: 'media' } }))).toBe('403 cannotDownloadFile');
    expect(reasonOf(await bob('POST', `/files/${id}/copy`, { body: {} }))).toBe('403 cannotCopyFile');
  });
});
