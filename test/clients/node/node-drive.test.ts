import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { JWT } from 'google-auth-library';
import drivePackage from 'googleapis/build/src/apis/drive/v3.js';
import type { GoogleErrorBody } from '../../../local/google/google-service.ts';
import { transporterOptions } from '../../local/core/redirect.ts';
import { DRIVE_SCOPE, FOLDER } from '../../local/drive/drive-api.ts';
import { startJudgedGoogle } from '../../support/drive/judged-google.ts';

jest.setTimeout(60_000);
let google: Awaited<ReturnType<typeof startJudgedGoogle>>;
/** Google's own unmodified client: only its root address is set, call by call. */
let drive: InstanceType<typeof drivePackage.drive_v3.Drive>;
let there: { rootUrl: string };
const all = { supportsAllDrives: true };

beforeAll(async () => {
  google = await startJudgedGoogle();
  const { client_email, private_key, private_key_id } = google.world.keyFile(google.world.emails.courier);
  const auth = new JWT({
    email: client_email,
    key: private_key,
    keyId: private_key_id,
    scopes: [DRIVE_SCOPE],
    transporterOptions: transporterOptions(google.origin),
  });
  drive = new drivePackage.drive_v3.Drive({ auth });
  there = { rootUrl: `${google.origin}/www.googleapis.com/` };
});
// The requests that are expected to fail.
afterAll(() =>
  google.judge([
    '404 GET www.googleapis.com/drive/v3/files/{id}',
    '501 GET www.googleapis.com/drive/v3/changes/startPageToken',
  ]),
);

/** The status and reason of the error that the client throws. */
const failure = async (call: Promise<unknown>): Promise<(number | string | undefined)[]> => {
  try {
    await call;
  } catch (error) {
    const { status, response } = error as { status?: number; response?: { data: GoogleErrorBody } };
    return [status, response?.data.error.errors?.[0]?.reason];
  }
  throw new Error('It did not fail');
};

describe('googleapis for Node', () => {
  test('creates, reads, changes, finds, moves, shares and deletes', async () => {
    const parents = [google.places.sharedDrive];
    const { data: ids } = await drive.files.generateIds({ count: 2 }, there);
    const [folderId = '', id = ''] = ids.ids ?? [];
    await drive.files.create({ ...all, requestBody: { id: folderId, name: 'node', mimeType: FOLDER, parents } }, there);
    const { data: made } = await drive.files.create(
      {
        ...all,
        fields: 'id,size,md5Checksum,parents',
        requestBody: { id, name: "it's.txt", parents: [folderId] },
        media: { mimeType: 'text/plain', body: Readable.from(['hello']) },
      },
      there,
    );
    expect(made).toEqual({ id, size: '5', md5Checksum: '5d41402abc4b2a76b9719d911017c592', parents: [folderId] });
    const { data: bytes } = await drive.files.get({ fileId: id, alt: 'media', ...all }, there);
    expect(bytes).toBe('hello');
    const { data: changed } = await drive.files.update(
      { fileId: id, ...all, fields: 'size,name', requestBody: { name: 'new' }, media: { body: Readable.from(['!']) } },
      there,
    );
    expect(changed).toEqual({ size: '1', name: 'new' });
    const { data: found } = await drive.files.list(
      { q: `'${folderId}' in parents and trashed = false`, includeItemsFromAllDrives: true, ...all },
      there,
    );
    expect(found.files?.map((file) => file.id)).toEqual([id]);
    const { data: moved } = await drive.files.update(
      { fileId: id, ...all, addParents: parents[0] ?? '', removeParents: folderId, fields: 'parents' },
      there,
    );
    expect(moved).toEqual({ parents });
    const { data: permission } = await drive.permissions.create(
      { fileId: id, ...all, requestBody: { type: 'anyone', role: 'reader' } },
      there,
    );
    expect(permission).toMatchObject({ id: 'anyoneWithLink', role: 'reader' });
    await drive.permissions.delete({ fileId: id, permissionId: 'anyoneWithLink', ...all }, there);
    const { data: revisions } = await drive.revisions.list({ fileId: id }, there);
    expect(revisions.revisions).toHaveLength(2);
    await drive.files.update({ fileId: id, ...all, requestBody: { trashed: true } }, there);
    const { data: gone } = await drive.files.get({ fileId: id, ...all, fields: 'trashed' }, there);
    expect(gone).toEqual({ trashed: true });
    const { data: about } = await drive.about.get({ fields: 'user(emailAddress)' }, there);
    expect(about.user?.emailAddress).toBe(google.world.emails.courier);
    const { data: drives } = await drive.drives.list({}, there);
    expect(drives.drives?.map(({ name }) => name)).toEqual(['Reports']);
  });

  test('gets error reasons that it understands', async () => {
    const missing = await failure(drive.files.get({ fileId: google.places.unsharedFolder }, there));
    expect(missing).toEqual([404, 'notFound']);
    const full = await failure(drive.files.create({ requestBody: { name: 'x' } }, there));
    expect(full).toEqual([403, 'storageQuotaExceeded']);
  });

  test('gets 501 for what is not implemented', async () => {
    expect(await failure(drive.changes.getStartPageToken({}, there))).toEqual([501, 'notImplemented']);
  });
});
