import { describe, expect, test } from '@jest/globals';
import { deliveryKey } from '../../../src/delivery/idempotency.ts';
import type { DriveFile } from '../../../src/drive/drive.ts';
import { CourierError } from '../../../src/errors.ts';
import { acquireLease, fileLeaseKey } from '../../../src/ledger/lease.ts';
import { createOpenUploads, type OpenOptions } from '../../support/drive/open-uploads.ts';

const FOLDER = 'root-folder';
const FORMER = { id: 'former', name: 'report.csv', headRevisionId: 'r1' };

describe('an upload session', () => {
  test('is opened for a new file of the announced size', async () => {
    const { open, asked, files, signal, paths, entryOf, log } = createOpenUploads();
    const opened = await open({ onConflict: 'new', path: 'a/b', description: 'of May' });
    expect(opened).toEqual({
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      uploadUrl: 'https://session/1',
      expiresTime: '1970-01-01T00:16:40.001Z',
      chunkGranularity: 262_144,
      isNew: true,
    });
    const file = { id: 'id-1', name: 'report.csv', mimeType: 'text/csv', folderId: FOLDER, description: 'of May' };
    const context = { signal, deadlineMs: 2_000_000 };
    expect(asked).toEqual([{ kind: 'create', file, size: 3, context }]);
    expect(paths).toEqual([`${FOLDER}/a/b`]);
    expect(files.calls.get).toBeUndefined();
    expect(await entryOf(opened.id)).toMatchObject({
      ...{ fileId: 'id-1', state: 'claimed', claimedAtMs: 1_000_000 },
      record: {
        ...{ callerSub: '1', sessionUri: 'https://session/1', expiresAtMs: 1_000_001 },
        options: { destination: 'reports', name: 'report.csv', path: 'a/b', size: 3, mimeType: 'text/csv' },
        plan: { kind: 'create', fileId: 'id-1', folderId: FOLDER, rule: 'new' },
      },
    });
    expect(log.lines).toEqual([expect.stringContaining(`"uploadId":"${opened.id}","caller":"1"`)]);
  });

  test('is opened for the file of the name, and its revision is noted', async () => {
    const { open, asked, files, sessionOf } = createOpenUploads();
    files.add(FORMER);
    const { id } = await open({ createdTime: '2026-11-24T12:00:00Z' });
    expect(asked).toMatchObject([{ kind: 'replace', file: { id: 'former', mimeType: 'text/csv' }, size: 3 }]);
    expect(asked[0]?.file).not.toHaveProperty('createdTime');
    expect(await sessionOf(id)).toMatchObject({ formerRevisionId: 'r1', plan: { kind: 'replace', fileId: 'former' } });
  });

  test.each([
    ['new', 'create'],
    ['replace', 'replace'],
  ] as const)('has no marks for the retention yet with onConflict=%s', async (onConflict, kind) => {
    const { open, asked, files } = createOpenUploads({ config: { keep: { last: 1 } } });
    files.add(FORMER);
    await open({ onConflict });
    expect(asked).toMatchObject([{ kind }]);
    expect(JSON.stringify(asked[0]?.file)).not.toContain('courierAt');
  });

  test('keeps the properties for labels, and its key', async () => {
    const { open, sessionOf } = createOpenUploads();
    const plain = await sessionOf((await open()).id);
    expect(plain?.options).not.toHaveProperty('properties');
    expect(plain).not.toHaveProperty('idempotencyKey');
    const { id } = await open({ name: 'other.csv', key: 'k', properties: { invoice: '7' } });
    expect(await sessionOf(id)).toMatchObject({ idempotencyKey: 'k', options: { properties: { invoice: '7' } } });
  });

  test('has the caller in the audit line, by email where it is known', async () => {
    const { open, log } = createOpenUploads();
    await open({ caller: { sub: '1', email: 'a@example.com' } });
    expect(log.lines).toEqual([expect.stringContaining('"caller":"a@example.com"')]);
  });

  test('has the destination’s defaults, filled for the caller and the time', async () => {
    const { open, paths, asked } = createOpenUploads({
      config: { name: 'of-{caller}', path: '{date:yyyy}' },
      render: (template, { caller, nowMs }) => `${template} ${caller} ${nowMs}`,
    });
    await open({ name: undefined, caller: { sub: '1', email: 'a@example.com' } });
    expect(paths[0]).toMatch(/\{date:yyyy\} \S+ 1000000$/);
    expect(asked).toMatchObject([{ file: { name: expect.stringMatching(/^of-\{caller\} \S+ 1000000$/) } }]);
  });
});

describe('a folder that is missing when a session is opened', () => {
  const missing = (): CourierError => new CourierError('folder-not-found');

  test.each(['new', 'replace'] as const)(
    'is looked up again, if it is of a path: onConflict=%s',
    async (onConflict) => {
      const { open, asked, failures, paths } = createOpenUploads();
      failures.push(missing());
      expect(await open({ onConflict, path: 'a', key: 'k' })).toMatchObject({ isNew: true });
      expect(asked).toHaveLength(2);
      expect(paths).toContain(`fresh ${FOLDER}/a`);
    },
  );

  test('is an error, if it is missing then as well, or if it is that of the destination', async () => {
    const { open, asked, failures } = createOpenUploads();
    failures.push(missing(), missing(), missing());
    await expect(open({ path: 'a' })).rejects.toMatchObject({ code: 'folder-not-found' });
    await expect(open()).rejects.toMatchObject({ code: 'folder-not-found' });
    expect(asked).toHaveLength(3);
  });
});

