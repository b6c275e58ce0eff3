import { describe, expect, test } from '@jest/globals';
import { createPace } from '../../../src/drive/pacing.ts';

/** 600 units a minute, of which 588 are the share: 9.8 a second, and a burst of 294. */
const start = (unitsPerMinute = 600) => {
  let nowMs = 1_000_000;
  const waits: number[] = [];
  const pace = createPace({
    now: () => nowMs,
    sleep: async (milliseconds) => {
      waits.push(Math.round(milliseconds));
      nowMs += milliseconds;
    },
    random: () => 0,
    unitsPerMinute,
  });
  return { pace, waits, pass: (milliseconds: number) => (nowMs += milliseconds), now: () => nowMs };
};

/** Spends steps of 10 units until the rate is stable. Returns units a minute. */
const shareOf = async ({ pace, now }: ReturnType<typeof start>): Promise<number> => {
  for (let turn = 0; turn < 40; turn++) await pace.spend(10, {});
  const startedMs = now();
  for (let turn = 0; turn < 10; turn++) await pace.spend(10, {});
  return Math.round(6_000_000 / (now() - startedMs));
};

describe('a credential', () => {
  test('may spend half of a minute’s quota at once, and then at the rate of the quota', async () => {
    const { pace, waits } = start();
    await pace.spend(294, {});
    expect(waits).toEqual([]);
    await pace.spend(49, {});
    await pace.spend(98, {});
    expect(waits).toEqual([5_000, 10_000]);
    await pace.spend(0, {});
    expect(waits).toHaveLength(2);
  });

  test('is refilled with time, up to one burst', async () => {
    const { pace, waits, pass } = start();
    await pace.spend(294, {});
    pass(5_000);
    await pace.spend(49, {});
    expect(waits).toEqual([]);
    pass(3_600_000);
    await pace.spend(294, {});
    await pace.spend(49, {});
    expect(waits).toEqual([5_000]);
  });

  test('waits no longer than the deadline, and then leaves its units to others', async () => {
    const { pace, waits, now } = start();
    await pace.spend(294, {});
    await pace.spend(98, { deadlineMs: now() + 70 });
    await pace.spend(49, {});
    expect(waits).toEqual([70, 4_930]);
  });

  test('returns its units when the caller cancels the wait', async () => {
    let nowMs = 0;
    const aborted = new Error('the caller is gone');
    const waits: number[] = [];
    const pace = createPace({
      now: () => nowMs,
      async sleep(milliseconds) {
        waits.push(Math.round(milliseconds));
        if (waits.length === 1) throw aborted;
        nowMs += milliseconds;
      },
      unitsPerMinute: 600,
    });
    await pace.spend(294, {});
    await expect(pace.spend(98, {})).rejects.toBe(aborted);
    await pace.spend(98, {});
    expect(waits).toEqual([10_000, 10_000]);
  });

  test('pauses for two seconds after a rate limit error, and up to eight if they continue', async () => {
    const { pace, waits } = start(60_000_000);
    const pauses: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      pace.slowDown(1);
      await pace.spend(1, {});
      pauses.push(waits.at(-1) ?? 0);
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 8_000, 8_000]);
  });

  test('makes waiting calls wait again after a rate limit error, one after another', async () => {
    let nowMs = 0;
    const due: { atMs: number; wake(): void }[] = [];
    const pace = createPace({
      now: () => nowMs,
      sleep: (milliseconds) => new Promise((wake) => due.push({ atMs: nowMs + milliseconds, wake })),
      random: () => 0,
      unitsPerMinute: 600,
    });
    await pace.spend(294, {});
    const doneMs: number[] = [];
    const calls = [1, 2, 3].map(() => pace.spend(10, {}).then(() => doneMs.push(nowMs)));
    pace.slowDown(10);
    while (due.length > 0) {
      due.sort((one, other) => one.atMs - other.atMs);
      const next = due.shift();
      nowMs = Math.max(nowMs, next?.atMs ?? 0);
      next?.wake();
      await new Promise(setImmediate);
    }
    await Promise.all(calls);
    const gaps = doneMs.map((atMs, index) => atMs - (doneMs[index - 1] ?? 2_000));
    expect(gaps.every((gap) => gap > 1_000)).toBe(true);
  });

  test('stays at the rate that Drive accepted, and grows back while there are no errors', async () => {
    const world = start();
    expect(await shareOf(world)).toBe(588);
    // Of 500 units in the last minute, Drive rejected 200: others use the rest of the quota.
    for (let turn = 0; turn < 4; turn++) world.pace.slowDown(50);
    const reduced = await shareOf(world);
    expect(reduced).toBeLessThan(500);
    expect(reduced).toBeGreaterThanOrEqual(294);
    world.pass(20 * 60_000);
    expect(await shareOf(world)).toBe(588);
  });

  test('keeps at least a 256th of the quota', async () => {
    const world = start(256_000);
    for (let turn = 0; turn < 20; turn++) {
      world.pace.slowDown(1);
      world.pass(10_000);
    }
    expect(await shareOf(world)).toBeGreaterThanOrEqual(1_000);
  });

  test('without a quota never waits', async () => {
    const { pace, waits } = start(Number.POSITIVE_INFINITY);
    for (let turn = 0; turn < 1_000; turn++) await pace.spend(1e9, {});
    pace.slowDown(1e9);
    await pace.spend(1e9, {});
    expect(waits).toEqual([]);
  });
});
