import { describe, expect, test } from '@jest/globals';
import { deliveryKey } from '../../../src/delivery/idempotency.ts';
import type { DriveFile } from '../../../src/drive/drive.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createOpenUploads, type OpenOptions, UNAVAILABLE } from '../../support/drive/open-uploads.ts';

const PLAN_KEY = deliveryKey({ sub: '1' }, 'k');
const FORMER = { id: 'former', name: 'report.csv', headRevisionId: 'r1' };

/** Uploads of which the first with key `k` could not be opened, since Drive was unavailable. */
const setUpUnopened = async (options: OpenOptions, changeLedger?: (ledger: Ledger) => Partial<Ledger>) => {
  const uploads = createOpenUploads(changeLedger === undefined ? {} : { changeLedger });
  uploads.failures.push(UNAVAILABLE);
  await expect(uploads.open({ key: 'k', ...options })).rejects.toBe(UNAVAILABLE);
  return { ...uploads, open: () => uploads.open({ key: 'k', ...options }) };
};

describe('a key', () => {
  test('gets the same session again', async () => {
    const { open, asked, files, ledger } = createOpenUploads();
    const opened = await open({ key: 'k' });
    expect(opened.id).toMatch(/^[\w-]{32}$/);
    // The first attempt plans once.
    expect(files.calls).toEqual({ find: 1, newId: 1, get: 1 });
    expect(await ledger.read(PLAN_KEY)).toMatchObject({ fileId: 'id-1', state: 'claimed' });
    expect(await open({ key: 'k' })).toEqual({ ...opened, isNew: false });
    expect(asked).toHaveLength(1);
  });

  test('is the caller’s own, and other requests have other sessions', async () => {
    const { open } = createOpenUploads();
    const options = { onConflict: 'new' } as const;
    const all = [
      await open({ key: 'k', ...options }),
      await open({ key: 'l', ...options }),
      await open({ key: 'k', ...options, caller: { sub: '2' } }),
      await open(options),
      await open(options),
    ];
    expect(new Set(all.map(({ id }) => id)).size).toBe(5);
    expect(new Set(all.map(({ uploadUrl }) => uploadUrl)).size).toBe(5);
  });

  test.each<[string, OpenOptions]>([
    ['name', { name: 'other.csv' }],
    ['size', { size: 4 }],
  ])('is refused for another %s', async (_, change) => {
    const { open } = createOpenUploads();
    await open({ key: 'k' });
    await expect(open({ key: 'k', ...change })).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  });

  test('is refused if a file was sent with it in another way', async () => {
    const { open, ledger, asked } = createOpenUploads();
    await ledger.claim(PLAN_KEY, { fileId: 'f1', fingerprint: 'of a file', state: 'done', claimedAtMs: 1 });
    await expect(open({ key: 'k' })).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    expect(asked).toEqual([]);
  });
});

describe('two attempts with one key at the same moment', () => {
  test('get the session that was saved first', async () => {
    const { open, drive, asked } = createOpenUploads();
    const { openSession } = drive;
    let second: ReturnType<typeof open> | undefined;
    drive.openSession = async (...given) => {
      drive.openSession = openSession;
      const session = await openSession(...given);
      second = open({ key: 'k' });
      await second;
      return session;
    };
    const first = await open({ key: 'k' });
    expect(asked).toHaveLength(2);
    expect(await second).toMatchObject({ uploadUrl: 'https://session/2', isNew: true });
    expect(first).toEqual({ ...(await second), isNew: false });
  });

  /** Of an upload whose file is whole, another attempt that read the ledger before the key was claimed. */
  const setUpLate = async () => {
    let isLate = false;
    const uploads = createOpenUploads({
      changeLedger: ({ read }) => ({
        read: async (key) => {
          if (!isLate || key !== PLAN_KEY) return read(key);
          isLate = false;
          return undefined;
        },
      }),
    });
    const opened = await uploads.open({ key: 'k', onConflict: 'fail' });
    uploads.files.add({ id: 'id-1', name: 'report.csv' });
    isLate = true;
    return { ...uploads, opened };
  };

  test('the name is not taken for the one that comes late', async () => {
    const { open, opened, asked } = await setUpLate();
    expect(await open({ key: 'k', onConflict: 'fail' })).toEqual({ ...opened, isNew: false });
    expect(asked).toHaveLength(1);
  });

  test('another error is reported to the one that comes late', async () => {
    const { open, drive } = await setUpLate();
    drive.get = () => Promise.reject(UNAVAILABLE);
    await expect(open({ key: 'k', onConflict: 'fail' })).rejects.toBe(UNAVAILABLE);
  });
});

