import { expect, test } from '@jest/globals';
import { marksToRemove, type StoredMark } from '../../../../src/sheets/changes/marks.ts';

const NOW_MS = Date.parse('2026-11-29T06:00:00Z');
const [MINUTE_MS, DAY_MS] = [60_000, 86_400_000];

/** @param size in characters */
const mark = (key: string, ageMs: number, size = 70): StoredMark => ({
  ...{ key, id: 1, batch: 0, isLast: true, rows: 1, sheetId: 0, startRow: 1, width: 1, digest: 'd' },
  ...{ writtenAtMs: NOW_MS - ageMs, size },
});

const removedOf = (marks: readonly StoredMark[], { ledgerDays = 14, finished = [] as string[] } = {}): string[] =>
  marksToRemove(marks, {
    isFinished: (key) => finished.includes(key),
    ledgerMs: ledgerDays * DAY_MS,
    wall: () => NOW_MS,
  }).map(({ key }) => key);

test.each([
  [14, ['15 days']],
  [1, ['2 days', '15 days']],
  [30, []],
])('marks that are older than the entries of a ledger of %i days are removed', (ledgerDays, expected) => {
  const marks = [mark('an hour', 60 * MINUTE_MS), mark('2 days', 2 * DAY_MS), mark('15 days', 15 * DAY_MS)];
  expect(removedOf(marks, { ledgerDays }).sort()).toEqual(expected.sort());
});

test('of finished deliveries, the oldest are removed as soon as all have more than 10,000 characters', () => {
  const marks = [mark('new', 1, 4_000), mark('old', 2, 4_000), mark('open', 4, 4_000), mark('oldest', 3, 4_000)];
  const finished = ['new', 'old', 'oldest'];
  expect(removedOf(marks.slice(0, 2), { finished })).toEqual([]);
  expect(removedOf(marks, { finished })).toEqual(['oldest', 'old']);
});

test('of deliveries that may still be repeated, only those of an hour ago are removed, and only if there is no other room', () => {
  const orphans = [mark('2 hours', 120 * MINUTE_MS, 9_000), mark('50 minutes', 50 * MINUTE_MS, 9_000)];
  expect(removedOf(orphans)).toEqual([]);
  const fresh = mark('5 minutes', 5 * MINUTE_MS, 9_000);
  expect(removedOf([...orphans, fresh])).toEqual(['2 hours']);
  // The last resort.
  expect(removedOf([...orphans, fresh, mark('1 minute', MINUTE_MS, 9_000)])).toEqual(['2 hours', '50 minutes']);
  expect(removedOf([fresh, fresh, fresh])).toEqual([]);
});
