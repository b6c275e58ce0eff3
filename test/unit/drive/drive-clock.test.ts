import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createDriveClock } from '../../../src/drive/drive-clock.ts';

const START_MS = Date.parse('2026-11-29T12:00:00.000Z');

/** An instance whose clock is ahead of Drive's, and a call that takes some time on the way there and back. */
const setUp = (aheadMs: number) => {
  let driveMs = START_MS;
  const clock = createDriveClock(() => driveMs + aheadMs);
  return {
    clock,
    drive: () => driveMs,
    call(thereMs: number, backMs: number, date?: string) {
      const sentMs = driveMs + aheadMs;
      driveMs += thereMs;
      const header = date ?? new Date(driveMs).toUTCString();
      driveMs += backMs;
      clock.answered(header, sentMs);
    },
  };
};

test('it is the clock of the instance before the first answer, and stays so where that is right', () => {
  const { clock, call, drive } = setUp(0);
  expect(clock.now()).toBe(START_MS);
  for (const backMs of [0, 10, 999, 60_000]) {
    call(40, backMs);
    expect(clock.now()).toBe(drive());
  }
});

test('it comes within a second and the time of an answer of that of Drive, however wrong the clock is', () => {
  const ahead = fc.integer({ min: -86_400_000, max: 86_400_000 });
  const times = fc.array(fc.tuple(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 900 })), {
    minLength: 1,
  });
  fc.assert(
    fc.property(ahead, times, (aheadMs, calls) => {
      const { clock, call, drive } = setUp(aheadMs);
      for (const [there, back] of calls) {
        call(there, back);
        expect(Math.abs(clock.now() - drive())).toBeLessThanOrEqual(1_000 + there + back);
      }
    }),
  );
});

test('an instance that was paused before it read an answer does not take the answer for new', () => {
  const { clock, call, drive } = setUp(300_000);
  call(20, 20);
  call(20, 600_000);
  expect(Math.abs(clock.now() - drive())).toBeLessThanOrEqual(1_040);
});

test('it never goes back while answers agree with it', () => {
  const { clock, call } = setUp(-240_000);
  let former = Number.NEGATIVE_INFINITY;
  call(30, 30);
  for (let turn = 0; turn < 200; turn++) {
    call(turn % 7, turn % 50);
    expect(clock.now()).toBeGreaterThanOrEqual(former);
    former = clock.now();
  }
});

test('an answer without a date, or with an unreadable one, changes nothing', () => {
  const { clock, call, drive } = setUp(300_000);
  clock.answered(undefined, START_MS);
  call(20, 20, 'yesterday');
  expect(clock.now()).toBe(drive() + 300_000);
});