describe('a key whose session could not be opened', () => {
  test('keeps its plan where nothing has changed', async () => {
    let writes = 0;
    const { open, asked } = await setUpUnopened({}, ({ record }) => ({
      async record(...given) {
        writes += 1;
        return record(...given);
      },
    }));
    expect(await open()).toMatchObject({ isNew: true, uploadUrl: 'https://session/2' });
    expect(asked.map(({ kind, file }) => [kind, file.id])).toEqual([
      ['create', 'id-1'],
      ['create', 'id-1'],
    ]);
    expect(writes).toBe(0);
  });

  test('replaces a file that has got the name since', async () => {
    const { open, asked, files, ledger, sessionOf } = await setUpUnopened({});
    files.add(FORMER);
    const { id } = await open();
    expect(asked[1]).toMatchObject({ kind: 'replace', file: { id: 'former' } });
    expect(await ledger.read(PLAN_KEY)).toMatchObject({ state: 'claimed', record: { plan: { fileId: 'former' } } });
    expect(await sessionOf(id)).toMatchObject({ plan: { kind: 'replace', fileId: 'former' } });
  });

  test('keeps its own id where each delivery makes a file, also in another folder', async () => {
    const { open, asked, place } = await setUpUnopened({ onConflict: 'new' });
    place.folderId = 'other-folder';
    await open();
    expect(asked[1]?.file).toMatchObject({ id: 'id-1', folderId: 'other-folder' });
  });

  test('reports that the name is taken now', async () => {
    const { open, files, asked } = await setUpUnopened({ onConflict: 'fail' });
    files.add(FORMER);
    await expect(open()).rejects.toMatchObject({ code: 'name-taken' });
    expect(asked).toHaveLength(1);
  });

  test('is answered with the session of another attempt that was faster, whose file has the name by now', async () => {
    const { open, drive, files, asked } = await setUpUnopened({ onConflict: 'fail' });
    const { find } = drive;
    let faster: ReturnType<typeof open> | undefined;
    drive.find = async (...given): Promise<DriveFile[]> => {
      drive.find = find;
      faster = open();
      await faster;
      files.add({ id: 'id-1', name: 'report.csv' });
      return find(...given);
    };
    const opened = await open();
    expect(opened).toEqual({ ...(await faster), isNew: false });
    expect(asked).toHaveLength(2);
  });

  test('revises its plan at most five times where other attempts always do so first', async () => {
    let writes = 0;
    const { open, files } = await setUpUnopened({}, ({ read, record }) => ({
      async record(key, change, stored) {
        if (key !== PLAN_KEY) return record(key, change, stored);
        if (++writes > 10) throw new Error('too many attempts');
        return { entry: (await read(key)) ?? stored, mine: false };
      },
    }));
    files.add(FORMER);
    await open();
    expect(writes).toBe(5);
  });
});

describe('a key whose upload has ended without a file', () => {
  test('opens another upload', async () => {
    const { open, end, asked, sessionOf } = createOpenUploads();
    const first = await open({ key: 'k' });
    await end(first.id, 'other-bytes');
    const second = await open({ key: 'k' });
    expect(second).toMatchObject({ isNew: true, uploadUrl: 'https://session/2' });
    expect(second.id).not.toBe(first.id);
    expect(await open({ key: 'k' })).toEqual({ ...second, isNew: false });
    expect(asked).toHaveLength(2);
    expect(await sessionOf(first.id)).toMatchObject({ over: 'other-bytes' });
  });

  test('opens 100 uploads, and no more', async () => {
    const { open, end } = createOpenUploads();
    const ids = new Set<string>();
    for (let round = 0; round < 100; round++) {
      const { id } = await open({ key: 'k', onConflict: 'new' });
      ids.add(id);
      await end(id, 'trashed');
    }
    expect(ids.size).toBe(100);
    await expect(open({ key: 'k', onConflict: 'new' })).rejects.toMatchObject({ code: 'digest-mismatch' });
  });
});
