import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, test } from '@jest/globals';
import { createDayCounters, type DayCounters } from '../../../src/ledger/day-counters.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { createKeptLog } from '../../support/kept-log.ts';

const NOON_MS = Date.UTC(2026, 10, 28, 12);
let nowMs = NOON_MS;
const now = (): number => nowMs;
const log = createKeptLog();
const open: DayCounters[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((counters) => counters.close()));
  nowMs = NOON_MS;
});

const sharedLedger = (): Ledger => ({ ...createMemoryLedger({ now }), isShared: true });
/** One instance of the courier. Its exchanges come every 10 ms. */
const instance = (ledger: Ledger, shard?: number, kind = 'caller'): DayCounters => {
  const counters = createDayCounters({
    ledger,
    kind,
    now,
    wall: now,
    log,
    intervalMs: 10,
    ...(shard === undefined ? {} : { shard }),
  });
  open.push(counters);
  return counters;
};
const until = async (condition: () => boolean): Promise<void> => {
  for (let tries = 0; !condition() && tries < 300; tries++) {
    nowMs += 10;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(condition()).toBe(true);
};

test.each([
  ['in documents of their own', [0, 1, 2]],
  ['in one document', [3, 3, 3]],
])('instances that write %s see the sum', async (_, shards) => {
  const ledger = sharedLedger();
  const instances = shards.map((shard) => instance(ledger, shard));
  for (const [index, counters] of instances.entries()) counters.add('a', 10 ** index);
  for (const counters of instances) await until(() => counters.used('a') === 111);
  expect(instances.map((counters) => counters.used('b'))).toEqual([0, 0, 0]);
});

test('an amount counts at once in its own instance, and an undone one no longer', async () => {
  const ledger = sharedLedger();
  const [one, other] = [instance(ledger, 0), instance(ledger, 1)];
  one.add('a', 7);
  expect(one.used('a')).toBe(7);
  await until(() => other.used('a') === 7);
  one.add('a', -7);
  await until(() => other.used('a') === 0);
});

test('a later instance learns the sum, and kinds are separate', async () => {
  const ledger = sharedLedger();
  const first = instance(ledger);
  first.add('a', 5);
  await first.close();
  const [later, other] = [instance(ledger), instance(ledger, undefined, 'account')];
  await until(() => later.used('a') === 5);
  other.used('a');
  await until(() => other.used('a') === 0);
});

test('the count begins at 0 at midnight UTC, and late amounts of the day before are written to that day', async () => {
  const ledger = sharedLedger();
  const one = instance(ledger, 0);
  one.add('a', 5);
  const yesterday = one.today();
  nowMs = NOON_MS + 12 * 3_600_000;
  expect([one.today(), one.used('a')]).toEqual(['2026-11-29', 0]);
  one.add('a', -5, yesterday);
  expect(one.used('a')).toBe(0);
  await one.close();
  nowMs = NOON_MS;
  const other = instance(ledger, 1);
  await until(() => other.used('a') === 5);
});

test('the day is that of the machine, also after its clock was set back by days', () => {
  const counters = createDayCounters({
    ...{ ledger: createMemoryLedger({ now }), kind: 'caller', log },
    now: () => NOON_MS + 259_200_000,
    wall: now,
  });
  open.push(counters);
  expect([counters.today(), counters.secondsLeft()]).toEqual(['2026-11-28', 43_200]);
  nowMs = NOON_MS + 259_200_000;
  expect(counters.today()).toBe('2026-12-01');
  nowMs = NOON_MS;
  expect(counters.today()).toBe('2026-11-28');
});

test('a small step back over midnight does not bring back the day before, whose amounts would be forgotten', () => {
  const midnightMs = NOON_MS + 43_200_000;
  nowMs = midnightMs - 1_000;
  const counters = instance(createMemoryLedger({ now }));
  counters.add('a', 7);
  nowMs = midnightMs;
  counters.add('a', 1);
  nowMs = midnightMs - 2_000;
  expect([counters.today(), counters.used('a')]).toEqual(['2026-11-29', 1]);
  nowMs = midnightMs + 1_000;
  expect([counters.today(), counters.used('a')]).toEqual(['2026-11-29', 1]);
});

test('while the ledger is away nothing waits, and afterwards nothing is lost', async () => {
  const ledger = sharedLedger();
  let isAway = true;
  const failing: Ledger = {
    ...ledger,
    read: (key) => (isAway ? Promise.reject(new Error('away')) : ledger.read(key)),
  };
  const [one, other] = [instance(failing, 0), instance(ledger, 1)];
  for (let turn = 0; turn < 50; turn++) one.add('a', 1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect([one.used('a'), other.used('a')]).toEqual([50, 0]);
  isAway = false;
  await until(() => other.used('a') === 50);
});

test('a ledger that hangs does not hold up the end of the process', async () => {
  const hanging: Ledger = { ...sharedLedger(), read: () => new Promise(() => undefined) };
  const counters = createDayCounters({ ledger: hanging, kind: 'caller', now, wall: now, log, intervalMs: 10 });
  counters.add('a', 1);
  const startedMs = performance.now();
  await counters.close();
  expect(performance.now() - startedMs).toBeLessThan(3_000);
});

test('a ledger of one instance is not asked', async () => {
  const calls: string[] = [];
  const ledger = createMemoryLedger({ now });
  const counters = instance({
    ...ledger,
    read: (key) => {
      calls.push(key);
      return ledger.read(key);
    },
  });
  counters.add('a', 3);
  await counters.close();
  expect([counters.used('a'), calls]).toEqual([3, []]);
});

test('the ledger has no name of a caller', async () => {
  const ledger = sharedLedger();
  const records: string[] = [];
  const counters = instance({
    ...ledger,
    claim: (key, entry, owner) => {
      records.push(key, JSON.stringify(entry));
      return ledger.claim(key, entry, owner);
    },
  });
  counters.add('exporter@example.com', 3);
  await counters.close();
  expect(records.join()).toContain('amounts');
  expect(records.join()).not.toContain('exporter');
});

test('one amount that the ledger did not take is written once it answers again', async () => {
  const ledger = sharedLedger();
  let failures = 0;
  const claim: Ledger['claim'] = (...entry) => {
    failures += 1;
    return failures === 1 ? Promise.reject(new Error('down')) : ledger.claim(...entry);
  };
  const [one, other] = [instance({ ...ledger, claim }, 0), instance(ledger, 1)];
  one.add('a', 3);
  await until(() => other.used('a') === 3);
  expect(failures).toBe(2);
});

test('subjects that count nothing are not kept in memory', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const counters = instance(createMemoryLedger({ now }));
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 300_000; index += 1) counters.used(`stranger ${index}`);
  collectGarbage();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024);
  counters.add('a', 5);
  expect(counters.used('a')).toBe(5);
});
