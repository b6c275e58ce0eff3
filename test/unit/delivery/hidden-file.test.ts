import { expect, test } from '@jest/globals';
import { keepWhileHidden } from '../../../src/delivery/hidden-file.ts';

/** An id is kept for two minutes after Drive was first seen not to show its file. */

const NOW_MS = 1_000_000;

/** @param known what the try knows of the ledger @param stored what the ledger holds by then */
const keep = async (known: number | undefined, stored?: number) => {
  const notes: number[] = [];
  const note = async ({ missedSinceMs }: { missedSinceMs: number }) => {
    notes.push(missedSinceMs);
    return stored === undefined ? undefined : { missedSinceMs: stored };
  };
  const record = known === undefined ? undefined : { missedSinceMs: known };
  const outcome = await keepWhileHidden(record, note, () => NOW_MS).then(
    () => 'given up',
    ({ code, retryAfterSeconds }) => `${code}, again in ${retryAfterSeconds}`,
  );
  return { outcome, notes };
};

const KEPT = 'drive-unavailable, again in 10';

test.each([
  ['at first, which is noted', undefined, NOW_MS, { outcome: KEPT, notes: [NOW_MS] }],
  ['if the ledger holds another record by then', undefined, undefined, { outcome: KEPT, notes: [NOW_MS] }],
  ['for almost two minutes, which is noted once', NOW_MS - 119_999, undefined, { outcome: KEPT, notes: [] }],
  ['no longer than that', NOW_MS - 120_000, undefined, { outcome: 'given up', notes: [] }],
  ['no longer, if another try has noted it', undefined, NOW_MS - 120_000, { outcome: 'given up', notes: [NOW_MS] }],
])('it is kept %s', async (_, known, stored, expected) => {
  expect(await keep(known, stored)).toEqual(expected);
});
