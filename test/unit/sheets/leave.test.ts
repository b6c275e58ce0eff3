import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { batchesOf } from '../../../src/sheets/rows/batches.ts';
import { readRows } from '../../../src/sheets/rows/read-rows.ts';
import { keyOf, type SheetsInTime, startSheetsInTime } from '../../support/rows/sheets-in-time.ts';

/** A later try goes to another spreadsheet, because a person has renamed, moved or trashed this one. */

let world: SheetsInTime;
beforeAll(async () => {
  world = await startSheetsInTime();
});
afterAll(() => world?.close());

const CSV = 'n\n1\n';

const setUp = async (name: string) => {
  const [id, first, later] = [await world.create(), world.instance(), world.instance()];
  const key = keyOf(name);
  let isNoted = false;
  const note = async (): Promise<void> => {
    isNoted = true;
  };
  return {
    ...{ id, first, key, isNoted: () => isNoted },
    append: () => world.append(first, id, { key, csv: CSV }),
    leave: (spreadsheetId = id, how = note) =>
      later.sheets.leave(spreadsheetId, key, how, { deadlineMs: world.now() + 60_000 }),
    rows: () => world.google.sheets.rowsOf(id),
  };
};

describe('a delivery', () => {
  test('leaves a spreadsheet without its rows, and one that does not exist', async () => {
    const { leave, isNoted } = await setUp('unmarked');
    expect(await world.run(leave())).toBe(false);
    expect(isNoted()).toBe(true);
    const gone = await setUp('gone');
    expect(await world.run(gone.leave('missing'))).toBeUndefined();
    expect(gone.isNoted()).toBe(true);
  });

  test('stays where its rows are, also if they are just being written', async () => {
    const { first, append, leave, isNoted, rows } = await setUp('marked');
    first.delayChange(5_000);
    const written = append();
    await world.run(world.sleep(100));
    expect(await world.run(leave())).toBe(true);
    expect(isNoted()).toBe(false);
    await world.run(written);
    expect(rows()).toEqual([['n'], [1]]);
  });

  test.each([
    ['is noted', false],
    ['is noted without an answer', true],
  ])('gets no rows from a try that has asked the ledger before, if the other spreadsheet %s', async (_, isLost) => {
    const { id, key, first, leave, rows } = await setUp(`left-${isLost}`);
    let isLeft = false;
    const left = leave(id, async () => {
      isLeft = true;
      if (isLost) throw new Error('no answer');
    });
    const askedAtMs = world.now();
    await world.run(world.sleep(100));
    const bytes = async function* () {
      yield Buffer.from(CSV);
    };
    const appended = first.sheets.append({
      ...{ spreadsheetId: id, key, columns: 'extend', mayBeDone: false, askedAtMs: () => askedAtMs },
      isSuperseded: async () => isLeft,
      batches: batchesOf(readRows(bytes(), { mimeType: 'text/csv', dates: false })),
      context: { deadlineMs: world.now() + 60_000 },
    });
    const outcomes = await world.run(Promise.allSettled([left, appended]));
    expect(outcomes.map(({ status }) => status)).toEqual([isLost ? 'rejected' : 'fulfilled', 'rejected']);
    expect(rows()).toEqual([]);
  });
});
