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

describe('files.update', () => {
  test('changes the given fields, removes those that are null, and keeps the rest', async () => {
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

  test('a reader can change only their own star', async () => {
    const id = await alice.make({});
    google.drive.share(id, { email: 'bob@example.com', role: 'reader' });
    for (const body of [{ name: 'x' }, { description: 'x' }, { properties: { x: 'y' } }])
      expect(reasonOf(await bob('PATCH', `/files/${id}`, { body }))).toBe('403 insufficientFilePermissions');
    const fields = { query: { fields: 'starred' } };
    expect((await bob('PATCH', `/files/${id}`, { ...fields, body: { starred: true } })).body.starred).toBe(true);
    expect((await alice('GET', `/files/${id}`, fields)).body.starred).toBe(false);
  });

  test('modifiedTime changes with content and names, but not with trash or stars', async () => {
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

  test('the new parent replaces the old one', async () => {
    const [from, to] = [await alice.make({ mimeType: FOLDER }), await alice.make({ mimeType: FOLDER })];
    const id = await alice.make({ parents: [from] });
    expect((await move(alice, id, to, from)).body).toEqual({ parents: [to] });
    expect(google.drive.files({ folder: from })).toEqual([]);
    expect(google.drive.files({ folder: to })).toHaveLength(1);
    // A second time: the file exists already.
    expect((await move(alice, id, to, from)).body).toEqual({ parents: [to] });
  });

  test('only the owner need not name the parent that the file leaves', async () => {
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

  test('a folder cannot be moved into itself or below itself', async () => {
    const outer = await alice.make({ mimeType: FOLDER });
    const inner = await alice.make({ mimeType: FOLDER, parents: [outer] });
    expect((await move(alice, outer, inner, 'root')).status).toBe(400);
    expect((await move(alice, outer, outer, 'root')).status).toBe(400);
  });

  test('nothing is moved to a folder without the right to write', async () => {
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

  test('an owner moves files into a shared drive, where the organisation owns them, but not folders', async () => {
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
  test('only the owner trashes in My Drive; trashing a folder trashes its content', async () => {
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

  test('deleting a folder deletes its owner’s files in it; files of others lose their parent', async () => {
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

  test('emptyTrash deletes only the caller’s own trash', async () => {
    const [trashed, kept] = [await alice.make({ trashed: true }), await alice.make({})];
    const his = await bob.make({ trashed: true });
    expect((await alice('DELETE', '/files/trash')).status).toBe(204);
    expect((await alice('GET', `/files/${trashed}`)).status).toBe(404);
    expect((await alice('GET', `/files/${kept}`)).status).toBe(200);
    expect((await bob('GET', `/files/${his}`)).status).toBe(200);
  });

  test('My Drive and shared drives cannot be deleted as files', async () => {
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

  test('converts, and rejects folders and owners without storage', async () => {
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
