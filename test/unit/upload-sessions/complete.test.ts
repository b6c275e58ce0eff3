import { describe, expect, test } from '@jest/globals';
import { destination as destinationSchema } from '../../../src/config/schema/destination.ts';
import type { Destination } from '../../../src/delivery/resolve-options.ts';
import type { CallContext, DriveFile } from '../../../src/drive/drive.ts';
import { acquireLease, fileLeaseKey } from '../../../src/ledger/lease.ts';
import type { LedgerEntry } from '../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { createCompleteUpload } from '../../../src/upload-sessions/complete.ts';
import { type Session, uploadKey, verdictKey } from '../../../src/upload-sessions/session.ts';
import { driveFile } from '../../support/drive/drive-file.ts';
import { createKeptLog } from '../../support/kept-log.ts';

const ID = 'u'.repeat(32);
const SHA256 = 'a'.repeat(64);
const OTHER_SHA256 = 'e'.repeat(64);
const FOLDER = '0AbCdEf';
const FILE = driveFile({ parents: [FOLDER] });
const GIVEN = { folder: FOLDER, credentials: 'main', callers: ['a@example.com'] };
const CONFIG = destinationSchema.parse(GIVEN);
const SESSION: Session = {
  callerSub: '1',
  options: { destination: 'reports', name: 'report.csv', path: '', size: 3, mimeType: 'text/csv' },
  plan: { kind: 'create', fileId: 'f1', folderId: FOLDER },
  ...{ sessionUri: 'https://session', expiresAtMs: 1 },
};

/** An upload that Drive has received, as it shows its file now. */
const setUp = async (file: DriveFile | undefined, session = SESSION, config = CONFIG) => {
  const clock = { nowMs: 1_000_000 };
  const now = (): number => clock.nowMs;
  const ledger = createMemoryLedger({ now });
  const shown = { file };
  const contexts: CallContext[] = [];
  /** Whether the lease of the file was taken, at each look at the file. */
  const leased: boolean[] = [];
  const removed: string[] = [];
  /** Details that the file gets, and whether the receipt is recorded by then. */
  const details: object[] = [];
  /** How long Drive takes for that. */
  const slow: { detailsMs: number; answer: number | undefined } = { detailsMs: 0, answer: 200 };
  const drive = {
    now: () => Date.UTC(2026, 0, 1) + clock.nowMs,
    policy: async () => ({
      async setDetails(id: string, given: object, { onSend }: CallContext) {
        onSend?.()?.(slow.answer);
        clock.nowMs += slow.detailsMs;
        details.push({ id, ...given, isDone: (await ledger.read(uploadKey(ID)))?.state === 'done' });
      },
    }),
    sessionStatus: async () => ({ state: 'done' }),
    async get(_: string, context: CallContext) {
      contexts.push(context);
      leased.push((await ledger.read('write:f1')) !== undefined);
      return shown.file;
    },
    revisions: async () => [{ id: 'r2' }],
    inspectFolder: async () => undefined,
    async removeUnchanged({ id }: DriveFile, { onSend }: CallContext) {
      onSend?.()?.(slow.answer);
      leased.push((await ledger.read('write:f1')) !== undefined);
      removed.push(id);
    },
  } as unknown as Destination['drive'];
  const place = { name: 'reports', config, drive } as Destination;
  // Leases are not renewed.
  /** What a wait does. Without it, waits take no time. */
  const onSleep: { call?: (ms: number) => void } = {};
  const sleep = async (ms: number): Promise<void> => {
    if (ms > 3_000) return new Promise(() => undefined);
    onSleep.call?.(ms);
  };
  await ledger.claim(uploadKey(ID), {
    ...{ fileId: 'f1', fingerprint: '', state: 'claimed', record: session, claimedAtMs: now() },
  });
  const complete = createCompleteUpload({ allow: () => place, ledger, now, wall: now, log: createKeptLog(), sleep });
  const { signal } = new AbortController();
  const run = (sha256?: string, id = ID, sub = '1') =>
    complete({ id, caller: { sub }, signal, deadlineMs: 2_000_000, ...(sha256 === undefined ? {} : { sha256 }) });
  return { run, ledger, shown, clock, onSleep, contexts, leased, removed, details, slow, signal };
};

