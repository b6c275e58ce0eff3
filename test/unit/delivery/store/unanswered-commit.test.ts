import { describe, expect, test } from '@jest/globals';
import { type Claim, keyMark } from '../../../../src/delivery/idempotency.ts';
import type { Plan } from '../../../../src/delivery/plan.ts';
import { createCommitGuard } from '../../../../src/delivery/store/commit-guard.ts';
import { unlockOf } from '../../../../src/delivery/store/replace-file.ts';
import type { UploadStep } from '../../../../src/delivery/store/upload-step.ts';
import type { CallContext, DriveFile, ReceivedBytes, UploadTarget } from '../../../../src/drive/drive.ts';
import type { Ledger } from '../../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep, STEP_NOW_MS } from '../../../support/drive/fake-upload-step.ts';

/** The lease of a file after requests that Drive may still carry out. */

const KEY = 'delivery:k';
const BYTES: ReceivedBytes = { sha256: 'a'.repeat(64), md5: 'b'.repeat(32), size: 3 };
const FORMER = driveFile({ sha256Checksum: 'c'.repeat(64), headRevisionId: 'r1' });
const WRITTEN = driveFile({ sha256Checksum: BYTES.sha256, headRevisionId: 'r2' });
const REPLACE: Plan = { kind: 'replace', fileId: 'f1', folderId: 'folder', formerRevisionId: 'r1' };
const CONVERTED: Plan = { ...REPLACE, convertTo: 'application/vnd.google-apps.document' };
const CREATE: Plan = { kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'replace', nameKey: 'name' };
const TO_REPLACE: UploadTarget = { kind: 'replace', id: 'f1', mimeType: 'text/csv', formerRevisionId: 'r1' };
const TO_CREATE: UploadTarget = {
  kind: 'create',
  file: { id: 'f1', name: 'report.csv', mimeType: 'text/csv', folderId: 'folder' },
};

const claimOf = (plan: Plan, mine: boolean): Partial<Claim> => ({
  ...{ key: KEY, mine, plan: () => plan, commitTo: async () => 'committed' },
});

/** @param shown the file as Drive shows it at each look; the last one from then on */
const setUp = (
  plan: Plan,
  {
    shown = [],
    mine = true,
    time = { nowMs: STEP_NOW_MS },
    ledger = createMemoryLedger({ now: () => time.nowMs }),
    ...more
  }: {
    shown?: (DriveFile | undefined)[];
    mine?: boolean;
    time?: { nowMs: number };
    ledger?: Ledger;
    policy?: object;
    config?: object;
  },
) => {
  const waits: number[] = [];
  const looks = [...shown];
  const get = async (): Promise<DriveFile | undefined> => (looks.length > 1 ? looks.shift() : looks[0]);
  const { policy, config = {} } = more;
  const driveAnswers = { get, ...(policy === undefined ? {} : { policy: async () => policy }) };
  const fake = createFakeStep({ plan, claim: claimOf(plan, mine), driveAnswers, config });
  const sleep = async (ms: number): Promise<void> => {
    // Leases are not renewed.
    if (ms > 3_000) await new Promise(() => undefined);
    waits.push(ms);
    time.nowMs += ms;
  };
  const step: UploadStep = { ...fake.step, ledger, sleep, now: () => time.nowMs };
  const guard = createCommitGuard(step, { needsLease: true, unlock: unlockOf(step) });
  const end = async (): Promise<object | undefined> => {
    for (const work of fake.endings) await work();
    return ledger.read('write:f1');
  };
  return { step, guard, waits, time, ledger, end };
};

type Attempt = [UploadTarget, number | undefined];

/** Makes attempts, as an upload does, until the guard stops it. @returns the entry of the lease after the delivery */
const entryAfter = async (
  plan: Plan,
  attempts: readonly Attempt[],
  setting: Parameters<typeof setUp>[1] = {},
): Promise<object | undefined> => {
  const { guard, end } = setUp(plan, setting);
  for (const [target, status] of attempts) {
    const superseding = await guard.options.beforeCommit?.(BYTES, target)?.catch((error: unknown) => ({ error }));
    if (superseding !== undefined) break;
    guard.options.onCommit?.(target)(status);
  }
  return end();
};

const replacing = (...statuses: (number | undefined)[]): Attempt[] => statuses.map((status) => [TO_REPLACE, status]);
const creating = (...statuses: (number | undefined)[]): Attempt[] => statuses.map((status) => [TO_CREATE, status]);
const NOTED = { by: keyMark(KEY), effect: 'replaced' };

