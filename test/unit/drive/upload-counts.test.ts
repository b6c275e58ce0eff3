import { expect, test } from '@jest/globals';
import { createUploadCounts, type UploadCounts } from '../../../src/drive/upload-counts.ts';
import { withUploadLimit } from '../../../src/doctor/checks/upload-limit.ts';
import { failed, passed } from '../../../src/doctor/report.ts';
import { createDayCounters } from '../../../src/ledger/day-counters.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { createKeptLog } from '../../support/kept-log.ts';

const now = (): number => Date.UTC(2026, 10, 28, 12);
const ACCOUNT = 'writer@my-proj.iam.gserviceaccount.com';

const instanceOn = (ledger: Ledger): { counts: UploadCounts; opened: () => number } => {
  let opened = 0;
  const counts = createUploadCounts(async () => {
    opened += 1;
    return createDayCounters({ ledger, kind: 'account', now, wall: now, log: createKeptLog(), intervalMs: 60_000 });
  });
  return { counts, opened: () => opened };
};

test('the uploads of an account are counted over its credentials and all instances', async () => {
  const ledger = { ...createMemoryLedger({ now }), isShared: true };
  const [one, other] = [instanceOn(ledger), instanceOn(ledger)];
  one.counts.add('main', ACCOUNT, 5);
  one.counts.add('second', ACCOUNT, 6);
  one.counts.add('person', 'ada@example.com', 100);
  other.counts.add('main', ACCOUNT, 7);
  // Nothing is loaded while a delivery runs.
  expect(one.opened()).toBe(0);
  expect(await one.counts.uploadedBy(ACCOUNT)).toBe(11);
  expect(await other.counts.uploadedBy(ACCOUNT)).toBe(18);
  expect(await one.counts.uploadedBy(ACCOUNT)).toBe(18);
  expect([...one.counts.known()]).toEqual([
    ['main', 18],
    ['second', 18],
    ['person', 100],
  ]);
  expect([one.opened(), await one.counts.uploadedBy('nobody')]).toEqual([1, 0]);
  await one.counts.close();
  await other.counts.close();
});

test('an instance that ends writes what it has counted', async () => {
  const ledger = { ...createMemoryLedger({ now }), isShared: true };
  const [one, other] = [instanceOn(ledger), instanceOn(ledger)];
  one.counts.add('main', ACCOUNT, 5);
  await one.counts.close();
  expect(await other.counts.uploadedBy(ACCOUNT)).toBe(5);
  await other.counts.close();
});

test.each([
  [599_999_999_999, 'passed'],
  [600_000_000_000, 'warned'],
])('with %i bytes of 750 GB the doctor says: %s', (bytes, result) => {
  const checks = [passed('folder', 'Found.'), passed('storage', 'Enough.')];
  const found = withUploadLimit(checks, ACCOUNT, bytes);
  expect(found.map((check) => check.result)).toEqual(['passed', result]);
  if (result === 'warned') expect(found[1]?.detail).toMatch(/600 GB .*750 GB/);
});

test('a failure of the storage stays the finding', () => {
  const checks = [failed('storage', 'None.', 'Free some.')];
  expect(withUploadLimit(checks, ACCOUNT, 700_000_000_000)).toEqual(checks);
});
