import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createCallerLimits } from '../../../src/caller-limits/caller-limits.ts';
import { rateLimitFields } from '../../../src/caller-limits/rate-limit-fields.ts';
import { createSlidingWindow } from '../../../src/caller-limits/sliding-window.ts';
import type { PerCallerConfig } from '../../../src/config/schema/per-caller.ts';
import type { Destination } from '../../../src/delivery/resolve-options.ts';
import type { Caller, Delivery, Outcome, Receipt } from '../../../src/domain.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { createKeptLog } from '../../support/kept-log.ts';

const NOON_MS = Date.UTC(2026, 10, 28, 12);

/** Limits with a delivery that reads its source and has the outcome of its name. */
const setUp = (perCaller: PerCallerConfig | undefined, atReports?: PerCallerConfig) => {
  /** `leadMs`: how far the clock for ages is ahead of the machine's, which was set back. */
  const clock = { nowMs: NOON_MS, leadMs: 0 };
  const now = (): number => clock.nowMs + clock.leadMs;
  const limits = createCallerLimits({
    perCaller,
    allow: (_, named = 'reports') =>
      ({ name: named, config: { perCaller: named === 'reports' ? atReports : undefined } }) as unknown as Destination,
    ledger: createMemoryLedger({ now }),
    now,
    wall: () => clock.nowMs,
    log: createKeptLog(),
  });
  const deliver = async (
    caller: Caller,
    {
      bytes,
      size = bytes,
      outcome = 'created',
      destination,
    }: Partial<Record<'bytes' | 'size', number>> & {
      bytes: number;
      outcome?: Outcome | 'failed';
      destination?: string;
    },
  ): Promise<string> => {
    const delivery = {
      caller,
      options: { name: 'a', destination },
      source: {
        size: size === -1 ? undefined : size,
        mimeType: 'text/plain',
        async *open() {
          for (let at = 0; at < bytes; at += 10) yield new Uint8Array(Math.min(10, bytes - at));
        },
      },
      signal: new AbortController().signal,
    } as unknown as Delivery;
    const work = limits.deliver(delivery, async ({ source }) => {
      for await (const _ of source.open());
      if (outcome === 'failed') throw new Error('failed');
      return { outcome } as Receipt;
    });
    return work.then(
      (receipt) => receipt.outcome,
      (error: { code?: string; reason?: string; retryAfterSeconds?: number }) =>
        [error.code, error.reason, error.retryAfterSeconds].filter((part) => part !== undefined).join(' ') || 'failed',
    );
  };
  return { limits, deliver, clock };
};

const ANN: Caller = { sub: '1' };
const BEN: Caller = { sub: '2' };

test('files a minute: the window slides, and each caller has its own', async () => {
  const { deliver, clock } = setUp({ filesPerMinute: 2 });
  expect(await deliver(ANN, { bytes: 1 })).toBe('created');
  clock.nowMs += 20_000;
  expect(await deliver(ANN, { bytes: 1 })).toBe('created');
  expect(await deliver(ANN, { bytes: 1 })).toBe('caller-over-quota files-per-minute 40');
  expect(await deliver(BEN, { bytes: 1 })).toBe('created');
  clock.nowMs += 40_000;
  expect(await deliver(ANN, { bytes: 1 })).toBe('created');
  expect(await deliver(ANN, { bytes: 1 })).toBe('caller-over-quota files-per-minute 20');
});

test('the sliding window never has more than its maximum in any window', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30 })), fc.integer({ min: 1, max: 5 }), (gaps, max) => {
      const window = createSlidingWindow(max, 60);
      const taken: number[] = [];
      let nowMs = 0;
      for (const gap of gaps) {
        nowMs += gap;
        const inWindow = taken.filter((time) => time > nowMs - 60);
        const [oldest = 0] = inWindow;
        expect(window.remaining(nowMs)).toBe(max - inWindow.length);
        expect(window.waitMs(nowMs)).toBe(inWindow.length < max ? 0 : oldest + 60 - nowMs);
        if (inWindow.length === max) continue;
        window.add(nowMs);
        taken.push(nowMs);
      }
    }),
  );
});