describe('no upload session is opened', () => {
  test.each<[string, object, OpenOptions, string]>([
    ['for a file over the limit', { maxBytes: 2 }, {}, 'too-large'],
    ['for a conversion', {}, { convertTo: 'sheet' }, 'request-invalid'],
    ['without a property for a label', { labels: { l: { f: { text: { property: 'p' } } } } }, {}, 'request-invalid'],
    ['for a file that stays read-only', { readOnly: true }, {}, 'request-invalid'],
    ['with onConflict=fail for a name that is taken', {}, { onConflict: 'fail' }, 'name-taken'],
  ])('%s, and the key stays free', async (_, config, options, code) => {
    const { open, asked, files, ledger } = createOpenUploads({ config });
    files.add(FORMER);
    await expect(open({ key: 'k', ...options })).rejects.toMatchObject({ code });
    expect(asked).toEqual([]);
    expect(await ledger.read(deliveryKey({ sub: '1' }, 'k'))).toBeUndefined();
  });

  test('with onConflict=skip for a name that is taken', async () => {
    const { open, asked, files } = createOpenUploads();
    files.add(FORMER);
    await expect(open({ key: 'k', onConflict: 'skip' })).rejects.toMatchObject({ code: 'name-taken' });
    expect(asked).toEqual([]);
  });
});

test('a new file of a destination whose files are read-only has a session', async () => {
  const { open, asked } = createOpenUploads({ config: { readOnly: true } });
  await open();
  expect(asked).toMatchObject([{ kind: 'create' }]);
});

describe('the file of an upload session has the lease of another delivery', () => {
  /** @param meanwhile what changes at the file while the session waits */
  const setUp = async (meanwhile: Partial<DriveFile> = {}) => {
    const uploads = createOpenUploads({
      onSleep(ms) {
        uploads.clock.nowMs += ms;
        uploads.files.change(FORMER.id, meanwhile);
      },
    });
    const { ledger, files, clock } = uploads;
    files.add(FORMER);
    const times = { now: () => clock.nowMs, sleep: () => new Promise<void>(() => undefined) };
    const lease = await acquireLease(ledger, fileLeaseKey(FORMER.id), 'Another delivery', {}, times);
    return { ...uploads, lease };
  };

  test('which is in progress: nobody knows which of the two ends first, so the session is opened at once', async () => {
    const { open, asked, clock } = await setUp();
    const startMs = clock.nowMs;
    await open({ key: 'k' });
    expect([clock.nowMs, asked.length]).toEqual([startMs, 1]);
  });

  test.each([undefined, 'k'])(
    'which has ended with a request that may still take effect: with the key %s',
    async (key) => {
      const { open, asked, clock, lease, sessionOf } = await setUp({ headRevisionId: 'r2' });
      await lease.abandon();
      const startMs = clock.nowMs;
      const { id } = await open({ key });
      expect(clock.nowMs - startMs).toBeGreaterThanOrEqual(30_000);
      expect(asked).toMatchObject([{ kind: 'replace', file: { id: FORMER.id } }]);
      expect(await sessionOf(id)).toMatchObject({ formerRevisionId: 'r2' });
    },
  );

  test('which has ended so, after the key has opened its session: the same session is the answer at once', async () => {
    const { open, clock, lease } = await setUp();
    const opened = await open({ key: 'k' });
    await lease.abandon();
    const startMs = clock.nowMs;
    expect(await open({ key: 'k' })).toEqual({ ...opened, isNew: false });
    expect(clock.nowMs).toBe(startMs);
  });

  test('which has ended so, and the file is in the trash afterwards: a new file is planned', async () => {
    const { open, asked, lease } = await setUp({ trashed: true });
    await lease.abandon();
    await open({ key: 'k' });
    expect(asked).toMatchObject([{ kind: 'create' }]);
  });
});

describe('a destination with several accounts', () => {
  const full = new CourierError('drive-full');
  /** The first of two accounts; Drive refuses all of them while `isFull`. */
  const setUp = () => {
    const state = { isFull: false };
    const uploads = createOpenUploads({
      accounts: {
        ...{ name: 'main', hasOther: () => true, instead: () => undefined },
        marks: { creator: { account: 'main' }, writer: {} },
        choose() {
          if (state.isFull) throw full;
          return place;
        },
      },
    });
    const place = uploads.destination;
    return { ...uploads, state };
  };

  test('notes whose account writes, also in the file, and believes its limit', async () => {
    const { open, asked, sessionOf } = setUp();
    const { id } = await open({ key: 'k' });
    expect(await sessionOf(id)).toMatchObject({ plan: { credentials: 'main' } });
    expect(asked).toMatchObject([{ file: { appProperties: { account: 'main' } }, context: { believesLimit: true } }]);
  });

  test('opens no session while Drive refuses all of them, but answers with one that is open', async () => {
    const { open, state } = setUp();
    const opened = await open({ key: 'k' });
    state.isFull = true;
    await expect(open({ key: 'other', name: 'other.csv' })).rejects.toBe(full);
    expect(await open({ key: 'k' })).toEqual({ ...opened, isNew: false });
  });
});
