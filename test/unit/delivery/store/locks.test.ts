import { describe, expect, test } from '@jest/globals';
import type { Claim } from '../../../../src/delivery/idempotency.ts';
import type { Plan } from '../../../../src/delivery/plan.ts';
import type { Destination } from '../../../../src/delivery/resolve-options.ts';
import { unlockEarly } from '../../../../src/delivery/store/locks.ts';
import { replace } from '../../../../src/delivery/store/replace-file.ts';
import type { CallContext, DriveFile, UploadResult } from '../../../../src/drive/drive.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep, STEP_NOW_MS } from '../../../support/drive/fake-upload-step.ts';

/** Leases are not renewed. */
const sleep = () => new Promise<void>(() => undefined);

test.each([
  ['another account of the destination', true],
  ['somebody else', false],
])('a file that is locked by %s', async (_, isOthersOwn) => {
  const lock = { isLocked: true, isOwn: false };
  const { step, calls } = createFakeStep({ plan: { kind: 'replace', fileId: 'f1', folderId: 'folder' }, lock });
  const { destination } = step.request;
  const policy = async () => ({ lockOf: async () => ({ isLocked: true, isOwn: isOthersOwn }) });
  const other = { ...destination, drive: { policy } } as unknown as Destination;
  const accounts = { all: () => [destination, other] } as unknown as NonNullable<Destination['accounts']>;
  const shared = { ...step, sleep, request: { ...step.request, destination: { ...destination, accounts } } };
  const unlocked = unlockEarly(shared, 'f1');
  if (isOthersOwn) {
    await unlocked;
    expect(calls).toEqual(['lockOf f1', 'unlock f1']);
  } else {
    await expect(unlocked).rejects.toMatchObject({ code: 'name-taken', reason: 'content-restricted' });
    expect(calls).toEqual(['lockOf f1']);
  }
});

test.each([
  ['restores the restriction if that does not lock new files', false, ['restrict f1 by 1015000']],
  ['leaves that to the destination if that locks all its files', true, []],
])('a delivery whose destination %s', async (_, readOnly, expected) => {
  const { step, calls, endings } = createFakeStep({
    plan: { kind: 'replace', fileId: 'f1', folderId: 'folder' },
    files: [driveFile({ id: 'f1' })],
    config: { readOnly },
    lock: { isLocked: true, isOwn: true },
  });
  await unlockEarly({ ...step, sleep }, 'f1');
  for (const end of endings) await end();
  expect(calls.slice(2)).toEqual(expected);
});

test('a restriction is removed under the lease of the file, which lasts if Drive may still remove it', async () => {
  const held: boolean[] = [];
  const isHeld = async (): Promise<boolean> => (await fake.step.ledger.read('write:f1')) !== undefined;
  const policy = async () => ({
    lockOf: async () => ({ isLocked: true, isOwn: true }),
    async unlock(_: string, { onSend }: CallContext) {
      held.push(await isHeld());
      onSend?.()?.(held.length === 1 ? 200 : undefined);
    },
  });
  const setting = { driveAnswers: { policy }, config: { readOnly: true } };
  const fake = createFakeStep({ plan: { kind: 'replace', fileId: 'f1', folderId: 'folder' }, ...setting });
  await unlockEarly({ ...fake.step, sleep }, 'f1');
  expect([held, await isHeld()]).toEqual([[true], false]);
  await unlockEarly({ ...fake.step, sleep }, 'f1');
  expect([held, await isHeld()]).toEqual([[true, true], true]);
});

test('a restriction that was removed at the last look is restored before the next delivery gets the lease', async () => {
  const plan: Plan = { kind: 'replace', fileId: 'f1', folderId: 'folder', formerRevisionId: 'r1', mayBeLocked: true };
  const received = { sha256: 'a'.repeat(64), md5: 'b'.repeat(32), size: 3 };
  const events: string[] = [];
  // The delivery before this one has unlocked the file, and locks it again while this one waits for the lease.
  const locks = [false, true];
  const driveAnswers = {
    get: async () => driveFile({ id: 'f1', headRevisionId: 'r1' }),
    policy: async () => ({
      lockOf: async () => ({ isLocked: locks.shift() === true, isOwn: true }),
      unlock: async () => void events.push('unlock'),
      async restrict() {
        const isHeld = (await fake.step.ledger.read('write:f1')) !== undefined;
        events.push(isHeld ? 'restrict under the lease' : 'restrict without the lease');
      },
    }),
  };
  const results: UploadResult[] = [{ kind: 'stored', file: driveFile(), received }];
  const claim: Partial<Claim> = { mine: true, plan: () => plan, commitTo: async () => 'committed' };
  const fake = createFakeStep({ plan, claim, driveAnswers, results, config: { readOnly: false } });
  await replace({ ...fake.step, sleep, plannedAtMs: STEP_NOW_MS - 60_000 }, plan);
  const target = { kind: 'replace', id: 'f1', mimeType: 'text/csv', formerRevisionId: 'r1' } as const;
  await fake.requests[0]?.beforeCommit?.(received, target);
  for (const end of fake.endings) await end();
  expect(events).toEqual(['unlock', 'restrict under the lease']);
  expect(await fake.step.ledger.read('write:f1')).toBeUndefined();
});

