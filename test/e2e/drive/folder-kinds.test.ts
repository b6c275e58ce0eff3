import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import type { Drive } from '../../../src/drive/drive.ts';
import { createCourierDrive, sourceOf } from '../../support/courier/courier-drive.ts';
import { createForeignFolder } from '../../support/drive/foreign-folder.ts';
import { uploadTo } from '../../support/drive/upload-to.ts';

const SCOPE = 'https://www.googleapis.com/auth/drive';

let google: LocalGoogle;
beforeAll(async () => {
  google = await startLocalGoogle();
});
afterAll(() => google.close());

const clock = { ms: Date.now() };
const openDrive = (): Drive => {
  const { emails } = google.world;
  const token = google.world.accessToken(emails.courier, [SCOPE]);
  return createCourierDrive({ origin: google.origin, token, account: emails.courier, now: () => clock.ms }).drive;
};

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => (error as { code?: string }).code,
  );

/** Every way in which a delivery creates something in a folder. */
const waysInto = (drive: Drive, folderId: string) => ({
  'multipart upload': async () => {
    const file = { id: await drive.newId({}), name: 'a', mimeType: 'text/plain', folderId };
    return uploadTo(drive, { target: { kind: 'create', file }, source: sourceOf(Buffer.from('x')), maxBytes: 10 });
  },
  'resumable upload': async () => {
    const file = { id: await drive.newId({}), name: 'a', mimeType: 'text/plain', folderId };
    const source = sourceOf(Buffer.alloc(6 * 1024 * 1024), { hasKnownSize: false });
    return uploadTo(drive, { target: { kind: 'create', file }, source, maxBytes: 10_000_000 });
  },
  'upload session': async () => {
    const file = { id: await drive.newId({}), name: 'a', mimeType: 'text/plain', folderId };
    return drive.openSession(file, 10, {});
  },
  'new folder': async () => drive.createFolder({ id: await drive.newId({}), name: 'b', parentId: folderId }, {}),
});
const WAYS = ['multipart upload', 'resumable upload', 'upload session', 'new folder'] as const;

const kinds: [string, () => string, string][] = [
  [
    'a folder with limited access',
    () => {
      const id = google.drive.createFolder({ name: 'Closed', parent: google.places.sharedDrive });
      google.drive.setLimitedAccess(id, true);
      return id;
    },
    'folder-limited',
  ],
  [
    'a file',
    () => google.drive.putFile({ name: 'a.csv', bytes: 'a', parent: google.places.sharedDrive }),
    'folder-invalid',
  ],
  [
    'a shortcut to a file',
    () => {
      const target = google.drive.putFile({ name: 'b.csv', bytes: 'a', parent: google.places.sharedDrive });
      return google.drive.createShortcut({ name: 'link', target, parent: google.places.sharedDrive });
    },
    'folder-invalid',
  ],
  [
    'a folder in the trash',
    () => {
      const id = google.drive.createFolder({ name: 'Trashed', parent: google.places.sharedDrive });
      google.drive.setTrashed(id, true);
      return id;
    },
    'folder-invalid',
  ],
  ['a folder to read only', () => google.places.readOnlyFolder, 'folder-not-writable'],
  ['a folder that is not shared', () => google.places.unsharedFolder, 'folder-not-found'],
];

describe.each(kinds)('%s', (kind, make, code) => {
  test('is rejected when it is resolved, unless only the role is insufficient', async () => {
    expect(await codeOf(openDrive().resolveFolder(make(), {}))).toBe(code === 'folder-not-writable' ? 'done' : code);
  });

  // Drive accepts files into a folder that is in the trash.
  const refusingWays = kind === 'a folder in the trash' ? [] : WAYS;
  for (const way of refusingWays) {
    test(`is reported with its own error by ${way}`, async () => {
      expect(await codeOf(waysInto(openDrive(), make())[way]())).toBe(code);
    });
  }
});

