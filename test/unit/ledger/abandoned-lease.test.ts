import { describe, expect, test } from '@jest/globals';
import { acquireLease, endLease, type UnansweredWork, waitForAbandonedWork } from '../../../src/ledger/lease.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { createUnanswered } from '../../../src/unanswered-requests.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';

const TTL_MS = 30_000;
const SKEW_MS = 2_000;
const WORK: UnansweredWork = { by: 'key', effect: 'replaced' };

const start = () => {
  const { now, sleep, pass } = createSteppedClock();
  const ledger = createMemoryLedger({ now });
  /** Takes the lease and notes when. */
  const acquire = (hasTakenEffect?: (work: UnansweredWork) => Promise<boolean>) =>
    acquireLease(ledger, 'key', 'Another delivery', {}, { now, sleep, ...(hasTakenEffect && { hasTakenEffect }) });
  const takenAtMs = async (hasTakenEffect?: (work: UnansweredWork) => Promise<boolean>): Promise<number> => {
    const lease = await acquire(hasTakenEffect);
    expect(lease.takenOver).toBe(true);
    const atMs = now();
    await lease.release();
    return atMs;
  };
  return { ledger, now, sleep, pass, acquire, takenAtMs };
};

describe('a lease that is abandoned', () => {
  test('lasts for its whole lifetime from then on, although it was last renewed before', async () => {
    const { acquire, now, pass, takenAtMs } = start();
    const lease = await acquire();
    await pass(TTL_MS / 3 - 1);
    const startMs = now();
    await lease.abandon();
    const taken = takenAtMs();
    await pass(TTL_MS + SKEW_MS + 1_000);
    expect((await taken) - startMs).toBeGreaterThanOrEqual(TTL_MS + SKEW_MS);
  });

  test('is free at once for a holder that sees the effect of the work', async () => {
    const { acquire, now, takenAtMs } = start();
    await (await acquire()).abandon(WORK);
    const seen: UnansweredWork[] = [];
    const startMs = now();
    const takenMs = await takenAtMs(async (work) => {
      seen.push(work);
      return true;
    });
    expect([takenMs, seen]).toEqual([startMs, [WORK]]);
  });

  test('is free as soon as a holder sees the effect of the work', async () => {
    const { acquire, now, pass, takenAtMs } = start();
    await (await acquire()).abandon(WORK);
    const startMs = now();
    const taken = takenAtMs(async () => now() - startMs >= 5_000);
    await pass(TTL_MS);
    expect((await taken) - startMs).toBeLessThan(7_000);
  });

  test.each<[string, UnansweredWork | undefined, boolean]>([
    ['cannot be seen', undefined, true],
    ['is not there', WORK, false],
  ])('lasts for its whole lifetime if the effect of the work %s', async (_, work, hasTakenEffect) => {
    const { acquire, now, pass, takenAtMs } = start();
    await (await acquire()).abandon(work);
    const startMs = now();
    const taken = takenAtMs(async () => hasTakenEffect);
    await pass(TTL_MS + SKEW_MS + 1_000);
    expect((await taken) - startMs).toBeGreaterThanOrEqual(TTL_MS + SKEW_MS);
  });

  test('lasts for its whole lifetime if Drive does not say whether the work has taken effect', async () => {
    const { acquire, now, pass, takenAtMs } = start();
    await (await acquire()).abandon(WORK);
    const startMs = now();
    const taken = takenAtMs(() => Promise.reject(new Error('Drive is down')));
    await pass(TTL_MS + SKEW_MS + 1_000);
    expect((await taken) - startMs).toBeGreaterThanOrEqual(TTL_MS + SKEW_MS);
  });

  test('is taken over after its lifetime without a look at the effect of the work', async () => {
    const { acquire, pass, takenAtMs } = start();
    await (await acquire()).abandon(WORK);
    await pass(TTL_MS + SKEW_MS);
    let looks = 0;
    await takenAtMs(async () => {
      looks += 1;
      return false;
    });
    expect(looks).toBe(0);
  });

  test('throws nothing if the ledger is down', async () => {
    const { ledger, now } = start();
    const record = () => Promise.reject(new Error('down'));
    const sleep = () => new Promise<void>(() => undefined);
    const lease = await acquireLease({ ...ledger, record }, 'key', 'Another delivery', {}, { now, sleep });
    await expect(lease.abandon()).resolves.toBeUndefined();
  });
});

test.each([
  ['released', 200, false],
  ['abandoned', undefined, true],
])('a lease is %s after a request with the answer %p', async (_, status, isHeld) => {
  const { acquire, ledger } = start();
  const requests = createUnanswered();
  requests.onSend()(status);
  await endLease(await acquire(), requests);
  expect((await ledger.read('key')) !== undefined).toBe(isHeld);
});

describe('to wait for abandoned work', () => {
  const waitAt = ({ ledger, now, pass }: ReturnType<typeof start>, deadlineMs = Infinity) => {
    const times = { now, sleep: (ms: number) => pass(ms) };
    return waitForAbandonedWork(ledger, 'key', 'Another delivery', { deadlineMs }, times);
  };

  test.each([
    ['nobody has the lease', async () => undefined],
    ['the lease is in use', async ({ acquire }: ReturnType<typeof start>) => void (await acquire())],
    ['the lease was released', async ({ acquire }: ReturnType<typeof start>) => (await acquire()).release()],
  ])('takes no time if %s', async (_, prepare) => {
    const world = start();
    await prepare(world);
    const startMs = world.now();
    expect(await waitAt(world)).toBe(false);
    expect(world.now()).toBe(startMs);
  });

  test.each([
    ['can be recognized', WORK],
    ['cannot be recognized', undefined],
  ])('takes until it is over, and the lease is free then: its effect %s', async (_, work) => {
    const world = start();
    await (await world.acquire()).abandon(work);
    const startMs = world.now();
    expect(await waitAt(world)).toBe(true);
    expect(world.now() - startMs).toBeGreaterThanOrEqual(TTL_MS + SKEW_MS);
    expect(await world.ledger.read('key')).toBeUndefined();
  });

  test('ends when another holder has taken the lease', async () => {
    const world = start();
    await (await world.acquire()).abandon(WORK);
    const startMs = world.now();
    const waiting = waitForAbandonedWork(world.ledger, 'key', 'Another delivery', {}, world);
    await world.pass(5_000);
    await world.acquire(async () => true);
    await world.pass(1_000);
    expect(await waiting).toBe(true);
    expect(world.now() - startMs).toBe(6_000);
  });

  test('takes no time if the lease has expired', async () => {
    const world = start();
    await (await world.acquire()).abandon();
    await world.pass(TTL_MS + SKEW_MS);
    expect(await waitAt(world)).toBe(false);
    expect(await world.ledger.read('key')).toBeUndefined();
  });

  test('ends with a time to retry if the request must be answered before', async () => {
    const world = start();
    await (await world.acquire()).abandon();
    await expect(waitAt(world, world.now() + 10_000)).rejects.toMatchObject({
      ...{ code: 'drive-unavailable', retryAfterSeconds: expect.any(Number) },
    });
  });
});
