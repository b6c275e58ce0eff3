import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { apiOf, type DriveApi, FOLDER, reasonOf } from '../drive-api.ts';

let google: LocalGoogle;
let alice: DriveApi;
let bob: DriveApi;
beforeAll(async () => {
  google = await startLocalGoogle();
  const { emails } = google.world;
  alice = apiOf(google, emails.alice);
  bob = apiOf(google, emails.bob);
});
afterAll(() => google.close());

const READ_ONLY = { contentRestrictions: [{ readOnly: true, reason: 'Final' }] };
const WRITABLE = { contentRestrictions: [{ readOnly: false }] };
const bobAs = async (role: 'reader' | 'writer') => {
  const id = await alice.make({});
  google.drive.share(id, { email: google.world.emails.bob, role });
  return id;
};
const patch = (api: DriveApi, id: string, body: object, fields = '*') =>
  api('PATCH', `/files/${id}`, { body, query: { fields } });

const upload = async (api: DriveApi, id: string, uploadType: 'media' | 'resumable'): Promise<number> => {
  const url = `${google.origin}/www.googleapis.com/upload/drive/v3/files/${id}?uploadType=${uploadType}`;
  const headers = { authorization: `Bearer ${api.token}`, 'content-type': 'text/plain' };
  return (await fetch(url, { method: 'PATCH', headers, body: uploadType === 'media' ? 'new' : '' })).status;
};

describe('a content restriction', () => {
  test('is shown with the person who set it', async () => {
    const id = await alice.make({});
    const { body } = await patch(alice, id, READ_ONLY, 'contentRestrictions,capabilities');
    expect(body.contentRestrictions).toMatchObject([
      { readOnly: true, reason: 'Final', ownerRestricted: false, restrictingUser: { me: true } },
    ]);
    expect(body.capabilities).toMatchObject({ canModifyContent: false, canRename: false, canEdit: true });
    expect((await patch(alice, id, WRITABLE, 'contentRestrictions')).body).toEqual({});
  });

  test('forbids new content and another name, also at the start of a session, and nothing else', async () => {
    const id = await alice.make({});
    const before = (await patch(alice, id, READ_ONLY, 'modifiedTime')).body.modifiedTime;
    expect([await upload(alice, id, 'media'), await upload(alice, id, 'resumable')]).toEqual([403, 403]);
    expect(reasonOf(await patch(alice, id, { name: 'other' }))).toBe('403 insufficientFilePermissions');
    expect((await patch(alice, id, { starred: true }, 'modifiedTime')).body.modifiedTime).toBe(before);
    expect((await patch(alice, id, { trashed: true })).status).toBe(200);
    expect((await patch(alice, id, { trashed: false, ...WRITABLE })).status).toBe(200);
    expect(await upload(alice, id, 'media')).toBe(200);
  });

  test('can be set and removed by a writer; one for the owner only by the owner', async () => {
    const id = await bobAs('writer');
    expect((await patch(bob, id, READ_ONLY)).status).toBe(200);
    expect((await patch(bob, id, WRITABLE)).status).toBe(200);
    const forOwner = { contentRestrictions: [{ readOnly: true, ownerRestricted: true }] };
    expect(reasonOf(await patch(bob, id, forOwner))).toBe('403 insufficientFilePermissions');
    expect((await patch(alice, id, forOwner)).status).toBe(200);
    expect(reasonOf(await patch(bob, id, WRITABLE))).toBe('403 insufficientFilePermissions');
    expect(reasonOf(await patch(bob, await bobAs('reader'), READ_ONLY))).toBe('403 insufficientFilePermissions');
  });

  test.each([
    ['a reason without readOnly', { contentRestrictions: [{ readOnly: false, reason: 'x' }] }, '400 invalid'],
    ['an unknown field', { contentRestrictions: [{ readonly: true }] }, '400 badRequest'],
    ['a wrong type', { contentRestrictions: { readOnly: true } }, '400 invalid'],
  ])('is refused with %s', async (_, body, reason) => {
    expect(reasonOf(await patch(alice, await alice.make({}), body))).toBe(reason);
  });

  test('of a new file is not implemented', async () => {
    const { status } = await alice('POST', '/files', { body: READ_ONLY });
    expect(status).toBe(501);
  });
});

