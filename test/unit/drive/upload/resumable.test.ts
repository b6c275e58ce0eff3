import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { UploadTarget } from '../../../../src/drive/drive.ts';
import { createCourierDrive, sourceOf } from '../../../support/courier/courier-drive.ts';
import { type Fault, refusal, startTinyDrive, type TinyRequest } from '../../../support/drive/tiny-drive.ts';
import { type UploadToRequest, uploadTo } from '../../../support/drive/upload-to.ts';

/** An upload that takes up the session of an earlier try, at a granularity of four bytes. */

const BLOCK = 4;
const BYTES = Buffer.from('twelve bytes');

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const TO_CREATE: UploadTarget = {
  kind: 'create',
  file: { id: 'f1', name: 'report.csv', mimeType: 'text/csv', folderId: 'folder' },
};
const TO_REPLACE: UploadTarget = { kind: 'replace', id: 'old', mimeType: 'text/csv' };

const start = async (fault?: (request: TinyRequest) => Fault | undefined) => {
  const tiny = await startTinyDrive({ granularity: BLOCK, ...(fault === undefined ? {} : { fault }) });
  const { drive, transport } = createCourierDrive({
    ...{ origin: tiny.origin, blockBytes: BLOCK, bufferBytes: 64 * BLOCK, multipartBytes: BLOCK },
  });
  closers.push(transport.close, tiny.close);
  tiny.files.set('old', {
    ...{ id: 'old', name: 'report.csv', mimeType: 'text/csv', parents: ['folder'], appProperties: {} },
    revisions: [Buffer.from('before')],
  });
  const sessions: string[] = [];
  const uploadOnce = (target: UploadTarget, more: Partial<UploadToRequest> = {}) =>
    uploadTo(drive, { target, source: sourceOf(BYTES, { isSeekable: true }), maxBytes: 1_000, ...more });
  const upload = (target: UploadTarget, more: Partial<UploadToRequest> = {}) =>
    uploadOnce(target, { keepSession: async (uri) => void sessions.push(uri), ...more });
  /** A try whose session Drive has brought to its end, and whose process died before it saw that. */
  const upToTheEnd = async (target: UploadTarget): Promise<string> => {
    await upload(target);
    const uri = sessions.at(-1);
    if (uri === undefined) throw new Error('no session was opened');
    tiny.requests.length = 0;
    return uri;
  };
  const bytesOf = (id: string): string | undefined => tiny.files.get(id)?.revisions.at(-1)?.toString();
  return { tiny, upload, uploadOnce, upToTheEnd, sessions, bytesOf };
};

/** The last answer of a session says what it has made, or only its kind. */
const undescribed =
  (isUndescribed: () => boolean) =>
  ({ method, path }: TinyRequest): Fault | undefined =>
    method === 'PUT' && path.startsWith('/session/') && isUndescribed()
      ? (reply) => (reply.status === 200 ? { ...reply, body: { kind: 'drive#file' } } : reply)
      : undefined;

