import { describe, expect, test } from '@jest/globals';
import { acquireLease } from '../../../src/ledger/lease.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import type { Sleep } from '../../../src/sleep.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';

const TTL_MS = 30_000;
const SKEW_MS = 2_000;

const start = (change: Partial<Ledger> = {}) => {
  const clock = createSteppedClock();
  const ledger: Ledger = { ...createMemoryLedger({ now: clock.now }), ...change };
  const { now, sleep } = clock;
  const acquire = (wait: { signal?: AbortSignal; deadlineMs?: number } = {}, on: Ledger = ledger) =>
    acquireLease(on, 'key', 'Another delivery', wait, { now, sleep });
  const expiry = async (): Promise<number | undefined> =>
    ((await ledger.read('key'))?.record as { expiresAtMs: number } | undefined)?.expiresAtMs;
  return { ...clock, ledger, acquire, expiry };
};

describe('a lease', () => {
  test('is renewed after each third of its lifetime', async () => {
    const { acquire, expiry, ledger, now, pass } = start();
    const lease = await acquire();
    expect(lease.takenOver).toBe(false);
    expect(await ledger.read('key')).toMatchObject({ fileId: '', state: 'claimed' });
    expect(await expiry()).toBe(now() + TTL_MS);
    for (let turn = 0; turn < 5; turn++) {
      await pass(TTL_MS / 3);
      expect(await expiry()).toBe(now() + TTL_MS);
      // An entry that is not "done" is never evicted.
      expect(await ledger.read('key')).toMatchObject({ fileId: '', state: 'claimed' });
    }
    expect(lease.signal.aborted).toBe(false);
    await lease.release();
  });

  test.each(['release', 'abandon'] as const)('is not renewed after %s', async (end) => {
    const { acquire, expiry, pass } = start();
    const lease = await acquire();
    const before = await expiry();
    await lease[end]();
    await pass(2 * TTL_MS);
    expect(await expiry()).toBe(end === 'release' ? undefined : before);
    expect(lease.signal.aborted).toBe(false);
  });

  test('is not renewed at its end by a sleep that returns then', async () => {
    const { ledger, now } = start();
    let wake: (() => void) | undefined;
    const sleep: Sleep = () =>
      new Promise((resolve) => {
        wake = resolve;
      });
    const changes: unknown[] = [];
    const counting: Ledger = {
      ...ledger,
      record: (...change) => ledger.record(...change).finally(() => changes.push(1)),
    };
    const lease = await acquireLease(counting, 'key', 'Another delivery', {}, { now, sleep });
    await lease.release();
    wake?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(changes).toEqual([]);
  });

  test('waits for a renewal in progress before it is released, and removes what that wrote', async () => {
    let go: (() => void) | undefined;
    const { ledger, acquire, pass } = start();
    const slow: Ledger = {
      ...ledger,
      async record(...change) {
        const written = await ledger.record(...change);
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        return written;
      },
    };
    const lease = await acquire({}, slow);
    await pass(TTL_MS / 3);
    const released = lease.release();
    go?.();
    await released;
    expect(await ledger.read('key')).toBeUndefined();
  });

  test('that cannot be renewed aborts when a third of its lifetime is left', async () => {
    const { ledger, acquire, pass } = start();
    const lease = await acquire({}, { ...ledger, record: () => Promise.reject(new Error('down')) });
    await pass(TTL_MS / 3);
    expect(lease.signal.aborted).toBe(false);
    await pass(TTL_MS / 3);
    expect(lease.signal.reason).toMatchObject({ code: 'google-unavailable' });
    await lease.release();
  });

  test('that another holder has taken over aborts at its next renewal, and leaves that holder alone', async () => {
    const { ledger, acquire, now, pass } = start();
    const lease = await acquire();
    const entry = await ledger.read('key');
    if (entry === undefined) throw new Error('the lease is not in the ledger');
    const record = { expiresAtMs: now() + 10 * TTL_MS };
    const theirs = await ledger.record('key', { state: 'claimed', record }, entry);
    await pass(TTL_MS / 3);
    expect(lease.signal.reason).toMatchObject({ code: 'google-unavailable' });
    await pass(2 * TTL_MS);
    expect(await ledger.read('key')).toEqual(theirs.entry);
  });

  test('aborts where less than a third is left, also because a renewal took long', async () => {
    const { ledger, acquire, pass, sleep } = start();
    const record: Ledger['record'] = async () => {
      await sleep(1);
      throw new Error('down');
    };
    const lease = await acquire({}, { ...ledger, record });
    await pass((2 * TTL_MS) / 3 + 2);
    expect(lease.signal.aborted).toBe(true);
    await lease.release();
  });

  test('is released although the ledger is down', async () => {
    const { ledger, acquire } = start();
    const lease = await acquire({}, { ...ledger, release: () => Promise.reject(new Error('down')) });
    await expect(lease.release()).resolves.toBeUndefined();
  });
});

