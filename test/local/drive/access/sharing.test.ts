import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { apiOf, type DriveApi, FOLDER, reasonOf } from '../drive-api.ts';

const clock = { ms: Date.parse('2026-11-24T12:00:00Z') };
let google: LocalGoogle;
let alice: DriveApi;
let bob: DriveApi;
let courier: DriveApi;
let file: string;
const all = { supportsAllDrives: true };

beforeAll(async () => {
  google = await startLocalGoogle({ now: () => clock.ms });
});
beforeEach(async () => {
  const { emails } = google.world;
  alice = apiOf(google, emails.alice);
  bob = apiOf(google, emails.bob);
  courier = apiOf(google, emails.courier);
  file = await alice.make({ name: 'shared' });
});
afterAll(() => google.close());

type Query = Record<string, string | boolean>;
const share = (body: Record<string, unknown>, query: Query = {}, api = alice, id = file) =>
  api('POST', `/files/${id}/permissions`, { query: { ...all, ...query }, body });
const toBob = { type: 'user', role: 'reader', emailAddress: 'bob@example.com' };

describe('permissions.create', () => {
  test('returns kind, id, type and role; the person has access from then on', async () => {
    expect((await bob('GET', `/files/${file}`)).status).toBe(404);
    const { status, body } = await share({ ...toBob, emailAddress: 'BOB@example.com' });
    expect([status, body]).toEqual([200, { kind: 'drive#permission', id: body.id, type: 'user', role: 'reader' }]);
    expect((await bob('GET', `/files/${file}`)).status).toBe(200);
  });

  test('a person has the same permission ID on every file', async () => {
    const other = await alice.make({});
    const [one, two] = [await share(toBob), await share(toBob, {}, alice, other)];
    expect(one.body.id).toBe(two.body.id);
    const about = await bob('GET', '/about', { query: { fields: 'user/permissionId' } });
    expect(about.body.user.permissionId).toBe(one.body.id);
  });

  test.each([
    ['a role that is none', { ...toBob, role: 'editor' }, '400 invalid'],
    ['no role', { type: 'user', emailAddress: 'bob@example.com' }, '400 required'],
    ['no type', { role: 'reader', emailAddress: 'bob@example.com' }, '400 required'],
    ['no address', { type: 'group', role: 'reader' }, '400 required'],
    ['an address that is none', { ...toBob, emailAddress: 'bob' }, '400 invalid'],
    ['no domain', { type: 'domain', role: 'reader' }, '400 required'],
    ['an organizer in My Drive', { ...toBob, role: 'organizer' }, '403 organizerOnNonTeamDriveNotSupported'],
    [
      'a file organizer in My Drive',
      { ...toBob, role: 'fileOrganizer' },
      '403 fileOrganizerOnNonTeamDriveNotSupported',
    ],
    ['an output-only member', { ...toBob, displayName: 'B' }, '403 fieldNotWritable'],
    ['the transfer of ownership', { ...toBob, role: 'owner' }, '501 notImplemented'],
    ['a time in the past', { ...toBob, expirationTime: '2026-11-24T11:00:00Z' }, '400 invalid'],
    ['more than a year', { ...toBob, expirationTime: '2028-01-01T00:00:00Z' }, '400 invalid'],
    [
      'a link that expires',
      { type: 'anyone', role: 'reader', expirationTime: '2026-12-01T00:00:00Z' },
      '403 cannotSetExpirationOnAnyoneOrDomain',
    ],
  ])('%s is refused', async (_, body, reason) => {
    expect(reasonOf(await share(body))).toBe(reason);
  });

  test('members of a group have the access of the group, and so have members of nested groups', async () => {
    google.drive.addGroup({ email: 'all@example.com', members: ['sales@example.com', 'none@example.com'] });
    await share({ type: 'group', role: 'writer', emailAddress: 'all@example.com' });
    const { body } = await bob('GET', `/files/${file}`, { query: { fields: 'capabilities/canEdit' } });
    expect(body).toEqual({ capabilities: { canEdit: true } });
    expect((await courier('GET', `/files/${file}`)).status).toBe(404);
  });

  test('a person who cannot see the folder does not see the parent of the item', async () => {
    await share(toBob);
    const query = { fields: 'id,parents' };
    expect((await alice('GET', `/files/${file}`, { query })).body.parents).toHaveLength(1);
    expect((await bob('GET', `/files/${file}`, { query })).body).toEqual({ id: file });
  });

  test('people of a domain have access, and anybody with the link', async () => {
    await share({ type: 'domain', role: 'reader', domain: 'example.com' });
    expect((await bob('GET', `/files/${file}`)).status).toBe(200);
    expect((await courier('GET', `/files/${file}`)).status).toBe(404);
    expect((await share({ type: 'anyone', role: 'reader' })).body.id).toBe('anyoneWithLink');
    expect((await courier('GET', `/files/${file}`)).status).toBe(200);
  });

  test('a folder’s permissions apply to everything below; its owner is a writer of what others put there', async () => {
    const folder = await alice.make({ mimeType: FOLDER });
    const inner = await alice.make({ parents: [folder] });
    await share({ ...toBob, role: 'writer' }, {}, alice, folder);
    expect((await bob('GET', `/files/${inner}`)).status).toBe(200);
    const his = await bob.make({ parents: [folder] });
    const query = { fields: 'ownedByMe,owners(emailAddress),capabilities(canEdit,canTrash)' };
    expect((await alice('GET', `/files/${his}`, { query })).body).toEqual({
      ownedByMe: false,
      owners: [{ emailAddress: 'bob@example.com' }],
      capabilities: { canEdit: true, canTrash: false },
    });
  });

  test('sharing again keeps one permission with the stronger role', async () => {
    await share({ ...toBob, role: 'writer' });
    expect((await share(toBob)).body.role).toBe('writer');
    expect((await share({ ...toBob, role: 'writer' })).status).toBe(200);
    const { body } = await alice('GET', `/files/${file}/permissions`);
    expect(body.permissions).toHaveLength(2);
  });

  test('readers may not share, nor writers if the owner forbids it', async () => {
    await share({ ...toBob, role: 'writer' });
    const toOps = { ...toBob, emailAddress: 'ops@example.com' };
    expect((await share(toOps, {}, bob)).status).toBe(200);
    await alice('PATCH', `/files/${file}`, { body: { writersCanShare: false } });
    expect(reasonOf(await share(toOps, {}, bob))).toBe('403 insufficientFilePermissions');
    expect(reasonOf(await bob('PATCH', `/files/${file}`, { body: { writersCanShare: true } }))).toBe(
      '403 insufficientFilePermissions',
    );
  });

  test('a permission expires', async () => {
    await share({ ...toBob, expirationTime: '2026-11-24T13:00:00Z' });
    expect((await bob('GET', `/files/${file}`)).status).toBe(200);
    clock.ms += 3_600_000;
    bob = apiOf(google, 'bob@example.com');
    expect((await bob('GET', `/files/${file}`)).status).toBe(404);
  });
});