describe('an upload that is completed', () => {
  test('has a receipt, and the same one again', async () => {
    const { run, contexts, signal } = await setUp(FILE);
    const receipt = await run(SHA256);
    expect(receipt).toMatchObject({ id: 'f1', outcome: 'created', sha256: SHA256, size: 3 });
    contexts.length = 0;
    expect(await run(SHA256)).toEqual({ ...receipt, outcome: 'replayed' });
    // The second look at the file is only a courtesy, for two seconds, and ends with the request.
    expect(contexts).toEqual([{ signal, deadlineMs: 1_002_000 }]);
  });

  test('reports in its next receipt that the file is in the trash', async () => {
    const { run, shown } = await setUp(FILE);
    await run(SHA256);
    shown.file = { ...FILE, trashed: true };
    expect((await run(SHA256)).warnings).toHaveLength(1);
  });

  test('is recorded although another try has written to its entry meanwhile', async () => {
    const { run, ledger } = await setUp(FILE);
    const { record } = ledger;
    let interfered = 0;
    ledger.record = async (key, change, stored) => {
      if (key === uploadKey(ID) && change.state === 'done' && interfered++ === 0) {
        await record(key, { state: 'claimed', record: { ...SESSION, over: 'gone' } }, stored);
      }
      return record(key, change, stored);
    };
    const receipt = await run(SHA256);
    expect(receipt).toMatchObject({ id: 'f1', outcome: 'created' });
    expect(await ledger.read(uploadKey(ID))).toMatchObject({ state: 'done', record: { receipt } });
    expect(await run(SHA256)).toEqual({ ...receipt, outcome: 'replayed' });
  });

  test.each([
    ['digest-mismatch', SESSION],
    ['idempotency-key-reused', { ...SESSION, idempotencyKey: 'k' }],
  ])('is not completed again with other bytes: %s', async (code, session) => {
    const { run } = await setUp(FILE, session);
    await run(SHA256);
    await expect(run(OTHER_SHA256)).rejects.toMatchObject({ code });
  });
});

describe('the lease of the file, which other deliveries and the retention take as well', () => {
  const KEEPS = destinationSchema.parse({ ...GIVEN, keep: { last: 1 } });
  const REPLACES: Session = { ...SESSION, plan: { ...SESSION.plan, kind: 'replace' }, formerRevisionId: 'r1' };

  test.each([
    ['is held while an upload that replaces the file is completed', REPLACES, KEEPS, true],
    ['is held also where the retention removes nothing', REPLACES, CONFIG, true],
    ['is held while an upload of a new file is completed', SESSION, KEEPS, true],
    ['is not taken for a new file where nothing is removed', SESSION, CONFIG, false],
  ])('%s', async (_, session, config, expected) => {
    const { run, ledger, leased } = await setUp(FILE, session, config);
    await run(SHA256);
    expect(leased[0]).toBe(expected);
    expect(await ledger.read('write:f1')).toBeUndefined();
  });

  test.each([
    ['may have expired', 20_000, { code: 'google-unavailable' }, 'claimed'],
    ['is held', 19_999, { outcome: 'created' }, 'done'],
  ])('%s when the receipt is about to be recorded', async (_, detailsMs, expected, state) => {
    const { run, ledger, slow } = await setUp(FILE, SESSION, KEEPS);
    slow.detailsMs = detailsMs;
    expect(await run(SHA256).catch((error: unknown) => error)).toMatchObject(expected);
    expect(await ledger.read(uploadKey(ID))).toMatchObject({ state });
  });

  test('expires by itself if Drive may still put the marks on the file', async () => {
    const { run, ledger, slow } = await setUp(FILE, SESSION, KEEPS);
    slow.answer = undefined;
    await run(SHA256);
    expect(await ledger.read('write:f1')).toBeDefined();
  });

  /** An earlier delivery, of which Drive may still carry out a request. */
  const setUpAbandoned = async (session: Session) => {
    const uploads = await setUp(FILE, session);
    const { ledger, clock } = uploads;
    const times = { now: () => clock.nowMs, sleep: () => new Promise<void>(() => undefined) };
    await (await acquireLease(ledger, fileLeaseKey('f1'), 'A delivery', {}, times)).abandon();
    return uploads;
  };

  test('is waited for before a file that is replaced is looked at: a late request may overwrite its bytes', async () => {
    const { run, shown, clock, onSleep } = await setUpAbandoned(REPLACES);
    const startMs = clock.nowMs;
    onSleep.call = (ms) => {
      clock.nowMs += ms;
      shown.file = { ...FILE, sha256Checksum: OTHER_SHA256, headRevisionId: 'r9' };
    };
    await expect(run(SHA256)).rejects.toMatchObject({ code: 'upload-incomplete' });
    expect(clock.nowMs - startMs).toBeGreaterThanOrEqual(30_000);
  });

  test('is not waited for by a new file, which no other request can overwrite', async () => {
    const { run, clock } = await setUpAbandoned(SESSION);
    const startMs = clock.nowMs;
    expect(await run(SHA256)).toMatchObject({ outcome: 'created' });
    expect(clock.nowMs).toBe(startMs);
  });

  test.each([
    ['ends with it', 200, false],
    ['expires by itself if Drive may still remove them', undefined, true],
  ])('is taken while wrong bytes are removed from a new file, and %s', async (_, answer, isHeld) => {
    const { run, ledger, leased, removed, slow } = await setUp(FILE);
    slow.answer = answer;
    await expect(run(OTHER_SHA256)).rejects.toMatchObject({ code: 'digest-mismatch' });
    expect([leased, removed]).toEqual([[false, true], ['f1']]);
    expect((await ledger.read('write:f1')) !== undefined).toBe(isHeld);
  });

  test('is released if the upload is refused', async () => {
    const { run, ledger } = await setUp({ ...FILE, trashed: true }, REPLACES, KEEPS);
    await expect(run(SHA256)).rejects.toMatchObject({ code: 'upload-incomplete' });
    expect(await ledger.read('write:f1')).toBeUndefined();
  });
});

