import { expect, test } from '@jest/globals';
import { planChange } from '../../../../src/sheets/changes/changes.ts';
import { type Batch, batchesOf, MAX_BATCH_BYTES } from '../../../../src/sheets/rows/batches.ts';
import { busyMsOf } from '../../../support/processes/loop-delay.ts';
import { keyOf, startSheetsInTime } from '../../../support/rows/sheets-in-time.ts';

const WIDTH = 600;
const header = Array.from({ length: WIDTH }, (_, index) => `c${index}`);
const narrow = ['c0', 'c300', 'c302', 'c599'];

test('a narrow table goes into its columns of a wide tab', async () => {
  const world = await startSheetsInTime();
  try {
    const [id, courier] = [await world.create(), world.instance()];
    const append = (name: string, csv: string) =>
      world.run(world.append(courier, id, { key: keyOf(name), csv, dates: true }));
    await append('wide', `${header.join()}\n${header.map((_, index) => index).join()}\n`);
    const written = await append('narrow', `${narrow.join()}\na,2026-11-24,c,d\n,,,e\n`);
    expect(written).toMatchObject({ range: 'Sheet1!A3:WB4', columnsAdded: [] });
    const rows = world.google.sheets.rowsOf(id).slice(2);
    const shown = rows.map((row) => row.flatMap((cell, index) => (cell === '' ? [] : [[header[index], cell]])));
    expect(shown).toEqual([
      [
        ['c0', 'a'],
        ['c300', 46_350],
        ['c302', 'c'],
        ['c599', 'd'],
      ],
      [['c599', 'e']],
    ]);
  } finally {
    await world.close();
  }
});

test('and is sent without the cells between them', async () => {
  async function* rows() {
    for (let row = 0; row < 20_000; row += 1) yield { columns: narrow, cells: ['a', row, 'c', true] };
  }
  const batches: Batch[] = [];
  for await (const batch of batchesOf(rows())) batches.push(batch);
  const [batch] = batches;
  if (batch === undefined) throw new Error('there is always a batch');
  expect(batch.isLast).toBe(false);
  const tab = { sheetId: 1, title: 'Wide', rowCount: 2, columnCount: WIDTH, header, usedRows: 2 };
  const { requests } = planChange(
    { tab, sheetIds: [], marks: [], foreign: { ids: [], size: 0 } },
    [{ batch, key: keyOf('n'), columns: 'strict' }],
    { newTabOf: { title: '', sheetId: 1 }, nowMs: 0, removed: [] },
  );
  expect(Buffer.byteLength(JSON.stringify(requests))).toBeLessThan(1.5 * MAX_BATCH_BYTES);
});

const WIDEST = Array.from({ length: 18_278 }, (_, index) => `column ${100_000 + index}`);

const planInWidest = async (columns: readonly string[], rows: number) => {
  async function* all() {
    for (let row = 0; row < rows; row += 1) yield { columns, cells: columns.map(() => 1) };
  }
  const batches: Batch[] = [];
  for await (const each of batchesOf(all(), Number.POSITIVE_INFINITY)) batches.push(each);
  const [batch] = batches;
  if (batch === undefined) throw new Error('there is always a batch');
  const tab = { sheetId: 1, title: 'Wide', rowCount: 2, columnCount: WIDEST.length, header: WIDEST, usedRows: 2 };
  return () =>
    planChange(
      { tab, sheetIds: [], marks: [], foreign: { ids: [], size: 0 } },
      [{ batch, key: keyOf('w'), columns: 'strict' }],
      {
        newTabOf: { title: '', sheetId: 1 },
        nowMs: 0,
        removed: [],
      },
    );
};

test('rows that do not fit into the widest tab are refused before they are laid out', async () => {
  const plan = await planInWidest(WIDEST.slice(-1), 2_000);
  const before = process.memoryUsage().heapUsed;
  expect(plan).toThrow(expect.objectContaining({ code: 'sheet-full' }));
  // With the empty cells in front of them, they took 300 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
});

test('rows of one column of the widest tab are laid out without the empty cells in front of it', async () => {
  const plan = await planInWidest(WIDEST.slice(-1), 500);
  expect(await busyMsOf(100, plan)).toBeLessThan(100);
});

test('the columns of the widest table are found in linear time', async () => {
  const plan = await planInWidest(WIDEST, 1);
  expect(await busyMsOf(250, plan)).toBeLessThan(250);
});
