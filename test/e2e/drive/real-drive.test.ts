import { hash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { createFolders } from '../../../src/delivery/naming/folders.ts';
import type { Drive, UploadTarget } from '../../../src/drive/drive.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { createCourierDrive, sourceOf } from '../../support/courier/courier-drive.ts';
import { createKeptLog } from '../../support/kept-log.ts';
import { uploadTo } from '../../support/drive/upload-to.ts';

const DRIVE_SCOPE = 'https://www.googleapis.com/auth/drive';
const MIB = 1024 * 1024;

let google: LocalGoogle;
const closers: (() => void | Promise<void>)[] = [];
/** The unmodified upload code of the courier, as this account. */
const driveOf = (email: string, scope = DRIVE_SCOPE): Drive => {
  const { drive, transport } = createCourierDrive({
    origin: google.origin,
    token: google.world.accessToken(email, [scope]),
    account: email,
  });
  closers.push(transport.close);
  return drive;
};
let courier: Drive;

beforeAll(async () => {
  google = await startLocalGoogle();
  courier = driveOf(google.world.emails.courier);
});
afterAll(async () => {
  for (const close of closers) await close();
  await google.close();
});

const put = (target: UploadTarget, bytes: Uint8Array) =>
  uploadTo(courier, { target, source: sourceOf(bytes), maxBytes: 100 * MIB });
const inReports = async (name: string, bytes: Uint8Array) => {
  const id = await courier.newId({});
  const file = { id, name, mimeType: 'text/csv', folderId: google.places.sharedDrive };
  return { id, uploaded: await put({ kind: 'create', file }, bytes) };
};

describe('the local Drive accepts the courier’s calls as the real Drive does', () => {
  test.each([0, 1, 300_000, 5 * MIB, 5 * MIB + 1, 20 * MIB])(
    'a file of %i bytes is stored completely',
    async (size) => {
      const bytes = randomBytes(size);
      const { id, uploaded } = await inReports(`sized ${size}.csv`, bytes);
      expect(uploaded).toMatchObject({ sha256: hash('sha256', bytes), size, kind: 'stored' });
      expect(uploaded.file).toMatchObject({
        id,
        size,
        sha256Checksum: hash('sha256', bytes),
        parents: [google.places.sharedDrive],
      });
      expect(google.drive.bytesOf(id).equals(bytes)).toBe(true);
    },
  );

  test.each([10, 6 * MIB])('a file of %i bytes whose id exists is returned, not duplicated', async (size) => {
    const bytes = randomBytes(size);
    const { id } = await inReports('twice.csv', bytes);
    const file = { id, name: 'twice.csv', mimeType: 'text/csv', folderId: google.places.sharedDrive };
    expect(await put({ kind: 'create', file }, bytes)).toMatchObject({ kind: 'exists', sha256: hash('sha256', bytes) });
    expect(google.drive.files().filter((each) => each.id === id)).toHaveLength(1);
  });

  test('a replaced file keeps its id, and its previous bytes once the new revision is removed', async () => {
    const { id, uploaded } = await inReports('replaced.csv', Buffer.from('one'));
    const second = await put({ kind: 'replace', id, mimeType: 'text/csv' }, Buffer.from('two'));
    expect(second.file).toMatchObject({ id, sha256Checksum: hash('sha256', Buffer.from('two')) });
    expect(second.file.headRevisionId).not.toBe(uploaded.file.headRevisionId);
    await courier.removeRevision(id, second.file.headRevisionId ?? '', {});
    expect(await courier.get(id, {})).toMatchObject({ sha256Checksum: hash('sha256', Buffer.from('one')) });
    // Already deleted, which is fine.
    await courier.removeRevision(id, second.file.headRevisionId ?? '', {});
    expect(google.drive.bytesOf(id).toString()).toBe('one');
  });

  test.each(['plain.csv', "Valentine's \\ Day.csv", '数据 📊.csv', 'a" or name != "b.csv'])(
    'finds %s by its name',
    async (name) => {
      const { id } = await inReports(name, Buffer.from(name));
      expect((await courier.find(google.places.sharedDrive, name, {})).map((file) => file.id)).toEqual([id]);
      expect(await courier.find(google.places.sharedDrive, `${name}x`, {})).toEqual([]);
    },
  );

  test('finds a file by its private property', async () => {
    const id = await courier.newId({});
    const file = {
      id,
      name: 'marked',
      mimeType: 'text/plain',
      folderId: google.places.sharedDriveFolder,
      appProperties: { courierKey: "it's" },
    };
    await put({ kind: 'create', file }, Buffer.from('x'));
    const found = await courier.findMarked(google.places.sharedDriveFolder, 'courierKey', "it's", {});
    expect(found.map((each) => each.id)).toEqual([id]);
  });

  test('concurrent callers create the folders of a path once', async () => {
    const folders = createFolders({
      drive: courier,
      ledger: createMemoryLedger({ now: Date.now }),
      now: Date.now,
      log: createKeptLog(),
    });
    const ensured = await Promise.all(
      Array.from({ length: 8 }, () => folders.ensure(google.places.sharedDrive, 'reports/2026/11', {})),
    );
    expect(new Set(ensured.map(({ folderId }) => folderId)).size).toBe(1);
    const made = google.drive.files({ folder: google.places.sharedDrive, deep: true });
    expect(made.filter(({ name }) => ['reports', '2026', '11'].includes(name))).toHaveLength(3);
  });

  test('a folder created under an existing id', async () => {
    const id = await courier.newId({});
    const folder = { id, name: 'once', parentId: google.places.sharedDrive };
    expect(await courier.createFolder(folder, {})).toEqual({ existed: false });
    expect(await courier.createFolder(folder, {})).toEqual({ existed: true });
    expect((await courier.findFolders(google.places.sharedDrive, 'once', {})).map((each) => each.id)).toEqual([id]);
  });

  test('shares with and without notification mail', async () => {
    const { id } = await inReports('shared.csv', Buffer.from('x'));
    const { alice, sales } = google.world.emails;
    const before = google.drive.mails().length;
    await courier.share(id, { type: 'group', role: 'reader', email: sales }, false, {});
    await courier.share(id, { type: 'domain', role: 'reader', domain: 'example.com' }, false, {});
    await courier.share(id, { type: 'anyone', role: 'reader' }, false, {});
    expect(google.drive.mails()).toHaveLength(before);
    await courier.share(id, { type: 'user', role: 'commenter', email: alice }, true, {});
    expect(google.drive.mails().slice(before)).toMatchObject([{ to: alice, fileId: id, role: 'commenter' }]);
  });

  test('a content manager moves to the trash what only a manager can delete', async () => {
    const { id } = await inReports('unwanted.csv', Buffer.from('x'));
    await courier.remove(id, {});
    expect(await courier.get(id, {})).toMatchObject({ trashed: true });
    const { id: other } = await inReports('unwanted too.csv', Buffer.from('x'));
    await driveOf(google.world.emails.ops).remove(other, {});
    expect(await courier.get(other, {})).toBeUndefined();
  });

  test('a conversion', async () => {
    const file = {
      name: 'sheet',
      mimeType: 'text/csv',
      folderId: google.places.sharedDrive,
      convertTo: 'application/vnd.google-apps.spreadsheet',
    };
    const { file: made } = await put({ kind: 'create', file }, Buffer.from('a,b\r\n1,2\r\n'));
    expect(made).toMatchObject({ mimeType: file.convertTo, size: undefined, sha256Checksum: undefined });
    expect(made.webViewLink).toContain('/spreadsheets/d/');
  });

  test('convertible types, the account’s identity and its role on a folder', async () => {
    const { formats, maxSizes } = await courier.imports({});
    expect(formats['text/csv']).toEqual(['application/vnd.google-apps.spreadsheet']);
    expect(maxSizes['application/vnd.google-apps.document']).toBe(50 * MIB);
    expect(await courier.aboutAccount({})).toEqual({
      email: google.world.emails.courier,
      storageLimit: 0,
      storageUsed: 0,
    });
    expect(await courier.inspectFolder(google.places.sharedDriveFolder, {})).toMatchObject({
      name: 'Exports',
      driveId: google.places.sharedDrive,
      isFolder: true,
      canAddChildren: true,
      canShare: true,
      ownedByMe: false,
    });
    expect(await courier.inspectFolder(google.places.readOnlyFolder, {})).toMatchObject({ canAddChildren: false });
  });

  test('an upload session that another caller writes to', async () => {
    const id = await courier.newId({});
    const file = { id, name: 'direct.bin', mimeType: 'application/octet-stream', folderId: google.places.sharedDrive };
    const bytes = randomBytes(300_000);
    const { sessionUri } = await courier.openSession(file, bytes.length, {});
    expect(await courier.sessionStatus(sessionUri, bytes.length, {})).toEqual({ state: 'open', stored: 0 });
    const first = { 'content-range': `bytes 0-262143/${bytes.length}` };
    const part = await fetch(sessionUri, { method: 'PUT', body: bytes.subarray(0, 262_144), headers: first });
    expect(part.status).toBe(308);
    expect(await courier.sessionStatus(sessionUri, bytes.length, {})).toEqual({ state: 'open', stored: 262_144 });
    const rest = { 'content-range': `bytes 262144-${bytes.length - 1}/${bytes.length}` };
    const last = await fetch(sessionUri, { method: 'PUT', body: bytes.subarray(262_144), headers: rest });
    expect(last.status).toBe(200);
    expect(await courier.sessionStatus(sessionUri, bytes.length, {})).toEqual({ state: 'done', fileId: id });
    expect(google.drive.bytesOf(id).equals(bytes)).toBe(true);
  });
});

describe('Drive’s errors map to the courier’s codes', () => {
  const putInto = async (folderId: string, drive: Drive = courier) => {
    const id = await drive.newId({});
    const target: UploadTarget = { kind: 'create', file: { id, name: 'x', mimeType: 'text/plain', folderId } };
    return uploadTo(drive, { target, source: sourceOf(Buffer.from('x')), maxBytes: MIB });
  };

  test.each([
    ['unsharedFolder', 'folder-not-found'],
    ['readOnlyFolder', 'folder-not-writable'],
    ['myDriveFolder', 'no-storage-quota'],
  ] as const)('%s: %s', async (place, code) => {
    await expect(putInto(google.places[place])).rejects.toMatchObject({ code });
  });

  test('a delegated user writes where the service account cannot', async () => {
    const uploaded = await putInto(google.places.myDriveFolder, driveOf(google.world.emails.alice));
    expect(uploaded.kind).toBe('stored');
  });

  test('a user whose Drive is full: drive-full', async () => {
    google.drive.setStorageLimit(google.world.emails.bob, 0);
    const folder = google.drive.createFolder({ name: 'full', owner: google.world.emails.bob });
    await expect(putInto(folder, driveOf(google.world.emails.bob))).rejects.toMatchObject({ code: 'drive-full' });
  });

  test('an account that has uploaded as much as Drive accepts in a day: upload-limit-reached, after retries', async () => {
    const unlimited = { uploadBytesPerDayPerUser: 750_000_000_000 };
    google.drive.setLimits({ uploadBytesPerDayPerUser: 1 });
    google.calls.clear();
    const folder = google.places.sharedDriveFolder;
    await putInto(folder).catch(() => undefined);
    await expect(putInto(folder)).rejects.toMatchObject({ code: 'upload-limit-reached', retryable: false });
    expect(google.calls.list({ path: '/upload/drive/v3/files' }).length).toBeGreaterThan(2);
    const session = async () => {
      const file = { id: await courier.newId({}), name: 'x', mimeType: 'text/plain', folderId: folder };
      return courier.openSession(file, 10, {});
    };
    await expect(session()).rejects.toMatchObject({ code: 'upload-limit-reached' });
    // The limit is the account's, not the drive's.
    google.drive.setLimits(unlimited);
    expect((await putInto(folder)).kind).toBe('stored');
  });

  test('a metadata-only scope: scope-insufficient', async () => {
    const drive = driveOf(google.world.emails.courier, `${DRIVE_SCOPE}.metadata.readonly`);
    await expect(putInto(google.places.sharedDrive, drive)).rejects.toMatchObject({ code: 'scope-insufficient' });
  });

  test('a media type that Drive cannot convert: conversion-refused', async () => {
    const file = {
      name: 'odd',
      mimeType: 'application/zip',
      folderId: google.places.sharedDrive,
      convertTo: 'application/vnd.google-apps.spreadsheet',
    };
    await expect(put({ kind: 'create', file }, Buffer.from('PK'))).rejects.toMatchObject({
      code: 'conversion-refused',
    });
  });

  test('a disabled API: drive-api-disabled', async () => {
    google.world.disableApi('drive.googleapis.com');
    await expect(courier.aboutAccount({})).rejects.toMatchObject({ code: 'drive-api-disabled' });
    google.world.enableApi('drive.googleapis.com');
  });
});

test('search is eventually consistent: a new file is readable at once and found later', async () => {
  google.drive.setLimits({ listLagMs: 3_600_000 });
  const { id } = await inReports('lagging.csv', Buffer.from('x'));
  expect(await courier.get(id, {})).toMatchObject({ id });
  expect(await courier.find(google.places.sharedDrive, 'lagging.csv', {})).toEqual([]);
  google.drive.setLimits({ listLagMs: 0 });
  expect(await courier.find(google.places.sharedDrive, 'lagging.csv', {})).toHaveLength(1);
});