describe('mails', () => {
  const sent = async (body: Record<string, unknown>, query: Query) => {
    const before = google.drive.mails().length;
    const answer = await share(body, query);
    return { reason: reasonOf(answer), mails: google.drive.mails().slice(before) };
  };

  test('to people by default, with the message', async () => {
    expect((await sent(toBob, {})).mails).toMatchObject([{ to: 'bob@example.com', fileId: file, message: '' }]);
    expect((await sent(toBob, { emailMessage: 'Look' })).mails).toMatchObject([{ message: 'Look' }]);
  });

  test('not with sendNotificationEmail=false', async () => {
    expect((await sent(toBob, { sendNotificationEmail: false })).mails).toEqual([]);
  });

  test.each([
    ['anyone', { type: 'anyone', role: 'reader' }, { sendNotificationEmail: true }],
    ['anyone, silenced', { type: 'anyone', role: 'reader' }, { sendNotificationEmail: false }],
    ['a domain', { type: 'domain', role: 'reader', domain: 'example.com' }, { sendNotificationEmail: false }],
    ['a message to a domain', { type: 'domain', role: 'reader', domain: 'example.com' }, { emailMessage: 'x' }],
    ['a message with no mail', toBob, { sendNotificationEmail: false, emailMessage: 'x' }],
  ])('%s: refused', async (_, body, query) => {
    expect(await sent(body, query)).toEqual({ reason: '400 invalid', mails: [] });
  });

  test('an address without a Google account can be shared with only by email', async () => {
    const stranger = { ...toBob, emailAddress: 'nobody@elsewhere.example' };
    const refused = await share(stranger, { sendNotificationEmail: false });
    expect(reasonOf(refused)).toBe('400 invalidSharingRequest');
    expect(refused.body.error.message).toContain('you must check the "Notify people" box');
    expect((await sent(stranger, {})).mails).toHaveLength(1);
    google.world.addUser('somebody@elsewhere.example');
    const known = { ...toBob, emailAddress: 'somebody@elsewhere.example' };
    expect((await share(known, { sendNotificationEmail: false })).status).toBe(200);
  });
});