describe('the lease of a file', () => {
  test.each<[string, Plan, Attempt[], (DriveFile | undefined)[]]>([
    ['Drive has written the bytes', REPLACE, replacing(200), []],
    ['Drive has refused them', REPLACE, replacing(403), []],
    ['Drive has failed, so that the next holder comes later', REPLACE, replacing(503), []],
    ['Drive has failed to create the file', CREATE, creating(503, 503), []],
    ['Drive has failed, shown that they are not there, and then written them', REPLACE, replacing(503, 200), [FORMER]],
    [
      'Drive has failed, and the file is renamed by then',
      REPLACE,
      replacing(503, 200),
      [{ ...FORMER, name: 'other.csv' }],
    ],
    ['Drive shows the bytes of an attempt without an answer', REPLACE, replacing(undefined, 200), [WRITTEN]],
    ['Drive has created the file in a later attempt', CREATE, creating(undefined, 200), []],
    ['Drive says in a later attempt that the file exists', CREATE, creating(undefined, 409), []],
    [
      'the file that was to be created exists, and is replaced',
      CREATE,
      [...creating(undefined), ...replacing(200)],
      [driveFile({ headRevisionId: 'r0' })],
    ],
  ])('ends at once if %s', async (_, plan, attempts, shown) => {
    expect(await entryAfter(plan, attempts, { shown })).toBeUndefined();
  });

  test.each<[string, Plan, Attempt[], (DriveFile | undefined)[], object | undefined]>([
    ['the only attempt has no answer', REPLACE, replacing(undefined), [], NOTED],
    [
      'Drive does not show the bytes yet, and a later attempt is refused',
      REPLACE,
      replacing(undefined, 403),
      [FORMER],
      NOTED,
    ],
    [
      'Drive does not show the bytes yet, and a later attempt writes them',
      REPLACE,
      replacing(undefined, 200),
      [FORMER],
      undefined,
    ],
    ['two attempts have no answer', REPLACE, replacing(undefined, undefined), [FORMER], undefined],
    [
      'two attempts have no answer, and Drive shows the bytes of one',
      REPLACE,
      replacing(undefined, undefined, 200),
      [FORMER, WRITTEN],
      undefined,
    ],
    ['Drive would convert the bytes', CONVERTED, replacing(undefined), [], undefined],
    [
      'an attempt to create it has no answer, and another is refused',
      CREATE,
      creating(undefined, 403),
      [],
      { ...NOTED, effect: 'created' },
    ],
  ])('lasts if %s', async (_, plan, attempts, shown, unanswered) => {
    const entry = await entryAfter(plan, attempts, { shown });
    expect(entry).toMatchObject({ state: 'claimed' });
    expect((entry as { record: { unanswered?: object } }).record.unanswered).toEqual(unanswered);
  });

  test('lasts if a revision may still be removed from the file', async () => {
    const { guard, end } = setUp(REPLACE, {});
    await guard.options.beforeCommit?.(BYTES, TO_REPLACE);
    guard.options.onCommit?.(TO_REPLACE)(200);
    guard.afterwards.onSend?.()?.(undefined);
    expect(await end()).toMatchObject({ record: { ttlMs: 30_000 } });
  });

  test('protects the removal of a content restriction', async () => {
    const sent: boolean[] = [];
    const policy = {
      async lockOf() {
        // The process was paused.
        time.nowMs += 60_000;
        return { isLocked: true, isOwn: true };
      },
      async unlock(_: string, { beforeSend, signal }: CallContext) {
        await beforeSend?.();
        sent.push(signal?.aborted !== true);
      },
    };
    const { guard, time } = setUp(REPLACE, { policy, config: { readOnly: true } });
    await guard.options.beforeCommit?.(BYTES, TO_REPLACE).catch(() => undefined);
    expect(sent[0]).toBe(false);
  });

  test('lasts if its content restriction may still be removed', async () => {
    const policy = {
      lockOf: async () => ({ isLocked: true, isOwn: true }),
      unlock: async (_: string, { onSend }: CallContext) => void onSend?.()?.(undefined),
    };
    const { guard, end } = setUp(REPLACE, { policy, config: { readOnly: true } });
    await guard.options.beforeCommit?.(BYTES, TO_REPLACE);
    expect(await end()).toMatchObject({ record: { ttlMs: 30_000 } });
  });
});

describe('a later try of a key whose request had no answer', () => {
  const retry = async (
    plan: Plan,
    attempts: Attempt[],
    shown: (DriveFile | undefined)[],
    target: UploadTarget,
    before: DriveFile | undefined = undefined,
  ) => {
    const first = setUp(plan, { shown: [before] });
    for (const [to, status] of attempts) {
      await first.guard.options.beforeCommit?.(BYTES, to);
      first.guard.options.onCommit?.(to)(status);
    }
    await first.end();
    const { guard, waits } = setUp(plan, { shown, mine: false, time: first.time, ledger: first.ledger });
    const superseding = await guard.options.beforeCommit?.(BYTES, target);
    return { waitedMs: waits.reduce((sum, ms) => sum + ms, 0), file: superseding?.file };
  };

  test('does not wait if Drive shows its bytes', async () => {
    const { waitedMs, file } = await retry(REPLACE, replacing(undefined), [WRITTEN], TO_REPLACE);
    expect([waitedMs, file]).toEqual([0, WRITTEN]);
  });

  test('does not wait if Drive shows the file that it was to create', async () => {
    const { waitedMs } = await retry(CREATE, creating(undefined), [WRITTEN], TO_CREATE);
    expect(waitedMs).toBe(0);
  });

  test('waits although Drive shows its bytes, if another attempt has written them', async () => {
    const { waitedMs } = await retry(REPLACE, replacing(undefined, 200), [WRITTEN], TO_REPLACE, FORMER);
    expect(waitedMs).toBeGreaterThanOrEqual(32_000);
  });

  test('waits until Drive shows its bytes', async () => {
    const { waitedMs, file } = await retry(
      REPLACE,
      replacing(undefined),
      [FORMER, FORMER, FORMER, WRITTEN],
      TO_REPLACE,
    );
    expect(waitedMs).toBeLessThan(1_000);
    expect(file).toEqual(WRITTEN);
  });

  test.each<[string, Plan, Attempt[], DriveFile | undefined, UploadTarget]>([
    ['the bytes', REPLACE, replacing(undefined), FORMER, TO_REPLACE],
    ['the file', CREATE, creating(undefined), undefined, TO_CREATE],
  ])('waits until the request cannot take effect any more, if Drive does not show %s', async (_, ...given) => {
    const [plan, attempts, shown, target] = given;
    const { waitedMs, file } = await retry(plan, attempts, [shown], target);
    expect(waitedMs).toBeGreaterThanOrEqual(32_000);
    expect(file).toBeUndefined();
  });
});
