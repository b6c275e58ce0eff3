import { expect, test } from '@jest/globals';
import { type Check, failed, findingsOf, passed, skipped, warned } from '../../../src/doctor/report.ts';

const of = (...checks: Check[]) => ({ ok: checks.every(({ result }) => result !== 'failed'), checks });
const KEY = failed('key', 'Google rejected the key.', 'Make a new key.');
const LEDGER = warned('ledger', 'It is in memory.', 'Use Firestore.');

test('failures come first, and a problem that destinations share is reported once with their names', () => {
  const folder = failed('folder', 'a is missing', 'Share a.');
  const found = findingsOf({
    reports: of(passed('clock', 'right'), LEDGER, KEY, skipped('token', 'Skipped: fix "key" first.')),
    invoices: of(LEDGER, KEY),
    orders: of(LEDGER, folder),
  });
  expect(found).toEqual([
    { ...KEY, destinations: ['reports', 'invoices'] },
    { ...folder, destinations: ['orders'] },
    { ...LEDGER, destinations: ['reports', 'invoices', 'orders'] },
  ]);
});

test('the same check with another detail or remedy is a separate finding', () => {
  const found = findingsOf({
    one: of(failed('folder', 'a is missing', 'Share a.')),
    two: of(failed('folder', 'b is missing', 'Share b.')),
    three: of(failed('folder', 'b is missing', 'Restore b.')),
  });
  expect(found.map(({ destinations }) => destinations)).toEqual([['one'], ['two'], ['three']]);
});

test('there are no findings if every check passes', () => {
  expect(findingsOf({ reports: of(passed('clock', 'right'), skipped('probe', 'not asked for')) })).toEqual([]);
});