describe('reading, changing and removing', () => {
  test('list and get: writers see all permissions, others only their own', async () => {
    const { body: permission } = await share(toBob);
    const { body } = await alice('GET', `/files/${file}/permissions`, { query: { fields: '*' } });
    expect(body.permissions).toMatchObject([
      { role: 'owner', emailAddress: 'alice@example.com', displayName: 'Alice Example' },
      { role: 'reader', emailAddress: 'bob@example.com', deleted: false, pendingOwner: false },
    ]);
    expect(reasonOf(await bob('GET', `/files/${file}/permissions`))).toBe('403 insufficientFilePermissions');
    const path = `/files/${file}/permissions/${permission.id}`;
    expect((await bob('GET', path, { query: { fields: 'role' } })).body).toEqual({ role: 'reader' });
    expect(reasonOf(await alice('GET', `/files/${file}/permissions/1`))).toBe('404 notFound');
  });

  test('pages of permissions', async () => {
    await share(toBob);
    const first = await alice('GET', `/files/${file}/permissions`, { query: { pageSize: 1 } });
    expect(first.body.permissions).toHaveLength(1);
    const query = { pageSize: 1, pageToken: first.body.nextPageToken };
    const second = await alice('GET', `/files/${file}/permissions`, { query });
    expect(second.body.permissions[0].id).not.toBe(first.body.permissions[0].id);
    expect(second.body.nextPageToken).toBeUndefined();
  });

  test('update changes the role and nothing else', async () => {
    const { body: permission } = await share(toBob);
    const path = `/files/${file}/permissions/${permission.id}`;
    expect((await alice('PATCH', path, { body: { role: 'writer' } })).body.role).toBe('writer');
    expect((await bob('PATCH', `/files/${file}`, { body: { name: 'his' } })).status).toBe(200);
    expect(reasonOf(await alice('PATCH', path, { body: { emailAddress: 'x@example.com' } }))).toBe(
      '403 fieldNotWritable',
    );
    expect(reasonOf(await alice('PATCH', path, { body: { role: 'boss' } }))).toBe('400 invalid');
    expect(reasonOf(await alice('PATCH', `/files/${file}/permissions/1`, { body: { role: 'reader' } }))).toBe(
      '404 notFound',
    );
  });

  test('the owner stays; everybody else goes, by the sharer or by themselves', async () => {
    const { body: permission } = await share(toBob);
    const { body } = await alice('GET', `/files/${file}/permissions`);
    const owner = body.permissions.find(({ role }: { role: string }) => role === 'owner').id;
    expect(reasonOf(await alice('DELETE', `/files/${file}/permissions/${owner}`))).toBe('403 cannotRemoveOwner');
    expect(reasonOf(await alice('PATCH', `/files/${file}/permissions/${owner}`, { body: { role: 'reader' } }))).toBe(
      '403 cannotRemoveOwner',
    );
    expect(reasonOf(await bob('DELETE', `/files/${file}/permissions/${owner}`))).toBe(
      '403 insufficientFilePermissions',
    );
    expect((await bob('DELETE', `/files/${file}/permissions/${permission.id}`)).status).toBe(204);
    expect((await bob('GET', `/files/${file}`)).status).toBe(404);
  });
});

