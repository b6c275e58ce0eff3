import { expect, test } from '@jest/globals';
import { createSteadyClock } from '../../src/steady-clock.ts';

const setUp = () => {
  const times = { wallMs: 1_000_000, steadyMs: 50 };
  const now = createSteadyClock(
    () => times.wallMs,
    () => times.steadyMs,
  );
  const pass = (ms: number): void => {
    times.wallMs += ms;
    times.steadyMs += ms;
  };
  const set = (ms: number): void => {
    times.wallMs += ms;
  };
  return { now, pass, set };
};

test('the clock shows what the clock of the machine shows', () => {
  const { now, pass } = setUp();
  expect(now()).toBe(1_000_000);
  pass(1_234);
  expect(now()).toBe(1_001_234);
});

test('it follows a clock that is set forward', () => {
  const { now, set } = setUp();
  set(600_000);
  expect(now()).toBe(1_600_000);
});

test('after the clock of the machine was set back, it keeps running, a little slower, until the two agree', () => {
  const { now, pass, set } = setUp();
  set(-600_000);
  expect(now()).toBe(1_000_000);
  pass(10_000);
  expect(now()).toBe(1_009_000);
  pass(5_990_000);
  expect(now()).toBe(1_000_000 - 600_000 + 6_000_000);
  pass(1_000);
  expect(now()).toBe(1_000_000 - 600_000 + 6_001_000);
});
