import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierStory } from '../../support/courier/courier-story.ts';
import { type RowsWorld, startRowsWorld } from './rows-in-world.ts';

/** Rows without room are refused before anything is written, and the error says how much room there is. */

const LIMIT = 10_000_000;

let world: RowsWorld;
let story: CourierStory;
beforeAll(async () => {
  world = await startRowsWorld();
});
afterAll(() => world?.close());

const rowsOf = (id: string) => world.google.sheets.rowsOf(id, 'Sheet1');
const send = (name: string, csv: string, options: object = {}, rest: object = {}) =>
  world.append(story, csv, { name, ...options }, rest);

/** A sheet with a header and one row, in which other tabs leave so many cells. The courier has not seen its size yet. */
const sheetWithRoom = async (name: string, room: number): Promise<string> => {
  story = world.instance();
  const { id } = await send(name, 'a,b\n1,2\n');
  const [first] = world.google.sheets.tabsOf(id);
  const { rowCount, columnCount } = first ?? {};
  const rest = LIMIT - Number(rowCount) * Number(columnCount) - room;
  const tabs = [
    { rowCount: Math.floor(rest / 100), columnCount: 100 },
    { rowCount: 1, columnCount: rest % 100 },
  ].filter((grid) => grid.columnCount > 0);
  const requests = tabs.map((gridProperties) => ({ addSheet: { properties: { gridProperties } } }));
  expect((await world.person.batch(id, ...requests)).status).toBe(200);
  story = world.instance();
  return id;
};

describe('rows without room are refused, and nothing is written', () => {
  test('if the whole spreadsheet would have too many cells', async () => {
    const id = await sheetWithRoom('cells', 25);
    const key = { idempotencyKey: 'cells-1' };
    const refused = send('cells', 'a,b\n3,4\n', {}, key);
    await expect(refused).rejects.toMatchObject({
      code: 'sheet-full',
      reason: 'cells',
      facts: { cells: String(LIMIT - 25), needed: '26', limit: String(LIMIT) },
    });
    expect(world.google.sheets.metadataOf(id)).toHaveLength(1);
    const other = world.google.sheets.tabsOf(id)[1]?.id;
    expect((await world.person.batch(id, { deleteSheet: { sheetId: other } })).status).toBe(200);
    await send('cells', 'a,b\n3,4\n', {}, key);
    expect(rowsOf(id)).toEqual([
      ['a', 'b'],
      [1, 2],
      [3, 4],
    ]);
  });

  test('if only a new column would', async () => {
    const id = await sheetWithRoom('columns', 500);
    await send('columns', 'a,b\n3,4\n');
    await expect(send('columns', 'a,c\n5,6\n')).rejects.toMatchObject({ code: 'sheet-full', reason: 'cells' });
    await expect(send('columns', 'x\n1\n', { tab: 'new', onConflict: 'append' })).resolves.toBeDefined();
    expect(rowsOf(id)).toEqual([
      ['a', 'b'],
      [1, 2],
      [3, 4],
    ]);
  });

  test('for those of several deliveries at once that do not fit', async () => {
    const id = await sheetWithRoom('group', 2 * 26);
    const settled = await Promise.allSettled([3, 4, 5, 6].map((n) => send('group', `a,b\n${n},${n}\n`)));
    const failed = settled.filter(({ status }) => status === 'rejected');
    expect(failed).toHaveLength(2);
    for (const one of failed) expect(one).toMatchObject({ reason: { code: 'sheet-full' } });
    expect(rowsOf(id)).toHaveLength(4);
  });

  test('and for values that replace others', async () => {
    const id = await sheetWithRoom('replace', 100);
    const csv = `a,b\n${'1,2\n'.repeat(1_500)}`;
    await expect(send('replace', csv, { onConflict: 'replace' })).rejects.toMatchObject({
      code: 'sheet-full',
      facts: { cells: String(LIMIT - 100), limit: String(LIMIT) },
    });
    await send('replace', 'a,b\n7,8\n', { onConflict: 'replace' });
    expect(rowsOf(id)).toEqual([
      ['a', 'b'],
      [7, 8],
    ]);
  });

  test('if the tab would have too many columns', async () => {
    story = world.instance();
    const { id } = await send('wide', 'a,b\n1,2\n');
    const length = 18_278 - 26;
    const range = { sheetId: 0, dimension: 'ROWS', startIndex: 5, endIndex: 900 };
    const { status } = await world.person.batch(
      id,
      { deleteDimension: { range } },
      { appendDimension: { sheetId: 0, dimension: 'COLUMNS', length } },
    );
    expect(status).toBe(200);
    await expect(send('wide', 'c\n1\n')).rejects.toMatchObject({ code: 'sheet-full', reason: 'columns' });
    expect(rowsOf(id)).toEqual([
      ['a', 'b'],
      [1, 2],
    ]);
  });
});
