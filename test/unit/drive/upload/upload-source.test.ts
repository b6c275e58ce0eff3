import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { UploadRequest, UploadTarget } from '../../../../src/drive/drive.ts';
import { createBufferBudget } from '../../../../src/drive/upload/buffer-budget.ts';
import { createUploadSource } from '../../../../src/drive/upload/upload-source.ts';
import { CourierError } from '../../../../src/errors.ts';

const BLOCK = 4;
const BYTES = Buffer.from('twelve bytes');
const digestOf = (algorithm: string, bytes: Uint8Array): string => createHash(algorithm).update(bytes).digest('hex');
const SHA256 = digestOf('sha256', BYTES);
const OTHER_SHA256 = digestOf('sha256', Buffer.from('other bytes'));
const TARGET: UploadTarget = { kind: 'replace', id: 'f1', mimeType: 'text/csv' };

const open = async (more: Partial<UploadRequest> & { isReopened?: boolean } = {}) => {
  const budget = createBufferBudget({ bytes: 64 * BLOCK, maxWaiters: 1, blockBytes: BLOCK, now: () => 0 });
  const lease = await budget.lease(2);
  async function* bytes(offset = 0) {
    yield BYTES.subarray(offset);
  }
  const { isReopened = false, ...overrides } = more;
  const source = {
    mimeType: 'text/csv',
    size: BYTES.length,
    open: () => bytes(),
    ...(isReopened ? { openAt: bytes } : {}),
  };
  const opened = createUploadSource(
    { source, maxBytes: 1_000, ...overrides },
    { lease, blockBytes: BLOCK, now: () => 0 },
  );
  return { opened, end: opened.close };
};

describe('the announced digest', () => {
  test('is compared with all bytes, also where none of them are sent', async () => {
    const { opened, end } = await open({ expectedSha256: OTHER_SHA256 });
    await expect(opened.received()).rejects.toMatchObject({ code: 'digest-mismatch' });
    end();
  });

  test('is compared before the bytes become a file, and before anything else is asked', async () => {
    const asked: string[] = [];
    const beforeCommit = async ({ sha256 }: { sha256: string }) => void asked.push(sha256);
    const { opened, end } = await open({ expectedSha256: OTHER_SHA256, beforeCommit });
    const received = { sha256: SHA256, size: BYTES.length };
    await expect(opened.commit(received, TARGET)).rejects.toMatchObject({ code: 'digest-mismatch' });
    expect([asked, opened.committed()]).toEqual([[], false]);
    end();
  });

  test('that is right is no obstacle', async () => {
    const { opened, end } = await open({ expectedSha256: SHA256 });
    const received = await opened.received();
    expect(received).toMatchObject({ sha256: SHA256, size: BYTES.length });
    expect(await opened.commit(received, TARGET)).toBeUndefined();
    expect(opened.committed()).toBe(true);
    end();
  });
});

test('bytes that differ from those that were committed before are not sent', async () => {
  const { opened, end } = await open();
  await opened.commit({ sha256: SHA256, size: 12 }, TARGET);
  await expect(opened.commit({ sha256: OTHER_SHA256, size: 12 }, TARGET)).rejects.toMatchObject({
    code: 'drive-unavailable',
  });
  end();
});

describe('the MD5 of all bytes', () => {
  test.each<[string, boolean, boolean, string | undefined]>([
    ['is that of the bytes that are held', false, false, digestOf('md5', BYTES)],
    ['is that of the bytes as they are read again', true, true, digestOf('md5', BYTES)],
    ['is not known once they were dropped', false, true, undefined],
  ])('%s', async (_, isReopened, isDropped, expected) => {
    const { opened, end } = await open({ isReopened });
    const chunk = await opened.buffer().next(0);
    if (isDropped) opened.buffer().drop(BLOCK);
    else if (chunk.whole === undefined) await opened.buffer().readAhead(BYTES.length);
    expect(await opened.md5(BYTES.length)).toBe(expected);
    end();
  });
});

test('bytes that are opened again begin at their start', async () => {
  const { opened, end } = await open({ isReopened: true });
  await opened.buffer().next(0);
  opened.reopen(BLOCK);
  const { whole } = await opened.buffer().next(BLOCK);
  expect(whole).toMatchObject({ sha256: SHA256, size: BYTES.length });
  end();
});

test('reading ends with the request', async () => {
  const controller = new AbortController();
  const { opened, end } = await open({ signal: controller.signal });
  const reading = opened.buffer();
  const reason = new CourierError('shutting-down');
  controller.abort(reason);
  await expect(reading.next(0)).rejects.toBe(reason);
  end();
});

test('bytes that another request has taken over end with that one, and no longer with the first', async () => {
  const [first, next] = [new AbortController(), new AbortController()];
  const { opened, end } = await open({ signal: first.signal });
  opened.serve({
    source: { mimeType: 'text/csv', size: 12, open: async function* () {} },
    maxBytes: 1_000,
    signal: next.signal,
  });
  first.abort(new CourierError('drive-unavailable'));
  expect(await opened.buffer().next(0)).toBeDefined();
  const reason = new CourierError('shutting-down');
  next.abort(reason);
  await expect(opened.buffer().next(0)).rejects.toBe(reason);
  end();
});
