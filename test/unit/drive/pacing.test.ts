import { describe, expect, test } from '@jest/globals';
import { createPace } from '../../../src/drive/pacing.ts';

/** 600 units a minute: ten a second, and a burst of 300. */
const start = (unitsPerMinute = 600) => {
  let nowMs = 1_000_000;
  const waits: number[] = [];
  const pace = createPace({
    now: () => nowMs,
    sleep: async (milliseconds) => {
      waits.push(milliseconds);
    },
    unitsPerMinute,
  });
  return { pace, waits, pass: (milliseconds: number) => (nowMs += milliseconds), now: () => nowMs };
};

describe('a credential', () => {
  test('may spend half of a minute at once, and then as fast as the quota comes back', async () => {
    const { pace, waits } = start();
    for (let turn = 0; turn < 6; turn++) await pace.spend(50, {});
    expect(waits).toEqual([]);
    await pace.spend(50, {});
    await pace.spend(50, {});
    expect(waits).toEqual([5_000, 10_000]);
    await pace.spend(0, {});
    expect(waits).toHaveLength(2);
  });

  test('gets back what time brings, and no more than a burst', async () => {
    const { pace, waits, pass } = start();
    await pace.spend(300, {});
    pass(5_000);
    await pace.spend(50, {});
    expect(waits).toEqual([]);
    pass(3_600_000);
    await pace.spend(301, {});
    expect(waits).toEqual([100]);
  });

  test('waits no longer than to the deadline', async () => {
    const { pace, waits, now } = start();
    await pace.spend(300, {});
    await pace.spend(100, { deadlineMs: now() + 70 });
    expect(waits).toEqual([70]);
  });

  test('goes slower after a rate limit, and comes back to its pace', async () => {
    const { pace, waits, pass } = start();
    pace.slowDown();
    await pace.spend(10, {});
    expect(waits).toEqual([2_000]);
    pass(120_000);
    await pace.spend(1, {});
    pass(60_000);
    await pace.spend(310, {});
    expect(waits).toEqual([2_000, 1_000]);
  });

  test('is slowed to a sixteenth at most', async () => {
    const { pace, waits } = start();
    for (let turn = 0; turn < 20; turn++) pace.slowDown();
    await pace.spend(10, {});
    expect(waits).toEqual([16_000]);
  });

  test('without a quota is never held up', async () => {
    const { pace, waits } = start(Number.POSITIVE_INFINITY);
    for (let turn = 0; turn < 1_000; turn++) await pace.spend(1e9, {});
    expect(waits).toEqual([]);
  });
});
