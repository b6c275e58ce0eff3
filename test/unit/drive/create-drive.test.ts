import { describe, expect, test } from '@jest/globals';
import type { Drive } from '../../../src/drive/drive.ts';
import { type Answer, FILE, failureOf, refusal, type Seen, startDrive } from '../../support/drive/answering-drive.ts';
import { driveFile } from '../../support/drive/drive-file.ts';

describe('the token', () => {
  test('is dropped after a 401, and a fresh one is tried once', async () => {
    const { drive, seen, rejected } = await startDrive([refusal(401, 'authError'), [200, FILE]]);
    expect(await drive.get('one', {})).toMatchObject({ id: 'one', parents: [], size: undefined });
    expect(rejected).toEqual(['token-1']);
    expect(seen.map(({ token }) => token)).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  test('that is rejected twice needs the operator', async () => {
    const { drive, seen } = await startDrive([refusal(401, 'authError'), refusal(401, 'authError'), [200, FILE]]);
    expect(await failureOf(drive.get('one', {}))).toMatchObject({ code: 'key-revoked', retryable: false });
    expect(seen).toHaveLength(2);
  });
});

describe('calls', () => {
  const calls: [string, (drive: Drive) => Promise<unknown>, Answer[], Partial<Seen>[], unknown][] = [
    ['get', (drive) => drive.get('a/b', {}), [refusal(404, 'notFound')], [{ line: 'GET /files/a%2Fb' }], undefined],
    [
      'find in a shared drive, page by page, oldest first, of exactly the name',
      (drive) => drive.find('folder', "it's", {}),
      [
        [200, { driveId: '0A' }],
        [
          200,
          { nextPageToken: 'p2', files: [{ ...FILE, name: "it's", id: 'newer', createdTime: '2026-11-25T12:00:00Z' }] },
        ],
        [
          200,
          {
            files: [
              { ...FILE, name: "it's" },
              { ...FILE, name: "IT'S" },
            ],
          },
        ],
      ],
      [
        { line: 'GET /files/folder', query: { supportsAllDrives: 'true' } },
        { line: 'GET /files' },
        { line: 'GET /files' },
      ],
      [{ id: 'one' }, { id: 'newer' }],
    ],
    [
      'findFolders in somebody’s own Drive',
      (drive) => drive.findFolders('root', '11', {}),
      [
        [200, {}],
        [200, { files: [] }],
      ],
      [{ line: 'GET /files/root' }, { line: 'GET /files' }],
      [],
    ],
    [
      'createFolder',
      (drive) => drive.createFolder({ id: 'new', name: '11', parentId: 'parent' }, {}),
      [[503], [200, { id: 'new' }]],
      [
        {},
        {
          line: 'POST /files',
          query: { supportsAllDrives: 'true', fields: 'id' },
          body: { id: 'new', name: '11', mimeType: 'application/vnd.google-apps.folder', parents: ['parent'] },
        },
      ],
      { existed: false },
    ],
    [
      'createFolder of an id that exists',
      (drive) => drive.createFolder({ id: 'new', name: '11', parentId: 'p' }, {}),
      [refusal(409, 'fileIdInUse')],
      [{}],
      { existed: true },
    ],
    [
      'remove',
      (drive) => drive.remove('one', {}),
      [[204]],
      [{ line: 'DELETE /files/one', query: { supportsAllDrives: 'true' } }],
      undefined,
    ],
    [
      'remove a file that was removed before',
      (drive) => drive.remove('one', {}),
      [refusal(404, 'notFound')],
      [{}],
      undefined,
    ],
    [
      'remove where only the trash is allowed',
      (drive) => drive.remove('one', {}),
      [refusal(403, 'insufficientFilePermissions'), [200, { id: 'one' }]],
      [{}, { line: 'PATCH /files/one', query: { supportsAllDrives: 'true', fields: 'id' }, body: { trashed: true } }],
      undefined,
    ],
    [
      'removeUnchanged of a file that Drive does not show, which may still be there',
      (drive) => drive.removeUnchanged(driveFile({ id: 'one' }), {}),
      [refusal(404, 'notFound')],
      [{}],
      false,
    ],
    [
      'removeRevision',
      (drive) => drive.removeRevision('one', 'r2', {}),
      [[204], [200, { ...FILE, headRevisionId: 'r1' }]],
      [{ line: 'DELETE /files/one/revisions/r2' }, { line: 'GET /files/one' }],
      true,
    ],
    [
      'removeRevision of a revision that was removed before',
      (drive) => drive.removeRevision('one', 'r2', {}),
      [refusal(404, 'notFound'), refusal(404, 'notFound')],
      [{}, {}],
      true,
    ],
    [
      'removeRevision that the file still shows',
      (drive) => drive.removeRevision('one', 'r2', {}),
      [[204], [200, { ...FILE, headRevisionId: 'r2' }]],
      [{}, {}],
      false,
    ],
    [
      'share with a group, in silence',
      (drive) => drive.share('one', { type: 'group', role: 'reader', email: 'g@example.com' }, false, {}),
      [[200, { id: 'p' }]],
      [
        {
          line: 'POST /files/one/permissions',
          query: { supportsAllDrives: 'true', fields: 'id', sendNotificationEmail: 'false' },
          body: { type: 'group', role: 'reader', emailAddress: 'g@example.com' },
        },
      ],
      undefined,
    ],
    [
      'share with a domain',
      (drive) => drive.share('one', { type: 'domain', role: 'reader', domain: 'example.com' }, false, {}),
      [[200, { id: 'p' }]],
      [
        {
          query: { supportsAllDrives: 'true', fields: 'id' },
          body: { type: 'domain', role: 'reader', domain: 'example.com' },
        },
      ],
      undefined,
    ],
    [
      'imports',
      (drive) => drive.imports({}),
      [[200, { importFormats: { 'text/csv': ['sheet'] }, maxImportSizes: { sheet: '104857600' } }]],
      [{ line: 'GET /about', query: { fields: 'importFormats,maxImportSizes' } }],
      { formats: { 'text/csv': ['sheet'] }, maxSizes: { sheet: 104_857_600 } },
    ],
    [
      'inspectFolder',
      (drive) => drive.inspectFolder('folder', {}),
      [
        [
          200,
          {
            name: 'Reports',
            mimeType: 'application/vnd.google-apps.folder',
            driveId: '0A',
            capabilities: { canAddChildren: true },
          },
        ],
      ],
      [{ line: 'GET /files/folder' }],
      { name: 'Reports', driveId: '0A', ownedByMe: false, canAddChildren: true, canShare: false, isFolder: true },
    ],
    [
      'aboutAccount',
      (drive) => drive.aboutAccount({}),
      [[200, { user: { emailAddress: 'a@b.c' }, storageQuota: { usage: '12' } }]],
      [{ line: 'GET /about', query: { fields: 'user(emailAddress),storageQuota(limit,usage)' } }],
      { email: 'a@b.c', storageLimit: undefined, storageUsed: 12 },
    ],
  ];
  test.each(calls)('%s', async (_, run, answers, requests, result) => {
    const { drive, seen } = await startDrive(answers);
    const got = await run(drive);
    if (result === undefined) expect(got).toBeUndefined();
    else expect({ got }).toMatchObject({ got: result });
    expect(seen).toMatchObject(requests);
  });

  test('a search names the drive it means, and looks it up once', async () => {
    const list: Answer = [200, { files: [] }];
    const { drive, seen } = await startDrive([[200, { driveId: '0A' }], list, list]);
    await drive.find('folder', 'a', {});
    await drive.findMarked('folder', 'courierKey', 'k', {});
    expect(seen.map(({ line }) => line)).toEqual(['GET /files/folder', 'GET /files', 'GET /files']);
    expect(seen[2]?.query).toMatchObject({
      corpora: 'drive',
      driveId: '0A',
      includeItemsFromAllDrives: 'true',
      supportsAllDrives: 'true',
    });
  });

  test('an error from the client library becomes one of the contract’s codes', async () => {
    const { drive } = await startDrive([refusal(404, 'notFound')]);
    expect(await failureOf(drive.inspectFolder('folder', {}))).toMatchObject({
      code: 'folder-not-found',
      remedy: expect.stringContaining('courier@p.iam.gserviceaccount.com'),
    });
  });

  test('an unresponsive Google is reported as an unavailable Drive, with the cause', async () => {
    const { drive } = await startDrive(Array.from({ length: 9 }, () => (_, request) => void request.socket.destroy()));
    const failure = await failureOf(drive.get('one', {}));
    expect(failure).toMatchObject({ code: 'drive-unavailable', cause: { code: 'google-unavailable' } });
  });
});

test.each([
  ['r1', true],
  ['r2', false],
])('after a revision is removed, the log has the revision that the file shows: %s', async (headRevisionId, removed) => {
  const { drive, log } = await startDrive([[204], [200, { ...FILE, headRevisionId }]]);
  await drive.removeRevision('one', 'r2', {});
  expect(log.lines).toEqual([expect.stringContaining(`"removed":${removed}`)]);
  expect(log.lines[0]).toContain(`"headRevisionId":"${headRevisionId}"`);
});

test('a rate limit slows the account down before the call is retried', async () => {
  const { drive, paced } = await startDrive([
    refusal(403, 'userRateLimitExceeded'),
    refusal(429, 'x'),
    [503],
    [200, FILE],
  ]);
  await drive.get('one', {});
  expect(paced.slowDowns).toBe(2);
});
