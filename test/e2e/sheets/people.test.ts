import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiOf, SHEET } from '../../local/drive/drive-api.ts';
import { row, sheetsOf } from '../../local/sheets/sheets-api.ts';
import { type CourierStory, createCourierStory } from '../../support/courier/courier-story.ts';
import { type RowsWorld, startRowsWorld } from './rows-in-world.ts';

/** What happens to appended rows when people edit the sheet in between: the table of docs/sheets.md. */

let world: RowsWorld;
let story: CourierStory;
beforeAll(async () => {
  world = await startRowsWorld();
  story = world.instance();
});
afterAll(() => world?.close());

const append = (name: string, csv: string, key?: string, options: object = {}) =>
  world.append(story, csv, { name, ...options }, key === undefined ? {} : { idempotencyKey: key });

/** A sheet with two rows of the courier. The courier has seen it a moment ago. */
const sheetNamed = async (name: string): Promise<string> => {
  const { id } = await append(name, 'a,b\n1,2\n');
  await append(name, 'a,b\n3,4\n', `${name} first`);
  return id;
};
const edit = async (id: string, ...requests: object[]): Promise<void> => {
  const { status, body } = await world.person.batch(id, ...requests);
  expect([status, body.error]).toEqual([200, undefined]);
};
/** A retry of the second row: it has its answer, and nothing is written. */
const retry = async (name: string) => {
  const receipt = await append(name, 'a,b\n3,4\n', `${name} first`);
  expect(receipt.outcome).toBe('replayed');
  return receipt;
};
const rows = (startIndex: number, count: number) => ({
  range: { sheetId: 0, dimension: 'ROWS', startIndex, endIndex: startIndex + count },
});
const cells = (rowIndex: number, ...values: (string | number)[]) => ({
  updateCells: { start: { sheetId: 0, rowIndex }, rows: [row(...values)], fields: 'userEnteredValue' },
});

