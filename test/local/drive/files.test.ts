import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { apiOf, type DriveApi, FOLDER, reasonOf, SHEET } from './drive-api.ts';

let google: LocalGoogle;
let alice: DriveApi;
let bob: DriveApi;
let courier: DriveApi;
const all = { supportsAllDrives: true };

beforeAll(async () => {
  google = await startLocalGoogle();
  const { emails } = google.world;
  alice = apiOf(google, emails.alice);
  bob = apiOf(google, emails.bob);
  courier = apiOf(google, emails.courier);
});
afterAll(() => google.close());

describe('files.create', () => {
  test('answers kind, id, name and mimeType without fields, and what was asked with them', async () => {
    const { body } = await alice('POST', '/files', { body: { name: 'a' } });
    expect(Object.keys(body)).toEqual(['kind', 'id', 'name', 'mimeType']);
    const asked = await alice('POST', '/files', {
      query: { fields: 'name,owners(emailAddress)' },
      body: { name: 'b' },
    });
    expect(asked.body).toEqual({ name: 'b', owners: [{ emailAddress: google.world.emails.alice }] });
  });

  test('a file of metadata alone is empty, untitled, in the maker’s My Drive and theirs', async () => {
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
    ['what this Drive has not', { name: 'x', contentRestrictions: [] }, '501 notImplemented'],
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

  test('a property of 124 bytes, and 30 of them, are taken', async () => {
    await alice.make({ appProperties: { kk: 'ü'.repeat(61) } });
    await alice.make({ appProperties: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${i}`, 'v'])) });
  });

  test('exactly one parent', async () => {
    const [one, two] = [await alice.make({ mimeType: FOLDER }), await alice.make({ mimeType: FOLDER })];
    expect(reasonOf(await alice('POST', '/files', { body: { parents: [one, two] } }))).toBe('403 cannotAddParent');
  });

  test('a file is no folder', async () => {
    const file = await alice.make({ name: 'file' });
    expect(reasonOf(await alice('POST', '/files', { body: { parents: [file] } }))).toBe('403 parentNotAFolder');
  });

  test('a folder is full at its limit, My Drive itself never', async () => {
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

  test('a hundred levels of folders and no more', async () => {
    let parent = await alice.make({ mimeType: FOLDER });
    for (let level = 2; level < 100; level++) parent = google.drive.createFolder({ name: `${level}`, parent });
    parent = await alice.make({ mimeType: FOLDER, parents: [parent] });
    const refused = await alice('POST', '/files', { body: { parents: [parent], mimeType: FOLDER } });
    expect(reasonOf(refused)).toBe('403 myDriveHierarchyDepthLimitExceeded');
  });
});

describe('a service account owns no storage', () => {
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

  test('folders it may make, and files in a shared drive', async () => {
    expect((await create({ mimeType: FOLDER, parents: [google.places.myDriveFolder] })).status).toBe(200);
    expect((await create({ mimeType: 'text/plain', parents: [google.places.sharedDrive] })).status).toBe(200);
  });

  test('another’s file it may change: the owner pays', async () => {
    const id = google.drive.putFile({ name: 'hers', bytes: 'x', parent: google.places.myDriveFolder });
    expect((await courier('PATCH', `/files/${id}`, { body: { name: 'changed' } })).status).toBe(200);
  });
});

describe('files.get', () => {
  test('whatever is not shared does not exist', async () => {
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

  test('a shared drive’s bytes come without supportsAllDrives', async () => {
    const id = google.drive.putFile({ name: 'x', bytes: 'hello', parent: google.places.sharedDrive });
    expect(await courier('GET', `/files/${id}`, { query: { alt: 'media' } })).toMatchObject({
      status: 200,
      body: 'hello',
    });
    const unshared = google.drive.putFile({ name: 'x', bytes: 'hello', parent: google.places.unsharedFolder });
    expect(reasonOf(await courier('GET', `/files/${unshared}`, { query: { alt: 'media' } }))).toBe('404 notFound');
  });

  test('a shared drive’s item does not exist without supportsAllDrives, or its old name', async () => {
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

  test('an id with an odd character is looked up as it is', async () => {
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

  test('past the end there is nothing: 416; an empty file is empty', async () => {
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

  test('a reader of a protected file sees it and does not get it', async () => {
    const id = google.drive.putFile({ name: 'x', bytes: TEXT, owner: 'alice@example.com' });
    await alice('PATCH', `/files/${id}`, { body: { copyRequiresWriterPermission: true } });
    google.drive.share(id, { email: 'bob@example.com', role: 'reader' });
    expect((await bob('GET', `/files/${id}`)).status).toBe(200);
    expect(reasonOf(await bob('GET', `/files/${id}`, { query: { alt: 'media' } }))).toBe('403 cannotDownloadFile');
    expect(reasonOf(await bob('POST', `/files/${id}/copy`, { body: {} }))).toBe('403 cannotCopyFile');
  });
});

describe('files.update', () => {
  test('changes what is named, takes away what is null, leaves the rest', async () => {
    const id = await alice.make({ name: 'a', description: 'd', properties: { x: '1', y: '2' } });
    const { body } = await alice('PATCH', `/files/${id}`, {
      query: { fields: 'name,description,properties,version' },
      body: { description: null, properties: { x: null, z: '3' } },
    });
    expect(body).toEqual({ name: 'a', properties: { y: '2', z: '3' }, version: '2' });
  });

  test.each([
    ['parents', { parents: ['root'] }],
    ['createdTime', { createdTime: '2020-01-02T03:04:05Z' }],
    ['owners', { owners: [] }],
  ])('%s are not directly writable', async (_, body) => {
    const id = await alice.make({});
    expect(reasonOf(await alice('PATCH', `/files/${id}`, { body }))).toBe('403 fieldNotWritable');
  });

  test('a reader changes nothing but their own star', async () => {
    const id = await alice.make({});
    google.drive.share(id, { email: 'bob@example.com', role: 'reader' });
    for (const body of [{ name: 'x' }, { description: 'x' }, { properties: { x: 'y' } }])
      expect(reasonOf(await bob('PATCH', `/files/${id}`, { body }))).toBe('403 insufficientFilePermissions');
    const fields = { query: { fields: 'starred' } };
    expect((await bob('PATCH', `/files/${id}`, { ...fields, body: { starred: true } })).body.starred).toBe(true);
    expect((await alice('GET', `/files/${id}`, fields)).body.starred).toBe(false);
  });

  test('modifiedTime moves with content and names, not with trash or stars', async () => {
    const id = await alice.make({ modifiedTime: '2020-01-01T00:00:00.000Z' });
    const query = { fields: 'modifiedTime' };
    const modified = async (body: object) => (await alice('PATCH', `/files/${id}`, { query, body })).body.modifiedTime;
    expect(await modified({ starred: true })).toBe('2020-01-01T00:00:00.000Z');
    expect(await modified({ trashed: true })).toBe('2020-01-01T00:00:00.000Z');
    expect(await modified({ name: 'x' })).not.toBe('2020-01-01T00:00:00.000Z');
  });

  test('a Docs editors file stays what it is', async () => {
    const id = await alice.make({ mimeType: SHEET });
    expect(reasonOf(await alice('PATCH', `/files/${id}`, { body: { mimeType: 'text/plain' } }))).toBe('400 invalid');
  });
});

describe('moving', () => {
  const move = (api: DriveApi, id: string, add: string, remove?: string) =>
    api('PATCH', `/files/${id}`, {
      query: { ...all, addParents: add, fields: 'parents', ...(remove === undefined ? {} : { removeParents: remove }) },
      body: {},
    });

  test('one parent takes the place of the other', async () => {
    const [from, to] = [await alice.make({ mimeType: FOLDER }), await alice.make({ mimeType: FOLDER })];
    const id = await alice.make({ parents: [from] });
    expect((await move(alice, id, to, from)).body).toEqual({ parents: [to] });
    expect(google.drive.files({ folder: from })).toEqual([]);
    expect(google.drive.files({ folder: to })).toHaveLength(1);
    // Once more: it is there already.
    expect((await move(alice, id, to, from)).body).toEqual({ parents: [to] });
  });

  test('the owner alone need not name the parent that is left', async () => {
    const [from, to] = [await alice.make({ mimeType: FOLDER }), await alice.make({ mimeType: FOLDER })];
    for (const id of [from, to]) google.drive.share(id, { email: 'bob@example.com', role: 'writer' });
    const bob = apiOf(google, google.world.emails.bob);
    const own = await alice.make({ parents: [from] });
    expect(reasonOf(await move(bob, own, to))).toBe('403 cannotAddParent');
    expect(reasonOf(await move(alice, own, `${to},root`))).toBe('403 cannotAddParent');
    expect((await move(alice, own, to)).body).toEqual({ parents: [to] });
    // In a shared drive nobody owns anything.
    const { sharedDrive, sharedDriveFolder } = google.places;
    const courier = apiOf(google, google.world.emails.courier);
    const shared = google.drive.putFile({ name: 'x', bytes: '', parent: sharedDrive });
    expect(reasonOf(await move(courier, shared, sharedDriveFolder))).toBe('403 teamDrivesParentLimit');
  });

  test('no folder goes into itself or below', async () => {
    const outer = await alice.make({ mimeType: FOLDER });
    const inner = await alice.make({ mimeType: FOLDER, parents: [outer] });
    expect((await move(alice, outer, inner, 'root')).status).toBe(400);
    expect((await move(alice, outer, outer, 'root')).status).toBe(400);
  });

  test('where one may not write, nothing goes', async () => {
    const id = await alice.make({});
    expect(reasonOf(await move(alice, id, google.places.unsharedFolder, 'root'))).toBe('404 notFound');
    const folder = google.drive.createFolder({ name: 'read', owner: 'bob@example.com' });
    google.drive.share(folder, { email: 'alice@example.com', role: 'reader' });
    expect(reasonOf(await move(alice, id, folder, 'root'))).toBe('403 insufficientParentPermissions');
  });

  test('within a shared drive a content manager moves, a contributor does not', async () => {
    const { sharedDrive, sharedDriveFolder } = google.places;
    const id = await courier.make({ parents: [sharedDrive] });
    expect(reasonOf(await move(alice, id, sharedDriveFolder, sharedDrive))).toBe('403 insufficientFilePermissions');
    expect((await move(courier, id, sharedDriveFolder, sharedDrive)).body).toEqual({ parents: [sharedDriveFolder] });
  });

  test('into a shared drive: the owner’s files, which are the organisation’s then; not folders', async () => {
    const { sharedDrive } = google.places;
    const [file, folder] = [await alice.make({}), await alice.make({ mimeType: FOLDER })];
    expect((await move(alice, file, sharedDrive, 'root')).body).toEqual({ parents: [sharedDrive] });
    const { body } = await alice('GET', `/files/${file}`, { query: { ...all, fields: 'driveId,owners' } });
    expect(body).toEqual({ driveId: sharedDrive });
    expect(reasonOf(await move(alice, folder, sharedDrive, 'root'))).toBe('403 teamDrivesFolderMoveInNotSupported');
    expect(reasonOf(await move(courier, file, google.places.myDriveFolder, sharedDrive))).toBe('501 notImplemented');
  });
});

describe('trash and deletion', () => {
  test('only the owner trashes in My Drive; a folder takes its content along', async () => {
    const folder = await alice.make({ mimeType: FOLDER });
    const file = await alice.make({ parents: [folder] });
    google.drive.share(folder, { email: 'bob@example.com', role: 'writer' });
    const refused = await bob('PATCH', `/files/${folder}`, { body: { trashed: true } });
    expect(reasonOf(refused)).toBe('403 insufficientFilePermissions');
    await alice('PATCH', `/files/${folder}`, { body: { trashed: true } });
    const { body } = await alice('GET', `/files/${file}`, { query: { fields: 'trashed,explicitlyTrashed' } });
    expect(body).toEqual({ trashed: true, explicitlyTrashed: false });
    await alice('PATCH', `/files/${folder}`, { body: { trashed: false } });
    expect((await alice('GET', `/files/${file}`, { query: { fields: 'trashed' } })).body).toEqual({ trashed: false });
  });

  test('a deleted folder takes what is the owner’s; what others put there loses its folder', async () => {
    const folder = await alice.make({ mimeType: FOLDER });
    google.drive.share(folder, { email: 'bob@example.com', role: 'writer' });
    const [hers, his] = [await alice.make({ parents: [folder] }), await bob.make({ parents: [folder] })];
    expect(reasonOf(await bob('DELETE', `/files/${folder}`))).toBe('403 insufficientFilePermissions');
    expect((await alice('DELETE', `/files/${folder}`)).status).toBe(204);
    expect((await alice('GET', `/files/${hers}`)).status).toBe(404);
    expect((await bob('GET', `/files/${his}`, { query: { fields: 'id,parents' } })).body).toEqual({ id: his });
  });

  test('a shared drive: managers delete, content managers trash, contributors neither', async () => {
    const { sharedDrive } = google.places;
    const id = await courier.make({ parents: [sharedDrive] });
    const trash = (api: DriveApi) => api('PATCH', `/files/${id}`, { query: all, body: { trashed: true } });
    expect(reasonOf(await trash(alice))).toBe('403 insufficientFilePermissions');
    expect(reasonOf(await courier('DELETE', `/files/${id}`, { query: all }))).toBe('403 insufficientFilePermissions');
    expect((await trash(courier)).status).toBe(200);
    const ops = apiOf(google, google.world.emails.ops);
    expect((await ops('DELETE', `/files/${id}`, { query: all })).status).toBe(204);
  });

  test('emptyTrash takes one’s own trash only', async () => {
    const [trashed, kept] = [await alice.make({ trashed: true }), await alice.make({})];
    const his = await bob.make({ trashed: true });
    expect((await alice('DELETE', '/files/trash')).status).toBe(204);
    expect((await alice('GET', `/files/${trashed}`)).status).toBe(404);
    expect((await alice('GET', `/files/${kept}`)).status).toBe(200);
    expect((await bob('GET', `/files/${his}`)).status).toBe(200);
  });

  test('nobody deletes My Drive or a shared drive as a file', async () => {
    expect(reasonOf(await alice('DELETE', '/files/root'))).toBe('403 insufficientFilePermissions');
    const ops = apiOf(google, google.world.emails.ops);
    expect(reasonOf(await ops('DELETE', `/files/${google.places.sharedDrive}`, { query: all }))).toBe(
      '403 insufficientFilePermissions',
    );
  });
});

describe('files.copy', () => {
  test('the same bytes, beside the original, by the copier', async () => {
    const id = google.drive.putFile({ name: 'a', bytes: 'abc', owner: 'alice@example.com', mimeType: 'text/plain' });
    const { body } = await alice('POST', `/files/${id}/copy`, { query: { fields: '*' }, body: {} });
    expect(body).toMatchObject({ name: 'Copy of a', mimeType: 'text/plain', size: '3' });
    expect(body.id).not.toBe(id);
    expect(google.drive.bytesOf(body.id).toString()).toBe('abc');
    google.drive.removeFile(id);
    expect(google.drive.bytesOf(body.id).toString()).toBe('abc');
  });

  test('converts, and refuses folders and those without storage', async () => {
    const id = google.drive.putFile({ name: 'a', bytes: 'a,b', owner: 'alice@example.com', mimeType: 'text/csv' });
    const made = await alice('POST', `/files/${id}/copy`, { body: { mimeType: SHEET } });
    expect(made.body.mimeType).toBe(SHEET);
    const again = await alice('POST', `/files/${made.body.id}/copy`, { body: { name: 'sheet' } });
    expect(again.body).toMatchObject({ name: 'sheet', mimeType: SHEET });
    const folder = await alice('POST', `/files/${google.places.myDriveFolder}/copy`, { body: {} });
    expect(reasonOf(folder)).toBe('403 cannotCopyFile');
    google.drive.share(id, { email: google.world.emails.courier, role: 'reader' });
    expect(reasonOf(await courier('POST', `/files/${id}/copy`, { body: {} }))).toBe('403 storageQuotaExceeded');
  });
});