describe('a shortcut to a folder', () => {
  test('is resolved to the folder, once', async () => {
    const { sharedDrive, sharedDriveFolder: target } = google.places;
    const id = google.drive.createShortcut({ name: 'to exports', target, parent: sharedDrive });
    const drive = openDrive();
    const before = google.calls.list().length;
    const found = await Promise.all([1, 2, 3].map(() => drive.resolveFolder(id, {})));
    expect(found).toEqual([1, 2, 3].map(() => ({ id: target, driveId: sharedDrive })));
    expect(google.calls.list().length - before).toBe(2);
    await drive.find(target, 'x', {});
    expect(google.calls.list().length - before).toBe(3);
  });

  test('to an invisible folder is reported as a folder that is not shared', async () => {
    const { sharedDrive, unsharedFolder: target } = google.places;
    const id = google.drive.createShortcut({ name: 'to nothing', target, parent: sharedDrive });
    expect(await codeOf(openDrive().resolveFolder(id, {}))).toBe('folder-not-found');
  });
});

describe('cached folder metadata', () => {
  test('expires: a folder that moved to another drive is searched there', async () => {
    const { sharedDrive } = google.places;
    const drive = openDrive();
    const folder = google.drive.createFolder({ name: 'Moving', parent: sharedDrive });
    expect((await drive.resolveFolder(folder, {})).driveId).toBe(sharedDrive);
    const members = [{ email: google.world.emails.courier, role: 'fileOrganizer' as const }];
    const other = google.drive.createSharedDrive({ name: 'Other', members });
    const stored = google.drive.state.store.files.get(folder);
    if (stored !== undefined) google.drive.state.store.save({ ...stored, parent: other, driveId: other });
    clock.ms += 600_001;
    expect((await drive.resolveFolder(folder, {})).driveId).toBe(other);
  });

  test('is not kept for a folder that cannot be used', async () => {
    const folder = google.drive.createFolder({ name: 'Reopened', parent: google.places.sharedDrive });
    google.drive.setLimitedAccess(folder, true);
    const drive = openDrive();
    expect(await codeOf(drive.resolveFolder(folder, {}))).toBe('folder-limited');
    google.drive.setLimitedAccess(folder, false);
    expect(await codeOf(drive.resolveFolder(folder, {}))).toBe('done');
  });
});

describe('a folder in a shared drive of which the account is not a member', () => {
  test('is searched for files, folders and properties', async () => {
    const folderId = createForeignFolder(google);
    const drive = openDrive();
    await drive.createFolder({ id: await drive.newId({}), name: '2026', parentId: folderId }, {});
    const file = {
      id: await drive.newId({}),
      name: 'a',
      mimeType: 'text/plain',
      folderId,
      appProperties: { key: 'k' },
    };
    await uploadTo(drive, { target: { kind: 'create', file }, source: sourceOf(Buffer.from('x')), maxBytes: 10 });
    expect(await drive.find(folderId, 'a', {})).toHaveLength(1);
    expect(await drive.findFolders(folderId, '2026', {})).toHaveLength(1);
    expect(await drive.findMarked(folderId, 'key', 'k', {})).toHaveLength(1);
    expect(await drive.find(folderId, 'none', {})).toEqual([]);
    expect(await drive.probeSearch(folderId, {})).toBe('non-member');
  });

  test('an incomplete search without results is inconclusive for each of them', async () => {
    const folderId = createForeignFolder(google);
    const drive = openDrive();
    google.drive.setLimits({ leavesDrivesOut: true });
    expect(await codeOf(drive.find(folderId, 'a', {}))).toBe('drive-unavailable');
    expect(await codeOf(drive.findFolders(folderId, 'a', {}))).toBe('drive-unavailable');
    expect(await codeOf(drive.findMarked(folderId, 'key', 'k', {}))).toBe('drive-unavailable');
    google.drive.setLimits({ leavesDrivesOut: false });
    expect(await codeOf(drive.find(folderId, 'a', {}))).toBe('done');
  });
});