describe('in a shared drive', () => {
  const inDrive = () => courier.make({ parents: [google.places.sharedDrive] });

  test('members have access to everything, by permissions that show where they are inherited from', async () => {
    const id = await inDrive();
    const { body } = await courier('GET', `/files/${id}/permissions`, { query: { ...all, fields: '*' } });
    const bobs = body.permissions.find(
      ({ emailAddress }: { emailAddress: string }) => emailAddress === 'bob@example.com',
    );
    expect(bobs.permissionDetails).toEqual([
      { permissionType: 'member', role: 'reader', inherited: true, inheritedFrom: google.places.sharedDrive },
    ]);
    for (const [method, ask] of [
      ['DELETE', {}],
      ['PATCH', { body: { role: 'reader' } }],
    ] as const)
      expect(reasonOf(await courier(method, `/files/${id}/permissions/${bobs.id}`, { query: all, ...ask }))).toBe(
        '403 cannotModifyInheritedPermission',
      );
  });

  test.each([
    ['an owner', { ...toBob, role: 'owner' }, '403 ownerOnTeamDriveItemNotSupported'],
    ['an organizer of a file', { ...toBob, role: 'organizer' }, '403 organizerOnNonTeamDriveItemNotSupported'],
    ['a file organizer of a file', { ...toBob, role: 'fileOrganizer' }, '403 fileOrganizerOnFoldersInSharedDriveOnly'],
  ])('%s: no', async (_, body, reason) => {
    expect(reasonOf(await share(body, {}, courier, await inDrive()))).toBe(reason);
  });

  test('contributors share files, content managers folders, and managers the drive, which is shared with people only', async () => {
    const { sharedDrive, sharedDriveFolder } = google.places;
    const ops = apiOf(google, google.world.emails.ops);
    const toDriver = { ...toBob, emailAddress: 'driver@example.com' };
    google.world.addUser('driver@example.com');
    expect((await share(toDriver, {}, alice, await inDrive())).status).toBe(200);
    expect(reasonOf(await share(toDriver, {}, alice, sharedDriveFolder))).toBe('403 insufficientFilePermissions');
    expect((await share(toDriver, {}, courier, sharedDriveFolder)).status).toBe(200);
    expect(reasonOf(await share(toDriver, {}, courier, sharedDrive))).toBe('403 insufficientFilePermissions');
    expect((await share(toDriver, {}, ops, sharedDrive)).status).toBe(200);
    expect(reasonOf(await share({ type: 'anyone', role: 'reader' }, {}, ops, sharedDrive))).toBe(
      '403 cannotShareTeamDriveTopFolderWithAnyoneOrDomains',
    );
  });

  test('a drive for members only cannot be shared with others', async () => {
    const { ops, alice: hers } = google.world.emails;
    const drive = google.drive.createSharedDrive({ name: 'closed', members: [{ email: ops, role: 'organizer' }] });
    const api = apiOf(google, ops);
    await api('PATCH', `/drives/${drive}`, { body: { restrictions: { driveMembersOnly: true } } });
    const id = await api.make({ parents: [drive] });
    expect(reasonOf(await share({ ...toBob, emailAddress: hers }, {}, api, id))).toBe(
      '403 teamDriveTeamMembersOnlyRestriction',
    );
  });
});