describe('a lease that another holder has', () => {
  test('is waited for, in growing intervals, until it is released', async () => {
    const { acquire, pass, waits } = start();
    const first = await acquire();
    const second = acquire();
    await pass(3_000);
    expect(waits.slice(1, 8)).toEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
    await first.release();
    await pass(1_000);
    expect((await second).takenOver).toBe(false);
    await (await second).release();
  });

  test('is taken over once it has expired, and the clocks may differ', async () => {
    const { acquire, pass, now } = start();
    const startMs = now();
    (await acquire()).abandon();
    let takenMs: number | undefined;
    const second = acquire().then((lease) => {
      takenMs = now();
      return lease;
    });
    await pass(TTL_MS + 2 * SKEW_MS);
    expect((await second).takenOver).toBe(true);
    expect((takenMs ?? 0) - startMs).toBeGreaterThanOrEqual(TTL_MS + SKEW_MS);
    expect((takenMs ?? 0) - startMs).toBeLessThanOrEqual(TTL_MS + SKEW_MS + 1_000);
    await (await second).release();
  });

  test('is taken over at the very millisecond at which the skew has passed', async () => {
    const { acquire, expiry, ledger, now, pass } = start();
    (await acquire()).abandon();
    await pass(TTL_MS + SKEW_MS);
    const second = await acquire();
    expect(second.takenOver).toBe(true);
    expect(await expiry()).toBe(now() + TTL_MS);
    expect(await ledger.read('key')).toMatchObject({ fileId: '', state: 'claimed' });
    await second.release();
  });

  test.each<[string, Ledger['record']]>([
    ['is taken over by one of two', async (_, __, stored) => ({ entry: stored, mine: false })],
    ['is not taken over where the ledger is down', () => Promise.reject(new Error('down'))],
  ])('%s', async (_, record) => {
    const { ledger, acquire, pass, now } = start();
    (await acquire()).abandon();
    await pass(TTL_MS + SKEW_MS);
    const late = acquire({ deadlineMs: now() + 3_000 }, { ...ledger, record });
    await expect(late).rejects.toMatchObject({ code: 'drive-unavailable', retryAfterSeconds: 2 });
  });

  test.each([
    [TTL_MS, 32],
    [1, 3],
    [-499, 2],
    [-1_000, 1],
    [-1_500, 1],
  ])(
    'with %d ms left is an error with the seconds until it can be taken over, when the deadline comes first',
    async (leftMs, seconds) => {
      const { acquire, now, pass } = start();
      (await acquire()).abandon();
      await pass(TTL_MS - leftMs);
      const late = acquire({ deadlineMs: now() + 3_049 });
      await expect(late).rejects.toMatchObject({ code: 'drive-unavailable', retryAfterSeconds: seconds });
    },
  );

  test('is waited for to the last interval before the deadline', async () => {
    const { acquire, now, pass, waits } = start();
    const first = await acquire();
    const patient = acquire({ deadlineMs: now() + 3_050 }).catch((error: unknown) => error);
    await pass(50);
    expect(await patient).toMatchObject({ code: 'drive-unavailable' });
    expect(waits).toEqual([TTL_MS / 3, 50]);
    await first.release();
  });

  test('is not waited for after the signal aborts', async () => {
    const { acquire } = start();
    const first = await acquire();
    const controller = new AbortController();
    const waiting = acquire({ signal: controller.signal });
    controller.abort(new Error('the caller left'));
    await expect(waiting).rejects.toMatchObject({ code: 'drive-unavailable' });
    await expect(acquire({ signal: controller.signal })).rejects.toMatchObject({ code: 'drive-unavailable' });
    await first.release();
  });
});
