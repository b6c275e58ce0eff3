import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { createForeignFolder } from '../../../support/drive/foreign-folder.ts';
import { apiOf, type DriveApi, FOLDER, reasonOf } from '../drive-api.ts';

const all = { supportsAllDrives: true };
const everywhere = { ...all, includeItemsFromAllDrives: true };

let google: LocalGoogle;
let courier: DriveApi;
beforeAll(async () => {
  google = await startLocalGoogle();
  courier = apiOf(google, google.world.emails.courier);
});
afterAll(() => google.close());

const namesIn = async (api: DriveApi, folder: string, query: object = {}) => {
  const answer = await api('GET', '/files', {
    query: { ...everywhere, q: `'${folder}' in parents`, fields: 'incompleteSearch,files(id,name)', ...query },
  });
  return answer.status === 200 ? answer.body.files.map(({ name }: { name: string }) => name) : reasonOf(answer);
};

/** tidyverse/googledrive issues 154, 402 and 439; rclone lists such folders without `corpora` and `driveId`. */
describe('a folder of a shared drive, shared with an account that is not a member', () => {
  let folder: string;
  let driveId: string;
  beforeAll(() => {
    folder = createForeignFolder(google);
    google.drive.putFile({ name: 'one', bytes: '1', parent: folder });
    driveId = google.drive.files().find(({ id }) => id === folder)?.driveId ?? '';
  });

  test('is returned with its driveId and without its parent, and is writable', async () => {
    const fields = 'driveId,parents,capabilities(canAddChildren,canListChildren,canReadDrive)';
    const { body } = await courier('GET', `/files/${folder}`, { query: { ...all, fields } });
    const capabilities = { canAddChildren: true, canListChildren: true, canReadDrive: false };
    expect(body).toEqual({ driveId, capabilities });
    expect((await courier('GET', `/files/${folder}`)).status).toBe(404);
  });

  test('is not searched within its drive: 404 of the drive', async () => {
    const query = { ...everywhere, q: `'${folder}' in parents`, corpora: 'drive', driveId };
    const answer = await courier('GET', '/files', { query });
    expect([answer.status, answer.body.error.errors[0]]).toEqual([
      404,
      expect.objectContaining({
        reason: 'notFound',
        location: 'driveId',
        message: `Shared drive not found: ${driveId}.`,
      }),
    ]);
    expect(reasonOf(await courier('GET', `/drives/${driveId}`))).toBe('404 notFound');
  });

  test('is searched over everything that the account can see', async () => {
    expect(await namesIn(courier, folder)).toEqual(['one']);
    expect(await namesIn(courier, folder, { corpora: 'allDrives' })).toEqual(['one']);
  });

  test('a search that skips drives sets incompleteSearch', async () => {
    google.drive.setLimits({ leavesDrivesOut: true });
    const query = { ...everywhere, q: `'${folder}' in parents`, fields: 'incompleteSearch,files(id)' };
    expect((await courier('GET', '/files', { query })).body).toEqual({ incompleteSearch: true, files: [] });
    google.drive.setLimits({ leavesDrivesOut: false });
  });

  test('takes files and folders, which are then seen', async () => {
    const inner = await courier.make({ name: '2026', mimeType: FOLDER, parents: [folder] });
    await courier.make({ name: 'two', parents: [inner] });
    expect(await namesIn(courier, inner)).toEqual(['two']);
  });
});

/** guides/limited-expansive-access; the permission's `view` as pipeshub-ai/pipeshub-ai read it from a live tenant. */
describe.each([
  ['of a shared drive', (): string => google.places.sharedDrive],
  ['of My Drive', (): string => google.places.myDriveFolder],
])('a folder with limited access %s', (_, parentOf) => {
  let folder: string;
  let inner: string;
  beforeAll(() => {
    const parent = parentOf();
    folder = google.drive.createFolder({ name: 'Salaries', parent });
    inner = google.drive.createFolder({ name: '2026', parent: folder });
    google.drive.putFile({ name: 'secret', bytes: '1', parent: folder });
    google.drive.setLimitedAccess(folder, true);
  });

  const capabilities = async (api: DriveApi) => {
    const fields = 'inheritedPermissionsDisabled,capabilities(canAddChildren,canListChildren)';
    return (await api('GET', `/files/${folder}`, { query: { ...all, fields } })).body;
  };

  test('is visible to those who inherit access, but they cannot open it', async () => {
    expect(await namesIn(courier, parentOf())).toContain('Salaries');
    expect(await capabilities(courier)).toEqual({
      inheritedPermissionsDisabled: true,
      capabilities: { canAddChildren: false, canListChildren: false },
    });
    expect(await namesIn(courier, folder)).toEqual([]);
    expect(reasonOf(await courier('GET', `/files/${inner}`, { query: all }))).toBe('404 notFound');
    const created = await courier('POST', '/files', { query: all, body: { name: 'x', parents: [folder] } });
    expect(reasonOf(created)).toBe('403 insufficientParentPermissions');
  });

  test('can be opened by those who are added to it, by its owner and by the drive’s managers', async () => {
    const manager = parentOf() === google.places.sharedDrive ? google.world.emails.ops : google.world.emails.alice;
    expect(await namesIn(apiOf(google, manager), folder)).toContain('secret');
    google.drive.share(folder, { email: google.world.emails.courier, role: 'writer' });
    expect(await capabilities(courier)).toMatchObject({
      capabilities: { canAddChildren: true, canListChildren: true },
    });
    expect(await namesIn(courier, folder)).toContain('secret');
    google.drive.unshare(folder, google.world.emails.courier);
  });

  test('lists its inherited permissions as a view of its metadata', async () => {
    const manager = parentOf() === google.places.sharedDrive ? google.world.emails.ops : google.world.emails.alice;
    const query = { ...all, fields: 'permissions(emailAddress,role,view)' };
    const { body } = await apiOf(google, manager)('GET', `/files/${folder}/permissions`, { query });
    const emailAddress = google.world.emails.courier;
    expect(body.permissions).toContainEqual({ emailAddress, role: 'reader', view: 'metadata' });
  });
});

test('managers turn limited access on and off; others may not, and files have none', async () => {
  const ops = apiOf(google, google.world.emails.ops);
  const folder = google.drive.createFolder({ name: 'x', parent: google.places.sharedDrive });
  const file = google.drive.putFile({ name: 'y', bytes: '', parent: google.places.sharedDrive });
  const set = (api: DriveApi, id: string, inheritedPermissionsDisabled: boolean) =>
    api('PATCH', `/files/${id}`, {
      query: { ...all, fields: 'inheritedPermissionsDisabled' },
      body: { inheritedPermissionsDisabled },
    });
  expect(reasonOf(await set(courier, folder, true))).toBe('403 insufficientFilePermissions');
  expect((await set(ops, folder, true)).body).toEqual({ inheritedPermissionsDisabled: true });
  expect((await set(ops, folder, false)).body).toEqual({ inheritedPermissionsDisabled: false });
  expect(reasonOf(await set(ops, file, true))).toBe('403 insufficientFilePermissions');
});
