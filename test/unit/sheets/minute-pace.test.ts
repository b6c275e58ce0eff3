import { describe, expect, test } from '@jest/globals';
import { createPace } from '../../../src/drive/pacing.ts';
import { paceByMinute } from '../../../src/sheets/minute-pace.ts';

/** 60 requests a minute, of which 58 are used. */
const start = (requestsPerMinute = 60) => {
  let nowMs = 1_000_000;
  const waits: number[] = [];
  const now = () => nowMs;
  const sleep = async (milliseconds: number) => {
    waits.push(milliseconds);
    nowMs += milliseconds;
  };
  const inner = createPace({ now, sleep, random: () => 0, unitsPerMinute: requestsPerMinute });
  const pace = paceByMinute(inner, { now, sleep, requestsPerMinute });
  return { pace, inner, waits, now, pass: (milliseconds: number) => (nowMs += milliseconds) };
};

type World = ReturnType<typeof start>;

/** Calls one after another, each of which takes some time. @returns when each was allowed */
const callFor = async ({ pace, now, pass }: World, milliseconds: number, eachMs = 0): Promise<number[]> => {
  const times: number[] = [];
  for (const untilMs = now() + milliseconds; now() < untilMs; ) {
    await pace.spend(1, {});
    times.push(now());
    pass(eachMs);
  }
  return times;
};

const mostIn = (times: readonly number[], milliseconds: number): number =>
  Math.max(...times.map((from) => times.filter((time) => time >= from && time < from + milliseconds).length));

describe('calls to Sheets', () => {
  test.each([
    ['that take no time', 0],
    ['that take a while', 400],
    ['that take longer than a quota of 60 allows', 1_300],
  ])('never exceed the quota in any minute, and use what they can of it: calls %s', async (_, eachMs) => {
    const world = start();
    const times = await callFor(world, 10 * 60_000, eachMs);
    expect(mostIn(times, 60_000)).toBeLessThanOrEqual(58);
    expect(times.length).toBeGreaterThanOrEqual(eachMs === 1_300 ? 460 : 570);
    // Nobody waits for the next minute.
    expect(Math.max(0, ...world.waits)).toBeLessThan(2_200);
  });

  test('at low load never wait', async () => {
    const world = start();
    for (let minute = 0; minute < 3; minute++) {
      for (let turn = 0; turn < 29; turn++) await world.pace.spend(1, {});
      world.pass(60_000);
    }
    expect(world.waits).toEqual([]);
  });

  test('that wait at the same time are allowed one after another', async () => {
    const world = start();
    await callFor(world, 60_000);
    const from = world.now();
    const times = await Promise.all([1, 2, 3, 4].map(() => world.pace.spend(1, {}).then(world.now)));
    expect(times.at(-1)).toBeGreaterThanOrEqual(from + 4_000);
    expect(times.at(-1)).toBeLessThan(from + 12_000);
  });

  test('wait no longer than their deadline, and then leave their place to others', async () => {
    const world = start();
    await callFor(world, 60_000);
    const before = world.waits.length;
    await world.pace.spend(1, { deadlineMs: world.now() + 70 });
    await world.pace.spend(1, {});
    const [short, rest, ...others] = world.waits.slice(before);
    expect(short).toBe(70);
    expect((short ?? 0) + (rest ?? 0)).toBeLessThan(1_100);
    expect(others).toEqual([]);
  });

  test('leave their place to others if they are aborted', async () => {
    let nowMs = 0;
    const waits: number[] = [];
    const aborted = new Error('the caller is gone');
    let fails = false;
    const sleep = async (milliseconds: number) => {
      if (fails) throw aborted;
      waits.push(milliseconds);
      nowMs += milliseconds;
    };
    const unpaced = { spend: async () => undefined, slowDown: () => undefined };
    const pace = paceByMinute(unpaced, { now: () => nowMs, sleep, requestsPerMinute: 60 });
    for (let turn = 0; turn < 58; turn++) await pace.spend(1, {});
    fails = true;
    for (let turn = 0; turn < 10; turn++) await expect(pace.spend(1, {})).rejects.toBe(aborted);
    fails = false;
    const before = waits.length;
    await pace.spend(1, {});
    expect(waits.slice(before)).toHaveLength(1);
    expect(waits.at(-1)).toBeLessThan(2_200);
  });

  test('that Google refuses are slowed down', async () => {
    const world = start();
    await world.pace.spend(1, {});
    world.pace.slowDown(1);
    await world.pace.spend(1, {});
    expect(world.waits.at(-1)).toBeGreaterThanOrEqual(2_000);
  });

  test('without a quota are only those of the pace itself', () => {
    const { inner, now } = start();
    const sleep = async () => undefined;
    expect(paceByMinute(inner, { now, sleep, requestsPerMinute: Number.POSITIVE_INFINITY })).toBe(inner);
  });
});
