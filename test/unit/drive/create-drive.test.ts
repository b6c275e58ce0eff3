import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createDrive } from '../../../src/drive/create-drive.ts';
import type { Drive } from '../../../src/drive/drive.ts';
import { createBufferBudget } from '../../../src/drive/upload/buffer-budget.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import { createKeptLog } from '../../support/kept-log.ts';

interface Seen {
  line: string;
  query: Record<string, string>;
  body: unknown;
  token: string | undefined;
}

type Answer = [status: number, body?: unknown] | ((response: ServerResponse, request: IncomingMessage) => void);

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const PREFIX = '/www.googleapis.com/drive/v3';

/** A server that sends the given responses in order, and a Drive client that calls it. */
const start = async (answers: Answer[]) => {
  const seen: Seen[] = [];
  const rejected: string[] = [];
  const paced = { slowDowns: 0 };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://drive');
    const body = await text(request);
    seen.push({
      line: `${request.method} ${url.pathname.replace(PREFIX, '')}`,
      query: Object.fromEntries(url.searchParams),
      body: body === '' ? undefined : JSON.parse(body),
      token: request.headers.authorization,
    });
    const answer = answers.shift() ?? [500];
    if (typeof answer === 'function') return answer(response, request);
    response.writeHead(answer[0], { 'content-type': 'application/json' }).end(answer[1] && JSON.stringify(answer[1]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const sleep = async (): Promise<void> => undefined;
  const log = createKeptLog();
  const transport = createTransport({ googleOrigin: `http://127.0.0.1:${port}`, sleep, log });
  const drive = createDrive({
    transport,
    auth: {
      token: async () => `token-${rejected.length + 1}`,
      rejected: (token) => rejected.push(token),
      account: () => 'courier@p.iam.gserviceaccount.com',
      rotated: () => undefined,
    },
    budget: createBufferBudget({ bytes: 1e7, maxWaiters: 1 }),
    pace: {
      spend: async () => undefined,
      slowDown: () => {
        paced.slowDowns += 1;
      },
    },
    now: () => 1_000,
    log,
  });
  closers.push(transport.close, () => {
    server.closeAllConnections();
    server.close();
  });
  return { drive, seen, rejected, paced, log };
};

const refusal = (status: number, reason: string): Answer => [status, { error: { code: status, errors: [{ reason }] } }];

const FILE = {
  id: 'one',
  name: 'report',
  mimeType: 'text/csv',
  createdTime: '2026-11-24T12:00:00Z',
  modifiedTime: '2026-11-24T12:00:00Z',
};

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(() => undefined).catch((error: unknown) => error);

describe('the token', () => {
  test('is dropped after a 401, and a fresh one is tried once', async () => {
    const { drive, seen, rejected } = await start([refusal(401, 'authError'), [200, FILE]]);
    expect(await drive.get('one', {})).toMatchObject({ id: 'one', parents: [], size: undefined });
    expect(rejected).toEqual(['token-1']);
    expect(seen.map(({ token }) => token)).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  test('that is rejected twice needs the operator', async () => {
    const { drive, seen } = await start([refusal(401, 'authError'), refusal(401, 'authError'), [200, FILE]]);
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
    ['remove what has gone', (drive) => drive.remove('one', {}), [refusal(404, 'notFound')], [{}], undefined],
    [
      'remove where only the trash is allowed',
      (drive) => drive.remove('one', {}),
      [refusal(403, 'insufficientFilePermissions'), [200, { id: 'one' }]],
      [{}, { line: 'PATCH /files/one', query: { supportsAllDrives: 'true', fields: 'id' }, body: { trashed: true } }],
      undefined,
    ],
    [
      'removeRevision',
      (drive) => drive.removeRevision('one', 'r2', {}),
      [[204]],
      [{ line: 'DELETE /files/one/revisions/r2' }],
      undefined,
    ],
    [
      'removeRevision that has gone',
      (drive) => drive.removeRevision('one', 'r2', {}),
      [refusal(404, 'notFound')],
      [{}],
      undefined,
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
    const { drive, seen } = await start(answers);
    const got = await run(drive);
    if (result === undefined) expect(got).toBeUndefined();
    else expect(got).toMatchObject(result as object);
    expect(seen).toMatchObject(requests);
  });

  test('a search names the drive it means, and looks it up once', async () => {
    const list: Answer = [200, { files: [] }];
    const { drive, seen } = await start([[200, { driveId: '0A' }], list, list]);
    await drive.find('folder', 'a', {});
    await drive.findByProperty('folder', 'courierKey', 'k', {});
    expect(seen.map(({ line }) => line)).toEqual(['GET /files/folder', 'GET /files', 'GET /files']);
    expect(seen[2]?.query).toMatchObject({
      corpora: 'drive',
      driveId: '0A',
      includeItemsFromAllDrives: 'true',
      supportsAllDrives: 'true',
    });
  });

  test('an error from the client library becomes one of the contract’s codes', async () => {
    const { drive } = await start([refusal(404, 'notFound')]);
    expect(await failureOf(drive.inspectFolder('folder', {}))).toMatchObject({
      code: 'folder-not-found',
      remedy: expect.stringContaining('courier@p.iam.gserviceaccount.com'),
    });
  });

  test('an unresponsive Google is reported as an unavailable Drive, with the cause', async () => {
    const { drive } = await start(Array.from({ length: 9 }, () => (_, request) => void request.socket.destroy()));
    const failure = await failureOf(drive.get('one', {}));
    expect(failure).toMatchObject({ code: 'drive-unavailable', cause: { code: 'google-unavailable' } });
  });
});

test('a rate limit slows the account down before the call is retried', async () => {
  const { drive, paced } = await start([refusal(403, 'userRateLimitExceeded'), refusal(429, 'x'), [503], [200, FILE]]);
  await drive.get('one', {});
  expect(paced.slowDowns).toBe(2);
});

describe('direct sessions', () => {
  test('are opened for a size and last a week', async () => {
    const { drive, seen } = await start([
      (response) => response.writeHead(200, { location: 'http://127.0.0.1:1/s?upload_id=secret' }).end(),
    ]);
    const size = 33 * 1024 ** 3;
    const file = { id: 'one', name: 'big', mimeType: 'video/mp4', folderId: 'folder' };
    expect(await drive.openSession(file, size, {})).toEqual({
      sessionUri: 'http://127.0.0.1:1/s?upload_id=secret',
      expiresAtMs: 1_000 + 604_800_000,
    });
    expect(seen[0]).toMatchObject({
      line: 'POST /www.googleapis.com/upload/drive/v3/files',
      query: { uploadType: 'resumable', supportsAllDrives: 'true' },
      body: { id: 'one', name: 'big', mimeType: 'video/mp4', parents: ['folder'] },
    });
  });

  test.each(['bytes=5-99', 'bytes=0-', '0-99,200-300', 'lines=0-9', 'bytes=0-9999999999999999'])(
    'whose Range cannot be parsed (%s) are inconclusive, and never treated as empty',
    async (range) => {
      const { drive } = await start([(response) => response.writeHead(308, { range }).end()]);
      const status = drive.sessionStatus('https://www.googleapis.com/s?upload_id=secret', 500, {});
      expect(await failureOf(status)).toMatchObject({ code: 'drive-unavailable', retryable: true });
    },
  );

  test.each<[string, Answer, unknown]>([
    ['open', (response) => response.writeHead(308, { range: 'bytes=0-99' }).end(), { state: 'open', stored: 100 }],
    ['open and empty', (response) => response.writeHead(308).end(), { state: 'open', stored: 0 }],
    [
      'open, said without a unit',
      (response) => response.writeHead(308, { range: '0-99' }).end(),
      { state: 'open', stored: 100 },
    ],
    ['done', [200, { id: 'one' }], { state: 'done', fileId: 'one' }],
    ['gone', [404], { state: 'gone' }],
    ['gone', [410], { state: 'gone' }],
    ['of a state that Drive does not tell', [400], { state: 'refused' }],
  ])('are %s', async (_, answer, status) => {
    const { drive, seen, log } = await start([answer]);
    // The transport uses a session URI as it is. This one reaches the same server through its origin.
    expect(await drive.sessionStatus('https://www.googleapis.com/s?upload_id=secret', 500, {})).toEqual(status);
    expect(seen[0]?.token).toBeUndefined();
    expect(log.lines.join()).not.toContain('secret');
  });
});

describe('a success status with an invalid body is a transient error', () => {
  const html: Answer = (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
  test.each<[string, (drive: Drive) => Promise<unknown>]>([
    ['get', (drive) => drive.get('one', {})],
    ['newId', (drive) => drive.newId({})],
    ['resolveFolder', (drive) => drive.resolveFolder('folder', {})],
    ['imports', (drive) => drive.imports({})],
    ['aboutAccount', (drive) => drive.aboutAccount({})],
  ])('%s', async (_, run) => {
    const { drive } = await start([html]);
    expect(await failureOf(run(drive))).toMatchObject({ code: 'drive-unavailable', retryable: true });
  });

  test('an account without details in Drive’s response is read', async () => {
    const { drive } = await start([[200, {}]]);
    expect(await drive.aboutAccount({})).toEqual({ email: '', storageLimit: undefined, storageUsed: 0 });
  });
});
