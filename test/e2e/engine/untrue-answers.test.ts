import { hash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { sourceOf } from '../../support/courier/courier-drive.ts';
import { type Reply, refusal, type TinyRequest } from '../../support/drive/tiny-drive.ts';
import { uploadTo } from '../../support/drive/upload-to.ts';
import { create, createStart, failureOf, GRANULARITY, isChunk, LARGE, SMALL } from './small-chunks.ts';

/** Responses of Drive that contradict what was sent: none of them is trusted. */

const start = createStart();

const isSessionStart = ({ method, path }: TinyRequest): boolean => method === 'POST' && path.includes('/upload/');

describe('a session that acknowledges more bytes than it was sent', () => {
  const overstate = (reply: Reply): Reply => {
    const last = Number(/-(\d+)$/.exec(reply.headers?.range ?? '')?.[1]);
    return { status: 308, headers: { range: `bytes=0-${last + GRANULARITY}` } };
  };

  test.each([
    ['whose bytes can be read again, is started again', true],
    ['whose bytes are no longer held, fails and leaves no file', false],
  ])('%s', async (_, isSeekable) => {
    let chunks = 0;
    const { tiny, drive } = await start((request) => (isChunk(request) && ++chunks === 3 ? overstate : undefined));
    const work = uploadTo(drive, { target: create(), source: sourceOf(LARGE, { isSeekable }), maxBytes: 1e6 });
    const sent = () => tiny.requests.filter(isChunk).map(({ headers }) => headers['content-range']);
    if (isSeekable) {
      expect(await work).toMatchObject({ sha256: hash('sha256', LARGE), size: LARGE.length });
      expect(tiny.files.get('one')?.revisions.map((bytes) => hash('sha256', bytes))).toEqual([hash('sha256', LARGE)]);
      expect(tiny.requests.filter(isSessionStart)).toHaveLength(2);
      // No chunk is sent beyond bytes that were never sent.
      expect(sent()[3]).toMatch(/^bytes 0-/);
    } else {
      expect(await failureOf(work)).toMatchObject({ code: 'drive-unavailable' });
      expect(sent()).toHaveLength(3);
      expect(tiny.files.size).toBe(0);
    }
  });
});

describe('an error about the account or the shared drive ends the upload, since a new session would fail as well', () => {
  test.each([
    ['storageQuotaExceeded', /^(no-storage-quota|drive-full)$/],
    ['teamDriveFileLimitExceeded', /^drive-full$/],
    ['insufficientFilePermissions', /^folder-not-writable$/],
    ['accessNotConfigured', /^drive-api-disabled$/],
    ['insufficientPermissions', /^scope-insufficient$/],
  ])('%s', async (reason, code) => {
    const { tiny, drive } = await start((request) => (isChunk(request) ? () => refusal(403, reason) : undefined));
    const source = sourceOf(LARGE, { isSeekable: true });
    const failure = await failureOf(uploadTo(drive, { target: create(), source, maxBytes: 1e6 }));
    expect(failure).toMatchObject({ code: expect.stringMatching(code) });
    expect(tiny.requests.filter(isSessionStart)).toHaveLength(1);
    expect(tiny.requests.filter(isChunk)).toHaveLength(1);
    expect(tiny.files.size).toBe(0);
  });
});

describe('a file that Drive reports with another size than was sent is not accepted', () => {
  const describeWith = (change: object) => (reply: Reply) => ({
    ...reply,
    body: { ...(reply.body as object), ...change },
  });

  test.each([
    ['without a checksum, too long', { size: '51', sha256Checksum: undefined }],
    ['without a checksum, too short', { size: '49', sha256Checksum: undefined }],
    ['with the checksum of what was sent', { size: '51' }],
  ])('%s', async (_, change) => {
    const wrong = describeWith(change);
    const { drive } = await start(({ method, path }) =>
      (method === 'POST' && path.includes('/upload/')) || (method === 'GET' && path.endsWith('/files/one'))
        ? wrong
        : undefined,
    );
    const failure = await failureOf(uploadTo(drive, { target: create(), source: sourceOf(SMALL), maxBytes: 1e6 }));
    expect(failure).toMatchObject({ code: 'drive-unavailable', retryable: true });
  });
});