describe('bytes a day', () => {
  test.each([
    ['created', 'caller-over-quota bytes-per-day 43200'],
    ['replaced', 'caller-over-quota bytes-per-day 43200'],
    ['replayed', 'created'],
    ['skipped', 'created'],
    ['failed', 'created'],
  ] as const)('a delivery that is %s, then one that does not fit beside it', async (outcome, then) => {
    const { deliver } = setUp({ bytesPerDay: 100 });
    await deliver(ANN, { bytes: 60, outcome });
    expect(await deliver(ANN, { bytes: 60 })).toBe(then);
  });

  test('a size that is not known in advance is counted as it arrives, and refused before it is complete', async () => {
    const { deliver, limits } = setUp({ bytesPerDay: 100 });
    expect(await deliver(ANN, { bytes: 60, size: -1 })).toBe('created');
    expect(await deliver(ANN, { bytes: 60, size: -1 })).toBe('caller-over-quota bytes-per-day 43200');
    expect(await deliver(ANN, { bytes: 40, size: -1 })).toBe('created');
    expect(await deliver(ANN, { bytes: 1, size: -1 })).toBe('caller-over-quota bytes-per-day 43200');
    await limits.hold({ ...BEN }, true, async () => undefined);
  });

  test('concurrent deliveries reserve their bytes', async () => {
    const { deliver } = setUp({ bytesPerDay: 100 });
    const outcomes = await Promise.all([1, 2, 3].map(() => deliver(ANN, { bytes: 50 })));
    expect(outcomes).toEqual(['created', 'created', 'caller-over-quota bytes-per-day 43200']);
  });

  test('a file larger than a whole day is too large, not worth a retry', async () => {
    expect(await setUp({ bytesPerDay: 100 }).deliver(ANN, { bytes: 101 })).toBe('too-large');
  });

  test('midnight resets them', async () => {
    const { deliver, clock } = setUp({ bytesPerDay: 100 });
    await deliver(ANN, { bytes: 100 });
    clock.nowMs += 43_199_000;
    expect(await deliver(ANN, { bytes: 100 })).toBe('caller-over-quota bytes-per-day 1');
    clock.nowMs += 1_000;
    expect(await deliver(ANN, { bytes: 100 })).toBe('created');
  });

  test('midnight is that of the machine after its clock was set back', async () => {
    const { deliver, clock } = setUp({ bytesPerDay: 100, filesPerMinute: 2 });
    clock.leadMs = 30 * 3_600_000;
    await deliver(ANN, { bytes: 99 });
    expect(await deliver(ANN, { bytes: 2 })).toBe('caller-over-quota bytes-per-day 43200');
    clock.leadMs = 10 * 3_600_000;
    expect(await deliver(ANN, { bytes: 2 })).toBe('caller-over-quota bytes-per-day 43200');
  });

  test('an upload session counts its announced bytes when it is opened, and once', async () => {
    const { limits } = setUp({ bytesPerDay: 100 });
    const open = (size: number, isNew: boolean) =>
      limits.openUpload({ caller: ANN, options: { size } }, async () => ({ isNew }));
    await open(60, true);
    await open(40, false);
    await open(40, true);
    await expect(open(1, true)).rejects.toMatchObject({ code: 'caller-over-quota', reason: 'bytes-per-day' });
  });
});

test('concurrent requests; the end of a request allows another one', async () => {
  const { limits } = setUp({ concurrent: 1 });
  let end = (): void => undefined;
  const first = limits.hold(
    { ...ANN },
    true,
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  const second = { ...ANN };
  await expect(limits.hold(second, true, async () => undefined)).rejects.toMatchObject({
    code: 'caller-over-quota',
    reason: 'concurrent',
  });
  expect(limits.fields(second)).toEqual({
    'RateLimit-Policy': '"concurrent";q=1;qu="concurrent-requests"',
    RateLimit: '"concurrent";r=0',
  });
  expect(await limits.hold({ ...BEN }, true, async () => 'other caller')).toBe('other caller');
  end();
  await first;
  expect(await limits.hold({ ...ANN }, true, async () => 'next')).toBe('next');
});

test('a caller without room for a file is refused before the file is read, but may complete an upload', async () => {
  const { limits, deliver } = setUp({ bytesPerDay: 10 });
  await deliver(ANN, { bytes: 10 });
  await expect(limits.hold({ ...ANN }, true, async () => undefined)).rejects.toMatchObject({ reason: 'bytes-per-day' });
  expect(await limits.hold({ ...ANN }, false, async () => 'completed')).toBe('completed');
});

test('a destination has limits of its own, beside the general ones', async () => {
  const { deliver, limits } = setUp({ filesPerMinute: 3 }, { filesPerMinute: 1, bytesPerDay: 50 });
  const caller = { ...ANN };
  await limits.hold(caller, true, async () => {
    expect(await deliver(caller, { bytes: 20 })).toBe('created');
    expect(limits.fields(caller)).toEqual({
      'RateLimit-Policy':
        '"files-per-minute";q=3;w=60, "reports/files-per-minute";q=1;w=60, "reports/bytes-per-day";q=50;qu="content-bytes";w=86400',
      RateLimit: '"files-per-minute";r=2, "reports/files-per-minute";r=0;t=60, "reports/bytes-per-day";r=30;t=43200',
    });
    expect(await deliver(caller, { bytes: 20 })).toBe('caller-over-quota files-per-minute 60');
    // What a destination refuses does not count for the others.
    expect(await deliver(caller, { bytes: 20, destination: 'other' })).toBe('created');
    expect(await deliver(caller, { bytes: 20, destination: 'other' })).toBe('created');
    expect(await deliver(caller, { bytes: 20, destination: 'other' })).toBe('caller-over-quota files-per-minute 60');
  });
});

test('without a limit there is no field', () => {
  expect(rateLimitFields([])).toEqual({});
});
