import { expect, test } from '@jest/globals';
import { traceUpload } from '../../scripts/trace.ts';

/** One keyed upload of 10 KB should pass through few files, so that its path can be read. The limit is lowered as files are merged. */
const MAX_FILES = 60;

/** The moves between rooms, and some more for a body that arrives in several pieces. docs/decisions/rooms.md has the reasons of each. */
const MAX_MOVES = 54;

test('a keyed upload of 10 KB passes through few source files, in the order of the delivery steps', async () => {
  const { files, rooms } = await traceUpload();
  expect(files.length).toBeLessThanOrEqual(MAX_FILES);
  expect(rooms.length).toBeLessThanOrEqual(MAX_MOVES);
  const steps = [
    'checks/check-request',
    'audit',
    'resolve-options',
    'idempotency',
    'checks/check-plan',
    'store/store-file',
    'sharing',
    'receipt',
  ];
  const entered = steps.map((step) => files.indexOf(`src/delivery/${step}.ts`));
  expect(entered).not.toContain(-1);
  expect(entered).toEqual(entered.toSorted((one, other) => one - other));
}, 120_000);
