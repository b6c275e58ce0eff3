import { describe, expect, test } from '@jest/globals';
import { acquireLease, underLease } from '../../../src/ledger/lease.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';

const TTL_MS = 30_000;
const SKEW_MS = 2_000;

const start = () => {
  const clock = createSteppedClock();
  const { now, sleep } = clock;
  const ledger = createMemoryLedger({ now });
  const acquire = () => acquireLease(ledger, 'key', 'Another delivery', {}, { now, sleep });
  return { ...clock, ledger, acquire };
};

describe('the clocks of two instances differ', () => {
  /** The second instance's clock is that of the ledger and the first one, and this much ahead. */
  const startApart = (aheadMs: number) => {
    const started = start();
    const now = (): number => started.now() + aheadMs;
    const acquire = () => acquireLease(started.ledger, 'key', 'Another delivery', {}, { now, sleep: started.sleep });
    return { ...started, acquireApart: acquire };
  };

  test.each([600_000, 60_000, -60_000, -600_000])(
    'by %d ms: a lease is taken over when it has expired, not before and not later',
    async (aheadMs) => {
      const { acquire, acquireApart, now, pass } = startApart(aheadMs);
      const startMs = now();
      (await acquire()).abandon();
      let takenMs = 0;
      const second = acquireApart().then((lease) => {
        takenMs = now();
        return lease;
      });
      await pass(TTL_MS + 2 * SKEW_MS);
      expect((await second).takenOver).toBe(true);
      expect(takenMs - startMs).toBeGreaterThanOrEqual(TTL_MS + SKEW_MS);
      expect(takenMs - startMs).toBeLessThanOrEqual(TTL_MS + SKEW_MS + 1_000);
      await (await second).release();
    },
  );

  test('a lease lasts as long as its holder has said', async () => {
    const { acquireApart, ledger, now, pass, sleep } = startApart(0);
    (await acquireLease(ledger, 'key', 'Another delivery', {}, { now, sleep, ttlMs: 2 * TTL_MS })).abandon();
    let isTaken = false;
    const second = acquireApart().finally(() => {
      isTaken = true;
    });
    await pass(2 * TTL_MS);
    expect(isTaken).toBe(false);
    await pass(2 * SKEW_MS);
    await (await second).release();
  });

  test('a lease of a version that did not record how long it lasts is taken over too', async () => {
    const { acquireApart, ledger, now, pass } = startApart(600_000);
    const entry = { fileId: '', fingerprint: '', state: 'claimed', claimedAtMs: now() } as const;
    await ledger.claim('key', { ...entry, record: { expiresAtMs: now() + TTL_MS } });
    const second = acquireApart();
    await pass(TTL_MS + 2 * SKEW_MS);
    expect((await second).takenOver).toBe(true);
    await (await second).release();
  });

  test('if the ledger does not report ages, the lease is looked at when its holder expects it to end', async () => {
    const { ledger, now, pass, sleep } = start();
    const claim: Ledger['claim'] = async (...given) => {
      const { ageMs: _, ...written } = await ledger.claim(...given);
      return written;
    };
    const times = { now, sleep };
    (await acquireLease({ ...ledger, claim }, 'key', 'Another delivery', {}, times)).abandon();
    let isTaken = false;
    const second = acquireLease({ ...ledger, claim }, 'key', 'Another delivery', {}, times).finally(() => {
      isTaken = true;
    });
    await pass(TTL_MS);
    expect(isTaken).toBe(false);
    await pass(2 * SKEW_MS);
    expect((await second).takenOver).toBe(true);
    await (await second).release();
  });
});

describe('a process that was paused', () => {
  /** The clock advances, and no timer fires. */
  const startPaused = async (ms: number) => {
    let pausedMs = 0;
    const { ledger, now, sleep } = start();
    const times = { now: () => now() + pausedMs, sleep };
    const lease = await acquireLease(ledger, 'key', 'Another delivery', {}, times);
    pausedMs = ms;
    return lease;
  };

  test('notices at the next check that its lease is about to expire', async () => {
    const lease = await startPaused((2 * TTL_MS) / 3);
    expect(lease.signal.aborted).toBe(false);
    lease.check();
    const { reason } = lease.signal;
    expect(reason).toMatchObject({ code: 'google-unavailable' });
    lease.check();
    expect(lease.signal.reason).toBe(reason);
    await lease.release();
  });

  test('keeps a lease that is still good', async () => {
    const lease = await startPaused((2 * TTL_MS) / 3 - 1);
    lease.check();
    expect(lease.signal.aborted).toBe(false);
    await lease.release();
  });

  test.each([true, false])(
    'sends nothing under a lease that has expired (a signal of its own: %j)',
    async (hasSignal) => {
      const lease = await startPaused(TTL_MS);
      const own = new AbortController();
      const context = underLease(lease, { deadlineMs: 5, ...(hasSignal ? { signal: own.signal } : {}) });
      expect(context).toMatchObject({ deadlineMs: 5, signal: { aborted: false } });
      await context.beforeSend();
      expect(context.signal?.reason).toMatchObject({ code: 'google-unavailable' });
      await lease.release();
    },
  );
});