describe('download restrictions', () => {
  const restriction = (restrictedForReaders: boolean, restrictedForWriters: boolean) => ({
    downloadRestrictions: { itemDownloadRestriction: { restrictedForReaders, restrictedForWriters } },
  });
  const mayDownload = async (id: string) => (await bob('GET', `/files/${id}`, { query: { alt: 'media' } })).status;

  test.each([
    ['reader', restriction(true, false), 403],
    ['writer', restriction(true, false), 200],
    ['writer', restriction(false, true), 403],
    ['reader', restriction(false, true), 403],
    ['reader', { copyRequiresWriterPermission: true }, 403],
  ] as const)('keep a %s with %j from downloading: %s', async (role, body, status) => {
    const id = await bobAs(role);
    const { body: shown } = await patch(alice, id, body, 'copyRequiresWriterPermission,downloadRestrictions');
    expect(shown.copyRequiresWriterPermission).toBe(true);
    expect(shown.downloadRestrictions.effectiveDownloadRestrictionWithContext.restrictedForReaders).toBe(true);
    expect(await mayDownload(id)).toBe(status);
    expect((await alice('GET', `/files/${id}`, { query: { alt: 'media' } })).status).toBe(200);
  });

  test('are for the owner or a manager to set, and not for folders', async () => {
    expect(reasonOf(await patch(bob, await bobAs('writer'), restriction(true, false)))).toBe(
      '403 insufficientFilePermissions',
    );
    const folder = await alice.make({ mimeType: FOLDER });
    expect((await patch(alice, folder, { copyRequiresWriterPermission: true })).status).toBe(400);
  });
});

describe('labels', () => {
  const LABEL = {
    id: 'label1',
    fields: {
      region: { valueType: 'selection', choices: ['north', 'south'] },
      order: { valueType: 'text' },
      count: { valueType: 'integer' },
      due: { valueType: 'dateString' },
      by: { valueType: 'user' },
    },
  } as const;
  beforeAll(() => {
    google.drive.addLabel(LABEL);
    google.drive.addLabel({ id: 'locked', fields: {}, isLocked: true });
  });
  const modify = (api: DriveApi, id: string, fieldModifications: object[], labelId = 'label1') =>
    api('POST', `/files/${id}/modifyLabels`, { body: { labelModifications: [{ labelId, fieldModifications }] } });

  test('are set, listed and removed', async () => {
    const id = await alice.make({});
    const { status, body } = await modify(alice, id, [
      { fieldId: 'region', setSelectionValues: ['north'] },
      { fieldId: 'count', setIntegerValues: ['7'] },
      { fieldId: 'due', setDateValues: ['2026-11-29'] },
      { fieldId: 'by', setUserValues: ['a@example.com'] },
    ]);
    expect(status).toBe(200);
    expect(body.modifiedLabels).toMatchObject([{ id: 'label1', fields: { region: { selection: ['north'] } } }]);
    await modify(alice, id, [{ fieldId: 'region', unsetValues: true }]);
    const { body: listed } = await alice('GET', `/files/${id}/listLabels`);
    expect(Object.keys(listed.labels[0].fields)).toEqual(['count', 'due', 'by']);
    await alice('POST', `/files/${id}/modifyLabels`, {
      body: { labelModifications: [{ labelId: 'label1', removeLabel: true }] },
    });
    expect((await alice('GET', `/files/${id}/listLabels`)).body.labels).toEqual([]);
  });

  test.each([
    ['an unknown label', [], 'other', '404 notFound'],
    ['a label for administrators', [], 'locked', '403 cannotModifyRestrictedLabel'],
    ['an unknown field', [{ fieldId: 'x', setTextValues: ['a'] }], 'label1', '400 invalid'],
    ['another type', [{ fieldId: 'order', setIntegerValues: ['1'] }], 'label1', '400 invalid'],
    ['an unknown choice', [{ fieldId: 'region', setSelectionValues: ['east'] }], 'label1', '400 invalid'],
    ['a number that is none', [{ fieldId: 'count', setIntegerValues: ['many'] }], 'label1', '400 invalid'],
    ['an unknown property', [{ fieldId: 'order', setTexts: ['1'] }], 'label1', '400 badRequest'],
  ])('are refused: %s', async (_, changes, labelId, reason) => {
    expect(reasonOf(await modify(alice, await alice.make({}), changes, labelId))).toBe(reason);
  });

  test('are for those who may edit the file', async () => {
    const change = [{ fieldId: 'order', setTextValues: ['1'] }];
    expect(reasonOf(await modify(bob, await bobAs('reader'), change))).toBe('403 insufficientFilePermissions');
    expect((await modify(bob, await bobAs('writer'), change)).status).toBe(200);
  });
});
