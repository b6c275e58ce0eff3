import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { apiOf, type DriveApi, reasonOf } from './drive-api.ts';

let google: LocalGoogle;
let ops: DriveApi;
let courier: DriveApi;
let stranger: DriveApi;

beforeAll(async () => {
  google = await startLocalGoogle();
  ops = apiOf(google, google.world.emails.ops);
  courier = apiOf(google, google.world.emails.courier);
  stranger = apiOf(google, google.world.emails.stranger);
});
afterAll(() => google.close());

test('a shared drive is visible to its members only, with their capabilities', async () => {
  const path = `/drives/${google.places.sharedDrive}`;
  expect((await courier('GET', path)).body).toEqual({
    kind: 'drive#drive',
    id: google.places.sharedDrive,
    name: 'Reports',
  });
  const refused = await stranger('GET', path);
  expect([reasonOf(refused), refused.body.error.message]).toEqual([
    '404 notFound',
    `Shared drive not found: ${google.places.sharedDrive}.`,
  ]);
  expect(reasonOf(await ops('GET', `/drives/${google.places.myDriveFolder}`))).toBe('404 notFound');
  const query = { fields: 'capabilities(canAddChildren,canManageMembers,canRenameDrive)' };
  expect((await courier('GET', path, { query })).body.capabilities).toEqual({
    canAddChildren: true,
    canManageMembers: false,
    canRenameDrive: false,
  });
});

test('list: the caller’s drives, by name, in pages, with their own query terms', async () => {
  const members = [{ email: google.world.emails.bob, role: 'reader' as const }];
  for (const name of ['Beta two', 'Alpha', 'Beta one']) google.drive.createSharedDrive({ name, members });
  const bob = apiOf(google, google.world.emails.bob);
  const names = async (query: Record<string, string | number>) => {
    const { body } = await bob('GET', '/drives', { query });
    return [body.drives?.map(({ name }: { name: string }) => name), body.nextPageToken];
  };
  const [first, pageToken] = await names({ pageSize: 3 });
  expect(first).toEqual(['Alpha', 'Beta one', 'Beta two']);
  expect(await names({ pageSize: 3, pageToken })).toEqual([['Reports'], undefined]);
  expect(await names({ q: "name contains 'beta'" })).toEqual([['Beta one', 'Beta two'], undefined]);
  expect(reasonOf(await bob('GET', '/drives', { query: { q: "mimeType = 'x'" } }))).toBe('400 invalid');
  expect(reasonOf(await bob('GET', '/drives', { query: { q: "memberCount = '1'" } }))).toBe('501 notImplemented');
  expect((await stranger('GET', '/drives')).body.drives).toEqual([]);
});

test('created once per request ID, managed by its creator, and deleted only when empty', async () => {
  const create = (requestId: string) => ops('POST', '/drives', { query: { requestId }, body: { name: 'New' } });
  const made = await create('r-1');
  expect(made.status).toBe(200);
  expect((await create('r-1')).status).toBe(409);
  expect(reasonOf(await ops('POST', '/drives', { body: { name: 'New' } }))).toBe('400 required');
  expect(reasonOf(await courier('POST', '/drives', { query: { requestId: 'r' }, body: { name: 'x' } }))).toBe(
    '501 notImplemented',
  );
  const path = `/drives/${made.body.id}`;
  expect((await ops('PATCH', path, { body: { name: 'Newer' } })).body.name).toBe('Newer');
  const item = await ops.make({ parents: [made.body.id] });
  expect(reasonOf(await ops('DELETE', path))).toBe('403 cannotDeleteResourceWithChildren');
  await ops('PATCH', `/files/${item}`, { query: { supportsAllDrives: true }, body: { trashed: true } });
  expect((await ops('DELETE', path)).status).toBe(204);
  expect(reasonOf(await ops('GET', path))).toBe('404 notFound');
});

test('only managers change it; everybody can hide it for themselves', async () => {
  const path = `/drives/${google.places.sharedDrive}`;
  expect(reasonOf(await courier('PATCH', path, { body: { name: 'mine' } }))).toBe('403 insufficientFilePermissions');
  expect(reasonOf(await courier('DELETE', path))).toBe('403 insufficientFilePermissions');
  expect(reasonOf(await ops('PATCH', path, { body: { themeId: 'x' } }))).toBe('501 notImplemented');
  const query = { fields: 'hidden' };
  expect((await courier('POST', `${path}/hide`, { query })).body).toEqual({ hidden: true });
  expect((await ops('GET', path, { query })).body).toEqual({ hidden: false });
  expect((await courier('POST', `${path}/unhide`, { query })).body).toEqual({ hidden: false });
});
