import { describe, expect, test } from '@jest/globals';
import type { Plan } from '../../../../../src/delivery/plan.ts';
import { writeRows } from '../../../../../src/delivery/store/rows/write-rows.ts';
import { LOCK_PROPERTY } from '../../../../../src/domain.ts';
import type { CallContext } from '../../../../../src/drive/drive.ts';
import { CourierError } from '../../../../../src/errors.ts';
import { driveFile } from '../../../../support/drive/drive-file.ts';
import { STEP_NOW_MS } from '../../../../support/drive/fake-upload-step.ts';
import { LEASE_KEY, RECEIPT, SHEET, TO_MAKE, claimOf, setUpRows } from '../../../../support/rows/write-rows-step.ts';

describe('a sheet that is made for rows', () => {
  const makes = { find: async () => [], createDocument: async () => SHEET };

  test('is noted for all tries before its first row, and no lease stays', async () => {
    let noted: Plan = TO_MAKE;
    const claim = claimOf(TO_MAKE, {
      plan: () => noted,
      async revise(plan) {
        noted = plan;
        return undefined;
      },
    });
    const { step, run } = setUpRows({ plan: TO_MAKE, claim, driveAnswers: makes });
    await run();
    expect(noted).toEqual({ ...TO_MAKE, fileId: 'f1' });
    expect(await step.ledger.read(LEASE_KEY)).toBeUndefined();
  });

  test.each([
    ['within three seconds of the search for its name', 3_000, 'created'],
    ['later, because a person may have made one', 3_001, 'drive-unavailable'],
  ])('is made %s', async (_, waitMs, outcome) => {
    let nowMs = STEP_NOW_MS;
    const found: (typeof SHEET)[] = [];
    const driveAnswers = {
      find: async () => found,
      async createDocument(_file: object, { beforeSend }: CallContext) {
        nowMs += waitMs;
        found.push(SHEET);
        await beforeSend?.();
        return SHEET;
      },
    };
    const { step } = setUpRows({ plan: TO_MAKE, driveAnswers });
    const written = writeRows({ ...step, now: () => nowMs }, TO_MAKE);
    expect(
      await written.then(
        (stored) => stored.outcome,
        ({ code }: CourierError) => code,
      ),
    ).toBe(outcome);
  });

  test('is left to another try that has noted another one, or has answered', async () => {
    const other = claimOf(TO_MAKE, { plan: () => ({ ...TO_MAKE, fileId: 'f2' }) });
    const { run, asked } = setUpRows({ plan: TO_MAKE, claim: other, driveAnswers: makes });
    await expect(run()).rejects.toMatchObject({ code: 'drive-unavailable' });
    const answered = setUpRows({
      ...{ plan: TO_MAKE, driveAnswers: makes },
      claim: claimOf(TO_MAKE, { revise: async () => RECEIPT }),
    });
    expect(await answered.run()).toEqual({ file: SHEET, outcome: 'replayed', isNew: false, receipt: RECEIPT });
    expect([...asked, ...answered.asked]).toEqual([]);
  });

  test('is the one that another try has noted while this one waited for the name', async () => {
    const theirs = driveFile({ ...SHEET, parents: ['folder'], name: 'report.csv' });
    const claim = claimOf(TO_MAKE, { plan: () => ({ ...TO_MAKE, fileId: theirs.id }) });
    const driveAnswers = { find: async () => [theirs], get: async () => theirs };
    const { run, asked } = setUpRows({ plan: TO_MAKE, claim, driveAnswers });
    await run();
    expect(asked).toHaveLength(1);
  });

  test.each([
    ['has noted another one', { plan: () => ({ ...TO_MAKE, fileId: 'f2' }) }],
    ['has answered', { refresh: async () => RECEIPT }],
  ])('is not made where another try %s in the meantime', async (_, change) => {
    let count = 0;
    const createDocument = async () => {
      count += 1;
      return SHEET;
    };
    const { step, run } = setUpRows({
      ...{ plan: TO_MAKE, claim: claimOf(TO_MAKE, change), driveAnswers: { ...makes, createDocument } },
    });
    await run().catch(() => undefined);
    expect(count).toBe(0);
    // The next try does not have to wait.
    expect(await step.ledger.read(LEASE_KEY)).toBeUndefined();
  });

  test.each<[string, number[], CourierError, boolean]>([
    ['for a reason that lasts', [403], new CourierError('folder-not-writable'), false],
    ['for a reason that may pass, so that it may have been made', [503], new CourierError('drive-unavailable'), true],
    ['for a reason that lasts, after one that may pass', [503, 403], new CourierError('folder-not-writable'), true],
    ['because of the quota', [429], new CourierError('drive-rate-limited'), false],
  ])('is waited for only where making it failed %s', async (_, statuses, error, isHeld) => {
    const createDocument = async (_: unknown, context: CallContext) => {
      for (const status of statuses) {
        await context.beforeSend?.();
        context.onSend?.()?.(status);
      }
      throw error;
    };
    const { step, run } = setUpRows({ plan: TO_MAKE, driveAnswers: { ...makes, createDocument } });
    await expect(run()).rejects.toBe(error);
    expect((await step.ledger.read(LEASE_KEY)) !== undefined).toBe(isHeld);
  });

  test('is not waited for where the request was not sent', async () => {
    const error = new CourierError('drive-unavailable');
    const createDocument = () => Promise.reject(error);
    const { step, run } = setUpRows({ plan: TO_MAKE, driveAnswers: { ...makes, createDocument } });
    await expect(run()).rejects.toBe(error);
    expect(await step.ledger.read(LEASE_KEY)).toBeUndefined();
  });

  test('is the document of a conversion whose lease has expired', async () => {
    const theirs = driveFile({ ...SHEET, parents: ['folder'], name: 'report.csv' });
    const endSession = async () => theirs;
    const { step, run } = setUpRows({ plan: TO_MAKE, driveAnswers: { get: async () => theirs, endSession } });
    const record = { expiresAtMs: STEP_NOW_MS - 10_000, note: 'their session' };
    const entry = { fileId: '', fingerprint: '', state: 'claimed', record, claimedAtMs: 0 } as const;
    await step.ledger.claim(LEASE_KEY, entry);
    const { claim } = step.ledger;
    step.ledger.claim = async (...given) => {
      const { entry: stored, mine } = await claim(...given);
      return { entry: stored, mine };
    };
    // Drive is asked for no other document.
    expect(await run()).toMatchObject({ file: { id: theirs.id } });
  });

  test('is not a file of another type that a person has put there in the meantime', async () => {
    const theirs = driveFile({ id: 'theirs', mimeType: 'text/plain' });
    const setting = { plan: TO_MAKE, driveAnswers: { find: async () => [theirs], get: async () => theirs } };
    const { step, run, asked } = setUpRows(setting);
    await expect(run()).rejects.toMatchObject({ code: 'drive-unavailable' });
    expect([asked, await step.ledger.read(LEASE_KEY)]).toEqual([[], undefined]);
  });

  /** Another delivery has made the sheet since this one was planned, and the courier has made it read-only. */
  const lockedSince = ({ isLockedAgain = false } = {}) => {
    const locked = driveFile({ ...SHEET, appProperties: { [LOCK_PROPERTY]: '1' } });
    const unlocked: string[] = [];
    const policy = async () => ({
      lockOf: async () => ({ isLocked: isLockedAgain || unlocked.length === 0, isOwn: true }),
      unlock: async (id: string) => void unlocked.push(id),
      restrict: async () => undefined,
    });
    const setting = setUpRows({
      ...{ plan: TO_MAKE, driveAnswers: { find: async () => [locked], get: async () => locked, policy } },
      ...(isLockedAgain && { fails: () => new CourierError('folder-not-writable') }),
    });
    return { ...setting, unlocked };
  };

  test('is unlocked if another delivery has made it in the meantime, and it is read-only', async () => {
    const { run, unlocked } = lockedSince();
    expect(await run()).toMatchObject({ outcome: 'replaced', isNew: false });
    expect(unlocked).toEqual(['f1']);
  });

  test('can be tried again if another delivery makes it read-only once more', async () => {
    const { run } = lockedSince({ isLockedAgain: true });
    await expect(run()).rejects.toMatchObject({ code: 'drive-unavailable' });
  });

  test('is waited for, until its lease expires, where the ledger could not note its name', async () => {
    const { step, run, leases } = setUpRows({ plan: TO_MAKE, driveAnswers: makes });
    const { claim } = step.ledger;
    step.ledger.claim = (key, entry) =>
      entry.state === 'done' ? Promise.reject(new CourierError('google-unavailable')) : claim(key, entry);
    await run();
    expect(await step.ledger.read(LEASE_KEY)).toBeDefined();
    expect(leases.map((signal) => signal?.aborted)).toEqual([true]);
  });
});
