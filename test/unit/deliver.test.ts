import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { destination } from '../../src/config/schema/destination.ts';
import { createDeliver } from '../../src/deliver.ts';
import type { Destination } from '../../src/delivery/resolve-options.ts';
import type { Delivery } from '../../src/domain.ts';
import type { Drive, Upload } from '../../src/drive/drive.ts';
import { createMemoryLedger } from '../../src/ledger/memory.ts';
import { createFakeFiles } from '../support/drive/fake-files.ts';
import { createKeptLog } from '../support/kept-log.ts';

const CONFIG = destination.parse({
  ...{ folder: 'root-folder', credentials: 'main', callers: ['a@example.com'] },
  ...{ onConflict: 'fail', maxBytes: 1_000 },
});

const BYTES = Buffer.from('hello');
const SHA256 = createHash('sha256').update(BYTES).digest('hex');

const setUp = (change: Partial<Destination> = {}) => {
  const files = createFakeFiles();
  const received = { sha256: SHA256, size: 5 };
  const send: Upload['send'] = async (target) => {
    if (target.kind !== 'create') throw new Error('nothing is replaced here');
    const { id = '', name, appProperties = {} } = target.file;
    const existing = files.files.get(id);
    if (existing !== undefined) return { kind: 'exists', file: existing };
    return { kind: 'stored', file: files.add({ id, name, appProperties, sha256Checksum: SHA256 }), received };
  };
  const startUpload = async (): Promise<Upload> => ({
    send,
    received: async () => received,
    close: () => undefined,
  });
  /** Searches for files that the retention may move to the trash. */
  const retained: string[] = [];
  const findMarked = async (): Promise<[]> => {
    retained.push('search');
    return [];
  };
  const drive = { ...files, now: Date.now, startUpload, findMarked } as unknown as Drive;
  const arrivals: (() => void)[] = [];
  const place: Destination = {
    name: 'default',
    config: CONFIG,
    drive,
    sheets: () => Promise.reject(new Error('no sheet is used here')),
    folders: {
      // Each delivery finds its folder when the test allows it.
      async ensure() {
        await new Promise<void>((resolve) => arrivals.push(resolve));
        return { folderId: 'root-folder' };
      },
    },
    ...change,
  };
  const now = (): number => 0;
  const deliver = createDeliver({
    allow: () => place,
    ledger: createMemoryLedger({ now }),
    now,
    wall: now,
    log: createKeptLog(),
  });
  const delivery = (idempotencyKey: string): Delivery => ({
    ...{ caller: { sub: '1' }, options: { name: 'a.txt' }, idempotencyKey, requestId: 'r' },
    source: {
      size: 5,
      mimeType: 'text/plain',
      async *open() {
        yield BYTES;
      },
    },
    ...{ signal: new AbortController().signal, deadlineMs: 60_000 },
  });
  const arrived = async (count: number): Promise<void> => {
    while (arrivals.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  return { deliver, delivery, arrivals, arrived, files, retained };
};

test('a file created meanwhile by another attempt with the same key is no conflict; one of another key is', async () => {
  const { deliver, delivery, arrivals, arrived } = setUp();
  const first = deliver(delivery('k'));
  const second = deliver(delivery('k'));
  const stranger = deliver(delivery('another'));
  await arrived(3);
  arrivals[0]?.();
  const receipt = await first;
  expect(receipt).toMatchObject({ outcome: 'created' });
  arrivals[1]?.();
  expect(await second).toEqual({ ...receipt, outcome: 'replayed' });
  arrivals[2]?.();
  await expect(stranger).rejects.toMatchObject({ code: 'name-taken' });
});

test('the default path is rendered for the caller and the time of the delivery', async () => {
  const asked: unknown[] = [];
  const render: Destination['render'] = (template, values) => {
    asked.push(values);
    return `daily/${template}`;
  };
  const { deliver, delivery, arrivals, arrived } = setUp({ render, config: { ...CONFIG, path: 'a' } });
  const delivered = deliver(delivery('k'));
  await arrived(1);
  arrivals[0]?.();
  expect(await delivered).toMatchObject({ path: 'daily/a' });
  expect(asked).toContainEqual({ nowMs: 0, timeZone: CONFIG.timeZone, caller: '1' });
});

test.each([
  ['created', 1],
  ['skipped', 0],
])('the retention follows a delivery only if that has changed a file: %s', async (outcome, count) => {
  const keep = [{ path: '**', last: 1 }];
  const { deliver, delivery, arrivals, arrived, files, retained } = setUp({
    config: { ...CONFIG, onConflict: 'skip', keep },
  });
  if (outcome === 'skipped') files.add({ id: 'f1', name: 'a.txt', sha256Checksum: SHA256 });
  const delivered = deliver(delivery('k'));
  await arrived(1);
  arrivals[0]?.();
  expect(await delivered).toMatchObject({ outcome });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(retained).toHaveLength(count);
});