describe('somebody', () => {
  test('inserts rows above and between, and types below the last row', async () => {
    const id = await sheetNamed('inserts');
    await edit(
      id,
      { insertDimension: rows(1, 2) },
      cells(1, 'note'),
      { insertDimension: rows(4, 1) },
      cells(6, 'typed'),
    );
    await append('inserts', 'a,b\n5,6\n');
    await retry('inserts');
    expect(world.rowsOf(id)).toEqual([['a', 'b'], ['note'], [], [1, 2], [], [3, 4], ['typed'], [5, 6]]);
  });

  test('deletes rows', async () => {
    const id = await sheetNamed('deletes');
    await edit(id, { deleteDimension: rows(1, 2) });
    await retry('deletes');
    await append('deletes', 'a,b\n5,6\n');
    expect(world.rowsOf(id)).toEqual([
      ['a', 'b'],
      [5, 6],
    ]);
  });

  test('moves columns, and renames one', async () => {
    const id = await sheetNamed('columns');
    const column = (startIndex: number) => ({ sheetId: 0, dimension: 'COLUMNS', startIndex, endIndex: startIndex + 1 });
    await edit(id, { insertDimension: { range: column(0) } }, { deleteDimension: { range: column(2) } });
    await edit(id, cells(0, 'b', 'a'), cells(1, 2, 1), cells(2, 4, 3));
    await append('columns', 'a,b\n5,6\n');
    await edit(id, cells(0, 'b', 'amount'));
    await expect(append('columns', 'a,b\n7,8\n', undefined, { columns: 'strict' })).rejects.toMatchObject({
      code: 'sheet-shape',
      reason: 'unknown-columns',
    });
    expect((await append('columns', 'a,b\n7,8\n')).sheet?.columnsAdded).toEqual(['a']);
    await retry('columns');
    expect(world.rowsOf(id)).toEqual([
      ['b', 'amount', 'a'],
      [2, 1],
      [4, 3],
      [6, 5],
      [8, '', 7],
    ]);
  });

  test('renames the tab', async () => {
    const id = await sheetNamed('renames');
    await edit(id, { updateSheetProperties: { properties: { sheetId: 0, title: 'Data' }, fields: 'title' } });
    expect((await append('renames', 'a,b\n5,6\n')).sheet?.range).toBe('Data!A4:B4');
    expect((await append('renames', 'a\n7\n', undefined, { tab: 'Sheet1' })).sheet?.range).toBe('Sheet1!A2');
    await retry('renames');
    expect([world.rowsOf(id, 'Data'), world.rowsOf(id, 'Sheet1')]).toEqual([
      [
        ['a', 'b'],
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [['a'], [7]],
    ]);
  });

  test('moves another tab to the front', async () => {
    const id = await sheetNamed('front');
    await edit(id, { addSheet: { properties: { title: 'Cover', index: 0 } } });
    expect((await append('front', 'a,b\n5,6\n')).sheet?.tab).toBe('Cover');
    expect((await append('front', 'a,b\n7,8\n', undefined, { tab: 'Sheet1' })).sheet?.range).toBe('Sheet1!A4:B4');
    await retry('front');
    expect(world.rowsOf(id, 'Cover')).toEqual([
      ['a', 'b'],
      [5, 6],
    ]);
  });

  test('filters the tab', async () => {
    const id = await sheetNamed('filters');
    const range = { sheetId: 0, startRowIndex: 0, endRowIndex: 3, startColumnIndex: 0, endColumnIndex: 2 };
    const criteria = { 0: { hiddenValues: ['3'] } };
    await edit(id, { setBasicFilter: { filter: { range, criteria } } });
    await append('filters', 'a,b\n5,6\n');
    await retry('filters');
    expect(world.rowsOf(id)).toEqual([
      ['a', 'b'],
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
  });

  test.each<[string, object]>([
    ['the tab', { sheetId: 0 }],
    ['the rows below', { sheetId: 0, startRowIndex: 2 }],
  ])('protects %s of her own spreadsheet', async (what, range) => {
    const { alice, courier, exporter } = world.google.world.emails;
    const drive = apiOf(world.google, alice);
    const id = await drive.make({ name: what, mimeType: SHEET });
    await drive('POST', `/files/${id}/permissions`, {
      body: { type: 'user', role: 'writer', emailAddress: courier },
    });
    const destinations = { default: { spreadsheet: id, credentials: 'main', callers: [exporter] } };
    const own = createCourierStory(world.google, { ledger: world.ledger, destinations });
    const send = (csv: string, key: string, options: object = {}) =>
      world.append(own, csv, { name: what, ...options }, { idempotencyKey: `${what} ${key}` });
    await send('a,b\n1,2\n', 'first');
    const person = sheetsOf(world.google, alice);
    const protectedRange = { protectedRangeId: 5, range, editors: { users: [alice] } };
    expect((await person.batch(id, { addProtectedRange: { protectedRange } })).status).toBe(200);
    const refused = { code: 'sheet-shape', reason: 'protected' };
    await expect(send('a,b\n5,6\n', 'second')).rejects.toMatchObject(refused);
    await expect(send('a\n1\n', 'replaced', { onConflict: 'replace' })).rejects.toMatchObject(refused);
    expect((await send('a,b\n1,2\n', 'first')).outcome).toBe('replayed');
    expect((await send('a\n7\n', 'other', { tab: 'Other' })).sheet?.rows).toBe(1);
    expect(world.rowsOf(id, 'Sheet1')).toEqual([
      ['a', 'b'],
      [1, 2],
    ]);
    expect((await person.batch(id, { deleteProtectedRange: { protectedRangeId: 5 } })).status).toBe(200);
    await send('a,b\n5,6\n', 'second');
    expect(world.rowsOf(id, 'Sheet1')).toEqual([
      ['a', 'b'],
      [1, 2],
      [5, 6],
    ]);
    own.close();
  });

  test('merges cells of the header, and unmerges them', async () => {
    const id = await sheetNamed('merges');
    const range = { sheetId: 0, startRowIndex: 0, endRowIndex: 1, startColumnIndex: 0, endColumnIndex: 2 };
    await edit(id, { mergeCells: { range } });
    const send = () => append('merges', 'a,b\n5,6\n', 'merges second');
    await expect(send()).rejects.toMatchObject({ code: 'sheet-shape', reason: 'merged-header' });
    await retry('merges');
    await edit(id, { unmergeCells: { range } }, cells(0, 'a', 'b'));
    await send();
    await send();
    expect(world.rowsOf(id)).toEqual([
      ['a', 'b'],
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
  });

  test('puts a title above the header', async () => {
    const id = await sheetNamed('title');
    await edit(id, { insertDimension: rows(0, 1) }, cells(0, 'Sales 2026'));
    await expect(append('title', 'a,b\n5,6\n', undefined, { columns: 'strict' })).rejects.toMatchObject({
      code: 'sheet-shape',
    });
    expect(world.rowsOf(id)).toEqual([['Sales 2026'], ['a', 'b'], [1, 2], [3, 4]]);
  });

  test('deletes the tab', async () => {
    const id = await sheetNamed('deleted tab');
    await append('deleted tab', 'x\n1\n', 'named', { tab: 'Named' });
    await edit(id, { addSheet: { properties: { title: 'New' } } }, { deleteSheet: { sheetId: 0 } });
    await retry('deleted tab');
    expect((await append('deleted tab', 'x\n2\n')).sheet?.tab).toBe('Named');
    const { body } = await world.person('GET', `/${id}`, { query: { fields: 'sheets(properties(sheetId,title))' } });
    const named = body.sheets.find(({ properties }: { properties: { title: string } }) => properties.title === 'Named');
    await edit(id, { deleteSheet: { sheetId: named.properties.sheetId } });
    expect(await append('deleted tab', 'x\n1\n', 'named', { tab: 'Named' })).toMatchObject({ outcome: 'replayed' });
    expect((await append('deleted tab', 'x\n3\n', undefined, { tab: 'Named' })).sheet?.range).toBe('Named!A2');
    expect([world.rowsOf(id, 'Named'), world.rowsOf(id, 'New')]).toEqual([[['x'], [3]], []]);
  });

  test('puts the file into the trash, or renames it', async () => {
    const drive = apiOf(world.google, world.google.world.emails.courier);
    for (const [name, change] of [
      ['trashed', { trashed: true }],
      ['renamed', { name: 'another name' }],
    ] as const) {
      const id = await sheetNamed(name);
      const { status } = await drive('PATCH', `/files/${id}`, { query: { supportsAllDrives: true }, body: change });
      expect(status).toBe(200);
      expect((await retry(name)).id).toBe(id);
      const next = await append(name, 'a,b\n5,6\n');
      expect([next.outcome, next.id === id]).toEqual(['created', false]);
      expect([world.rowsOf(id), world.rowsOf(next.id)]).toEqual([
        [
          ['a', 'b'],
          [1, 2],
          [3, 4],
        ],
        [
          ['a', 'b'],
          [5, 6],
        ],
      ]);
      expect(world.filesNamed(name)).toHaveLength(1);
    }
  });
});
