import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ReceivedBytes, UploadTarget } from '../../../../src/drive/drive.ts';
import { createCourierDrive, sourceOf } from '../../../support/courier/courier-drive.ts';
import { type Fault, startTinyDrive } from '../../../support/drive/tiny-drive.ts';
import { uploadTo } from '../../../support/drive/upload-to.ts';

/** A small file, which goes to Drive in one request. */

const BYTES = Buffer.from('small');
const TARGET: UploadTarget & { kind: 'create' } = {
  kind: 'create',
  file: { id: 'f1', name: 'report.csv', mimeType: 'text/csv', folderId: 'folder' },
};

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Uploads the file while each request has the next fault. */
const uploadWith = async (faultOf: (turn: number) => Fault | undefined, believesLimit?: boolean) => {
  let requests = 0;
  const tiny = await startTinyDrive({
    granularity: 262_144,
    fault: ({ path }) => (path.includes('/upload/') ? faultOf(++requests) : undefined),
  });
  const { drive, transport } = createCourierDrive({ origin: tiny.origin });
  closers.push(transport.close, tiny.close);
  let commits = 0;
  const md5s: (string | undefined)[] = [];
  const beforeCommit = async ({ md5 }: ReceivedBytes): Promise<undefined> => {
    commits += 1;
    md5s.push(md5);
  };
  const ends: unknown[] = [];
  const onCommit = () => (status: unknown) => void ends.push(status);
  const overrides = {
    maxBytes: 1_000,
    beforeCommit,
    onCommit,
    ...(believesLimit === undefined ? {} : { believesLimit }),
  };
  const sent = uploadTo(drive, { target: TARGET, source: sourceOf(BYTES), ...overrides });
  const outcome = await sent.then(
    ({ kind }) => kind,
    ({ code }: { code?: string }) => code,
  );
  return { outcome, requests, commits, md5s, ends, revisions: tiny.files.get('f1')?.revisions.map(String) };
};

const MD5 = createHash('md5').update(BYTES).digest('hex');

describe('a file in one request', () => {
  test.each<Fault>(['reset-before', 'unavailable', 'rate-limited'])(
    'is sent again after %s, and checked again before that',
    async (fault) => {
      expect(await uploadWith((turn) => (turn <= 2 ? fault : undefined))).toMatchObject({
        ...{ outcome: 'stored', requests: 3, commits: 3, revisions: ['small'] },
        // Others may have replaced what an earlier attempt has stored, and only an MD5 shows that.
        md5s: [undefined, MD5, MD5],
      });
    },
  );

  test.each([
    ['is believed at once where another account can take it', true, 1],
    ['is retried where no other account can', false, 3],
  ])('of an account whose upload limit is reached: the limit %s', async (_, believesLimit, count) => {
    const message = 'User rate limit exceeded.';
    const errors = [{ domain: 'usageLimits', reason: 'userRateLimitExceeded', message }];
    const limited: Fault = () => ({ status: 403, body: { error: { code: 403, message, errors } } });
    const { requests } = await uploadWith((turn) => (turn < 3 ? limited : undefined), believesLimit);
    expect(requests).toBe(count);
  });

  test('is found where only the answer was lost', async () => {
    expect(await uploadWith((turn) => (turn === 1 ? 'answer-lost' : undefined))).toMatchObject({
      ...{ outcome: 'exists', requests: 2, commits: 2, ends: [undefined, 409], revisions: ['small'] },
    });
  });

  test('is given up where Drive is never reached', async () => {
    const { outcome, requests, commits, revisions } = await uploadWith(() => 'reset-before');
    expect([outcome, revisions]).toEqual(['drive-unavailable', undefined]);
    expect(requests).toBeGreaterThan(1);
    expect(commits).toBe(requests);
  });

  test('waits for its buffers as long as it must where it has no deadline', async () => {
    const tiny = await startTinyDrive({ granularity: 262_144 });
    const { drive, transport } = createCourierDrive({ origin: tiny.origin, bufferBytes: 262_144 });
    closers.push(transport.close, tiny.close);
    const upload = (id: string) => {
      const target = { kind: 'create', file: { ...TARGET.file, id } } as const;
      return uploadTo(drive, { target, source: sourceOf(BYTES), maxBytes: 1_000 });
    };
    // There are buffers for four of them at once.
    const ids = Array.from({ length: 12 }, (_, at) => `f${at}`);
    const kinds = (await Promise.all(ids.map(upload))).map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['stored']));
  });
});
