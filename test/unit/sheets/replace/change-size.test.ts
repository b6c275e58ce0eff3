import { expect, test } from '@jest/globals';
import { planReplacement } from '../../../../src/sheets/replace/replacement.ts';
import { type Batch, batchesOf, MAX_CHANGE_BYTES } from '../../../../src/sheets/rows/batches.ts';
import type { Cell } from '../../../../src/sheets/rows/cell.ts';
import { dateOf } from '../../../../src/sheets/rows/cell.ts';

/** Google refuses more in a request. */
const GOOGLE_BYTES = 10_485_760;

async function* rowsOf(columns: readonly string[], rows: number, cellsOf: (row: number) => Cell[]) {
  for (let row = 0; row < rows; row += 1) yield { columns, cells: cellsOf(row) };
}

const firstBatch = async (rows: ReturnType<typeof rowsOf>): Promise<Batch> => {
  for await (const batch of batchesOf(rows, MAX_CHANGE_BYTES)) return batch;
  throw new Error('there is always a batch');
};

const planOf = (batch: Batch) =>
  planReplacement(
    { tabs: [], cells: 0, metadata: [] },
    { batch, key: 'k'.repeat(32), columns: 'extend' },
    { title: 'Data', newTabOf: { title: 'Data', sheetId: 1 }, nowMs: 0, marks: [], removed: [], taken: new Set() },
  );

const [day, time] = [dateOf('2026-11-29') ?? null, dateOf('2026-11-29T07:00:00.5Z') ?? null];
/** How much of what Google accepts is used at least, where the bytes of a cell are known exactly. */
const USED_BYTES = 10_000_000;

const EXACT: [string, (row: number) => Cell[]][] = [
  ['numbers', (row) => [row, row / 8]],
  ['texts of one and of several bytes a character', (row) => [`Lisbon ${row}`, 'Ωμέγα 日本 😀']],
  ['quotes, and line breaks', () => ['"quoted"', 'two\nlines']],
  ['booleans, and empty cells', (row) => [null, row % 3 === 0]],
];
test.each(EXACT)('a change that replaces a tab has as many rows as Google accepts: %s', async (_, cellsOf) => {
  const batch = await firstBatch(rowsOf(['a', 'b'], 200_000, cellsOf));
  expect(batch.isLast).toBe(false);
  const bytes = Buffer.byteLength(JSON.stringify((await planOf(batch)).requests));
  expect(bytes).toBeLessThan(GOOGLE_BYTES);
  expect(bytes).toBeGreaterThan(USED_BYTES);
});

test.each([
  ['the names of columns', 400, (row: number) => `${'x'.repeat(40_000)}${row}`],
  ['the cells of columns that rows lack', 20_000, (row: number) => `c${row % 900}`],
])('%s count too', async (_, count, nameOf) => {
  async function* sparse() {
    for (let row = 0; row < count; row += 1) yield { columns: [nameOf(row)], cells: [1] };
  }
  const batch = await firstBatch(sparse());
  expect(batch.isLast).toBe(false);
  expect(Buffer.byteLength(JSON.stringify((await planOf(batch)).requests))).toBeLessThan(GOOGLE_BYTES);
});

const CELLS: [string, (row: number) => Cell[]][] = [
  ['date cells whose format changes from row to row', (row) => (row % 2 === 0 ? [day, time] : [time, day])],
  ['date cells with gaps', (row) => (row % 2 === 0 ? [day, null] : [null, day])],
  ['short texts of control characters', () => ['\u0001'.repeat(16), '\ud800'.repeat(16)]],
];
test.each(CELLS)('a change that replaces a tab is not too large for Google: %s', async (_, cellsOf) => {
  const batch = await firstBatch(rowsOf(['a', 'b'], 60_000, cellsOf));
  expect(batch.isLast).toBe(false);
  expect(Buffer.byteLength(JSON.stringify((await planOf(batch)).requests))).toBeLessThan(GOOGLE_BYTES);
});

test('a column of dates needs one format, so it takes no more room than numbers', async () => {
  const batches: Batch[] = [];
  for (const cell of [day, 46_355]) batches.push(await firstBatch(rowsOf(['a', 'b'], 70_000, () => [cell, cell])));
  const [dates, numbers] = batches.map(({ rows }) => rows.length);
  expect((numbers ?? 0) - (dates ?? 0)).toBeLessThan(10);
});

test('a table of very many short rows is planned', async () => {
  const batch = await firstBatch(rowsOf(['a'], 200_000, () => [null]));
  expect(batch).toMatchObject({ isLast: true });
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  expect(await planOf(batch)).toMatchObject({ usedRows: 200_001 });
  isOver = true;
  // Other requests have their turn meanwhile.
  expect(turns).toBeGreaterThan(20);
});
