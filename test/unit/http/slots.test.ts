import { describe, expect, test } from '@jest/globals';
import { CourierError } from '../../../src/errors.ts';
import { createSlots, type Slots } from '../../../src/http/capacity.ts';

const MAX = 20;
const TICK_MS = 100;
const JOB_MS = 1_000;
const RETRY_MS = 2_000;

/** A clock that the test advances, and the work that ends at its times. */
const createClock = () => {
  let nowMs = 0;
  let ends: { atMs: number; end: () => void }[] = [];
  return {
    now: () => nowMs,
    /** Work that takes so long. */
    last: (milliseconds: number): Promise<void> =>
      new Promise((end) => {
        ends.push({ atMs: nowMs + milliseconds, end });
      }),
    async advance(): Promise<void> {
      nowMs += TICK_MS;
      const due = ends.filter(({ atMs }) => atMs <= nowMs);
      ends = ends.filter(({ atMs }) => atMs > nowMs);
      for (const { end } of due) end();
      // The slots of ended work are released in later microtasks.
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    },
  };
};

interface Load {
  holder: string;
  parallel: number;
  retryMs: number;
}

/** Callers that send all the time. Returns the finished jobs of each between two times. */
const run = async (loads: readonly Load[], { fromMs, toMs }: { fromMs: number; toMs: number }) => {
  const clock = createClock();
  const slots = createSlots(MAX, clock.now);
  const finished = new Map<string, number>();
  const lanes = loads.flatMap(({ holder, parallel, retryMs }) =>
    Array.from({ length: parallel }, () => ({ holder, retryMs, isRunning: false, nextMs: 0 })),
  );
  while (clock.now() < toMs) {
    for (const lane of lanes) {
      if (lane.isRunning || lane.nextMs > clock.now()) continue;
      lane.isRunning = true;
      slots
        .hold(lane.holder, () => clock.last(JOB_MS))
        .then(
          () => {
            if (clock.now() >= fromMs) finished.set(lane.holder, (finished.get(lane.holder) ?? 0) + 1);
          },
          () => {
            lane.nextMs = clock.now() + lane.retryMs;
          },
        )
        .finally(() => {
          lane.isRunning = false;
        });
    }
    await clock.advance();
  }
  return finished;
};

const HONEST: Load[] = Array.from({ length: 9 }, (_, index) => ({
  holder: `honest ${index}`,
  parallel: 4,
  retryMs: RETRY_MS,
}));
const GREEDY: Load = { holder: 'greedy', parallel: 200, retryMs: 0 };
const sumOf = (finished: ReadonlyMap<string, number>): number =>
  HONEST.reduce((sum, { holder }) => sum + (finished.get(holder) ?? 0), 0);

describe('slots of an instance with more work than it has slots', () => {
  test('nine honest callers keep 80 % of their throughput beside one that takes all that it can get', async () => {
    const times = { fromMs: 20_000, toMs: 80_000 };
    const alone = await run(HONEST, times);
    const beside = await run([GREEDY, ...HONEST], times);
    expect(sumOf(beside) / sumOf(alone)).toBeGreaterThanOrEqual(0.8);
    expect(Math.min(...HONEST.map(({ holder }) => beside.get(holder) ?? 0))).toBeGreaterThan(0);
  });

  test('a greedy caller uses what the others leave', async () => {
    const [one] = HONEST;
    const finished = await run([GREEDY, ...(one === undefined ? [] : [one])], { fromMs: 20_000, toMs: 40_000 });
    expect(finished.get('greedy')).toBeGreaterThanOrEqual(18 * 20);
    expect(finished.get('honest 0')).toBeGreaterThanOrEqual(4 * 18);
  });
});

const open = (slots: Slots, holder: string): (() => void) => {
  let end = (): void => undefined;
  slots
    .hold(
      holder,
      () =>
        new Promise<void>((resolve) => {
          end = resolve;
        }),
    )
    .catch((error: unknown) => {
      if (!(error instanceof CourierError)) throw error;
    });
  return () => end();
};

describe('pressure', () => {
  test('is felt by a holder of more than its fair share, and rises with the load', () => {
    const slots = createSlots(MAX, () => 0);
    expect(slots.pressure('greedy')).toBe(0);
    for (let held = 0; held < 12; held++) open(slots, 'greedy');
    // Alone, all is its fair share.
    expect(slots.pressure('greedy')).toBe(0);
    for (let index = 0; index < 3; index++) open(slots, `honest ${index}`);
    expect(slots.pressure('greedy')).toBeCloseTo(0.2);
    for (let held = 0; held < 8; held++) open(slots, 'greedy');
    open(slots, 'honest 3');
    open(slots, 'honest 4');
    expect(slots.pressure('greedy')).toBeGreaterThan(0.8);
    expect(slots.pressure('honest 0')).toBe(0);
  });

  test('ends with the load', async () => {
    const slots = createSlots(MAX, () => 0);
    const ends = Array.from({ length: 20 }, () => open(slots, 'greedy'));
    open(slots, 'honest');
    expect(slots.pressure('greedy')).toBeGreaterThan(0);
    for (const end of ends) end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(slots.pressure('greedy')).toBe(0);
  });
});