describe('the last look at a file that may be read-only', () => {
  const plan: Plan = { kind: 'replace', fileId: 'f1', folderId: 'folder', formerRevisionId: 'r1' };
  const received = { sha256: 'a'.repeat(64), md5: 'b'.repeat(32), size: 3 };

  interface Setting {
    /** Milliseconds for each answer about the content restriction, and for each list of revisions; 0 for further ones. */
    lockMs?: number[];
    revisionsMs?: number[];
    /** The age of the plan in milliseconds. */
    ageMs?: number;
    isFirstTry?: boolean;
    /** What each look shows, beside the first. */
    later?: Partial<DriveFile>;
  }

  /** The looks at the file until its bytes may be sent, and how old the last one is then. */
  const check = async ({ lockMs = [], revisionsMs = [], ageMs = 60_000, isFirstTry = true, later = {} }: Setting) => {
    let nowMs = STEP_NOW_MS;
    let looks = 0;
    let headRevision = 1;
    let lookedAtMs = STEP_NOW_MS - ageMs;
    const driveAnswers = {
      async get() {
        looks += 1;
        lookedAtMs = nowMs;
        // A list of revisions is requested for each new one.
        headRevision += 1;
        const revision = { headRevisionId: `r${headRevision}`, sha256Checksum: 'c'.repeat(64) };
        return driveFile({ ...revision, ...(looks > 1 ? later : {}) });
      },
      async revisions() {
        nowMs += revisionsMs.shift() ?? 0;
        return [{ id: 'r1', md5Checksum: undefined }];
      },
      policy: async () => ({
        async lockOf() {
          nowMs += lockMs.shift() ?? 0;
          return undefined;
        },
      }),
    };
    const results: UploadResult[] = [{ kind: 'stored', file: driveFile(), received }];
    const claim: Partial<Claim> = { mine: isFirstTry, plan: () => plan, commitTo: async () => 'committed' };
    const config = { readOnly: true };
    const { step, requests } = createFakeStep({ plan, claim, driveAnswers, results, config });
    const sleep = (): Promise<void> => new Promise(() => undefined);
    const waiting = { ...step, now: () => nowMs, plannedAtMs: STEP_NOW_MS - ageMs, sleep };
    // It is unlocked before its upload starts as well.
    lockMs.unshift(0);
    await replace(waiting, plan);
    const target = { kind: 'replace', id: 'f1', mimeType: 'text/csv', formerRevisionId: 'r1' } as const;
    const outcome = await Promise.resolve(requests[0]?.beforeCommit?.(received, target)).then(
      (superseding) => (superseding === undefined ? 'go on' : 'superseded'),
      ({ code }: { code?: string }) => code,
    );
    return { outcome, looks, age: nowMs - lookedAtMs };
  };

  test.each<[string, Setting, { looks: number; age: number }]>([
    ['is the only one if Drive says quickly that it is not locked', { lockMs: [1_000] }, { looks: 1, age: 1_000 }],
    ['is repeated if that took longer', { lockMs: [1_001] }, { looks: 2, age: 0 }],
    ['is that of the plan if that is recent', { ageMs: 400, lockMs: [600] }, { looks: 0, age: 1_000 }],
    ['is not that of the plan if that is older by then', { ageMs: 400, lockMs: [601] }, { looks: 1, age: 0 }],
    [
      'is not older than a second if the answer about its revisions and that about its lock took nearly a second each',
      { isFirstTry: false, revisionsMs: [1_000], lockMs: [1_000] },
      { looks: 2, age: 0 },
    ],
    [
      'is one of three where Drive is always slow',
      { isFirstTry: false, revisionsMs: Array.from({ length: 99 }, () => 1_001), lockMs: [1_001, 1_001, 1_001, 1_001] },
      { looks: 3, age: 2_002 },
    ],
  ])('%s', async (_, setting, expected) => {
    expect(await check(setting)).toEqual({ outcome: 'go on', ...expected });
  });

  test('finds what a person has done while Drive was slow', async () => {
    const renamed = { name: 'other.csv' };
    expect(await check({ lockMs: [2_000], later: renamed })).toMatchObject({ outcome: 'drive-unavailable', looks: 2 });
  });

  test('does not take the bytes of a first attempt for those of an earlier one', async () => {
    const same = { sha256Checksum: received.sha256 };
    expect(await check({ lockMs: [2_000], later: same })).toMatchObject({ outcome: 'go on', looks: 2 });
  });
});