describe('the marks for the retention', () => {
  const KEEPS = destinationSchema.parse({ ...GIVEN, keep: [{ path: 'daily', last: 1 }] });
  const DAILY: Session = { ...SESSION, options: { ...SESSION.options, path: 'daily' } };
  const REPLACES: Session = { ...DAILY, plan: { ...SESSION.plan, kind: 'replace' }, formerRevisionId: 'r1' };
  const courierAt = '2026-01-01T00:16:40.000Z';
  const marks = { courierKeep: expect.any(String), courierFolder: FOLDER, courierAt };
  const marked = { ...FILE, appProperties: { courierKeep: 'mark', courierAt: '2025-12-01T00:00:00.000Z' } };
  const given = (appProperties: object) => [
    { id: 'f1', appProperties, modifiedTime: FILE.modifiedTime, isDone: false },
  ];

  test.each<[string, DriveFile, Session, object[]]>([
    ['are put on a new file when it is completed', FILE, DAILY, given(marks)],
    ['stay as an earlier try to complete it has put them', marked, DAILY, []],
    ['get the time of the completion on a file that is replaced', marked, REPLACES, given({ courierAt })],
    ['are not put on a file of a path without a rule', FILE, SESSION, []],
  ])('%s', async (_, file, session, expected) => {
    const { run, details } = await setUp(file, session, KEEPS);
    await run(SHA256);
    await run(SHA256);
    expect(details).toEqual(expected);
  });

  test('are not put on a file of a destination without a rule', async () => {
    const { run, details } = await setUp(FILE, DAILY);
    await run(SHA256);
    expect(details).toEqual([]);
  });
});

describe('an upload that comes to nothing', () => {
  test.each<[string, DriveFile | undefined, string, string[], boolean]>([
    ['has received other bytes, which are removed', FILE, 'digest-mismatch', ['f1'], true],
    ['has its file in the trash', { ...FILE, trashed: true }, 'upload-incomplete', [], false],
    ['has no file', undefined, 'upload-incomplete', [], false],
  ])('%s', async (_, file, code, expected, tellsBytes) => {
    const { run, removed, shown, clock } = await setUp(file);
    if (file === undefined) {
      // At first, Drive may only hide it.
      for (const waitMs of [119_999, 1]) {
        await expect(run(OTHER_SHA256)).rejects.toMatchObject({ code: 'drive-unavailable', retryable: true });
        clock.nowMs += waitMs;
      }
    }
    const first = await run(OTHER_SHA256).catch((error: unknown) => error);
    expect([first, removed]).toMatchObject([{ code }, expected]);
    // The bytes that were received are named only where they were wrong.
    expect(String((first as { detail?: string }).detail).includes(SHA256)).toBe(tellsBytes);
    // It stays so, whatever Drive shows later.
    shown.file = driveFile({ parents: [FOLDER], sha256Checksum: OTHER_SHA256 });
    await expect(run(OTHER_SHA256)).rejects.toMatchObject({ code });
  });
});

test('an upload whose file Drive shows later has a receipt', async () => {
  const { run, shown, clock } = await setUp(undefined);
  await expect(run(SHA256)).rejects.toMatchObject({ code: 'drive-unavailable' });
  clock.nowMs += 100_000;
  shown.file = FILE;
  expect(await run(SHA256)).toMatchObject({ id: 'f1', outcome: 'created', sha256: SHA256 });
});

test('bytes of somebody else in the file are not named as those that were received', async () => {
  const { run, ledger } = await setUp({ ...FILE, trashed: true });
  const judged = { fileId: '', fingerprint: '', state: 'claimed', record: { verdict: 'other-bytes' }, claimedAtMs: 1 };
  await ledger.claim(verdictKey(ID), judged as LedgerEntry);
  const error = await run(OTHER_SHA256).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'digest-mismatch', detail: expect.not.stringContaining(SHA256) });
});

test('an upload of another caller, and one that does not exist, are not found', async () => {
  const { run } = await setUp(FILE);
  for (const asked of [run(SHA256, ID, '2'), run(SHA256, 'x'.repeat(32)), run(SHA256, '../x')]) {
    await expect(asked).rejects.toMatchObject({ code: 'not-found', remedy: expect.stringContaining('/v1/uploads') });
  }
});