describe.each([
  ['describes the file', false],
  ['does not describe the file, which is then looked up', true],
])('a session that has ended, whose answer %s', (_, isUndescribed) => {
  let isOn = false;
  const startSo = () => {
    isOn = false;
    return start(undescribed(() => isOn && isUndescribed));
  };

  test('has created the file', async () => {
    const { tiny, upload, upToTheEnd } = await startSo();
    const sessionUri = await upToTheEnd(TO_CREATE);
    isOn = true;
    expect(await upload(TO_CREATE, { sessionUri })).toMatchObject({ kind: 'exists', file: { id: 'f1' } });
    expect(tiny.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  test('has replaced the file', async () => {
    const { tiny, upload, upToTheEnd } = await startSo();
    const sessionUri = await upToTheEnd(TO_REPLACE);
    isOn = true;
    expect(await upload(TO_REPLACE, { sessionUri })).toMatchObject({
      ...{ kind: 'stored', file: { id: 'old' }, sha256: hash('sha256', BYTES) },
    });
    expect(tiny.files.get('old')?.revisions).toHaveLength(2);
  });

  test('has replaced the file with other bytes: these are sent again', async () => {
    const { tiny, upload, upToTheEnd } = await startSo();
    const sessionUri = await upToTheEnd(TO_REPLACE);
    tiny.files.get('old')?.revisions.push(Buffer.from('theirs'));
    isOn = true;
    const source = sourceOf(BYTES, { isSeekable: true });
    const sent = upload(TO_REPLACE, { sessionUri, source });
    isOn = isUndescribed;
    expect(await sent).toMatchObject({ kind: 'stored', file: { id: 'old' } });
    expect(tiny.files.get('old')?.revisions.map(String)).toEqual(['before', `${BYTES}`, 'theirs', `${BYTES}`]);
  });

  test('has replaced a file that is in the trash now: the bytes are sent again', async () => {
    const { tiny, upload, upToTheEnd } = await startSo();
    const sessionUri = await upToTheEnd(TO_REPLACE);
    const file = tiny.files.get('old');
    if (file !== undefined) file.trashed = true;
    isOn = true;
    await upload(TO_REPLACE, { sessionUri });
    expect(file?.revisions).toHaveLength(3);
  });
});

describe('a session of an earlier try', () => {
  test('that has created a file of another id is not the one of this try', async () => {
    const { upload, upToTheEnd, bytesOf } = await start();
    const sessionUri = await upToTheEnd(TO_CREATE);
    const target: UploadTarget = { kind: 'create', file: { ...TO_CREATE.file, id: 'f2' } };
    expect(await upload(target, { sessionUri })).toMatchObject({ kind: 'stored', file: { id: 'f2' } });
    expect(bytesOf('f2')).toBe(`${BYTES}`);
  });

  test('that has replaced the file leaves it to a delivery that was answered since', async () => {
    const { tiny, upload, upToTheEnd } = await start();
    const sessionUri = await upToTheEnd(TO_REPLACE);
    const file = { ...(await upload(TO_CREATE)).file, id: 'answered' };
    const superseded = await upload(TO_REPLACE, { sessionUri, beforeCommit: async () => ({ file }) });
    expect(superseded).toMatchObject({ kind: 'superseded', file: { id: 'answered' } });
    expect(tiny.files.get('old')?.revisions).toHaveLength(2);
  });

  test('that has replaced the file, of which Drive gives no SHA-256, is sent again', async () => {
    let isOn = false;
    const { tiny, upload, upToTheEnd } = await start(({ method, path, bytes }) =>
      isOn && method === 'PUT' && path.startsWith('/session/') && bytes === 0
        ? (reply) => ({ ...reply, body: { ...(reply.body as object), sha256Checksum: undefined } })
        : undefined,
    );
    const sessionUri = await upToTheEnd(TO_REPLACE);
    isOn = true;
    expect(await upload(TO_REPLACE, { sessionUri })).toMatchObject({ kind: 'stored', file: { id: 'old' } });
    expect(tiny.files.get('old')?.revisions).toHaveLength(3);
  });

  /** What Drive does with the chunks of the first try, before the caller leaves. */
  test.each<[string, Fault[]]>([
    ['within the first block', ['part-stored']],
    ['after two blocks', ['part-stored', 'part-stored']],
  ])('is taken up at the byte that Drive has: %s', async (_, before) => {
    const controller = new AbortController();
    let chunks = 0;
    const { tiny, upload, sessions, bytesOf } = await start(({ method, bytes }) => {
      if (method !== 'PUT' || bytes === 0) return undefined;
      chunks += 1;
      if (chunks <= before.length) return before[chunks - 1];
      if (chunks > before.length + 1) return undefined;
      controller.abort();
      return 'reset-before';
    });
    await expect(upload(TO_CREATE, { signal: controller.signal })).rejects.toBeDefined();
    const [sessionUri = ''] = sessions;
    const session = [...tiny.sessions.values()][0];
    tiny.requests.length = 0;
    expect(await upload(TO_CREATE, { sessionUri })).toMatchObject({ kind: 'stored', file: { id: 'f1' } });
    expect(bytesOf('f1')).toBe(`${BYTES}`);
    expect(session?.finishedId).toBe('f1');
    expect(tiny.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  test('whose file Drive does not show is replaced by a new one', async () => {
    let isOn = false;
    let looks = 0;
    const hidden = ({ method, path }: TinyRequest): Fault | undefined =>
      isOn && method === 'GET' && path.includes('/files/old') && ++looks === 1
        ? () => ({ status: 404, body: {} })
        : undefined;
    const isUndescribed = () => isOn && looks === 0;
    const { tiny, upload, upToTheEnd } = await start((asked) => hidden(asked) ?? undescribed(isUndescribed)(asked));
    const sessionUri = await upToTheEnd(TO_REPLACE);
    isOn = true;
    expect(await upload(TO_REPLACE, { sessionUri })).toMatchObject({ kind: 'stored', file: { id: 'old' } });
    expect([looks > 0, tiny.files.get('old')?.revisions.length]).toEqual([true, 3]);
  });

  test('whose state Drive does not report is kept for another try', async () => {
    let isDown = false;
    const down: Fault = () => ({ status: 503, body: {} });
    const { tiny, upload, upToTheEnd } = await start(({ method, bytes }) =>
      isDown && method === 'PUT' && bytes === 0 ? down : undefined,
    );
    const sessionUri = await upToTheEnd(TO_CREATE);
    isDown = true;
    await expect(upload(TO_CREATE, { sessionUri })).rejects.toMatchObject({ code: 'drive-unavailable' });
    expect(new Set(tiny.requests.map(({ method }) => method))).toEqual(new Set(['PUT']));
  });

  test('that Drive has forgotten is replaced by a new one', async () => {
    const { tiny, upload, bytesOf } = await start();
    const sessionUri = `${tiny.origin}/session/forgotten`;
    expect(await upload(TO_CREATE, { sessionUri })).toMatchObject({ kind: 'stored', file: { id: 'f1' } });
    expect(bytesOf('f1')).toBe(`${BYTES}`);
  });
});

test('a session that Drive refuses to open ends with its reason', async () => {
  const { tiny, upload } = await start(({ method, path }) =>
    method === 'POST' && path.includes('/upload/') ? () => refusal(403, 'storageQuotaExceeded') : undefined,
  );
  await expect(upload(TO_CREATE)).rejects.toMatchObject({ code: 'no-storage-quota' });
  expect(tiny.requests.map(({ method }) => method)).toEqual(['POST']);
});

describe('a session that fails', () => {
  const down = ({ method, bytes }: TinyRequest): Fault | undefined =>
    method === 'PUT' && bytes > 0 ? (): ReturnType<Exclude<Fault, string>> => ({ status: 403, body: full }) : undefined;
  const full = { error: { code: 403, errors: [{ reason: 'storageQuotaExceeded' }] } };

  test('for a reason that lasts is cancelled', async () => {
    const { tiny, upload } = await start(down);
    await expect(upload(TO_CREATE)).rejects.toMatchObject({ retryable: false });
    expect(tiny.requests.at(-1)).toMatchObject({ method: 'DELETE' });
  });

  test('because the caller left is kept only where a later try can resume it', async () => {
    for (const isKept of [true, false]) {
      const { tiny, upload, uploadOnce } = await start();
      const controller = new AbortController();
      const cut = async function* () {
        yield BYTES.subarray(0, 2 * BLOCK);
        // The caller leaves once Drive has opened the session, and its answer has had time to arrive.
        while (tiny.sessions.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        await new Promise((resolve) => setTimeout(resolve, 50));
        controller.abort();
        yield BYTES.subarray(2 * BLOCK);
      };
      const source = { mimeType: 'text/csv', size: BYTES.length, open: cut, openAt: cut };
      const overrides = { source, signal: controller.signal };
      await expect(isKept ? upload(TO_CREATE, overrides) : uploadOnce(TO_CREATE, overrides)).rejects.toBeDefined();
      expect(tiny.requests.some(({ method }) => method === 'DELETE')).toBe(!isKept);
    }
  });
});
