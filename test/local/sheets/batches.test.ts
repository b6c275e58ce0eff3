import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { append, mark, newSpreadsheet, row, type SheetsApi, sheetsOf, statusOf } from './sheets-api.ts';

let google: LocalGoogle;
let api: SheetsApi;
let id: string;
beforeAll(async () => {
  google = await startLocalGoogle();
  api = sheetsOf(google, google.world.emails.courier);
});
beforeEach(async () => {
  id = await newSpreadsheet(google);
});
afterAll(() => google.close());

const versionOf = (): number => google.drive.state.store.files.get(id)?.version ?? 0;
const dimension = (startIndex: number, endIndex: number, kind = 'ROWS') => ({
  sheetId: 0,
  dimension: kind,
  startIndex,
  endIndex,
});

describe('a batch', () => {
  test('is applied as a whole: rows and mark, and the Drive file changes with it', async () => {
    const before = versionOf();
    const { status, body } = await api.batch(id, append(row('a', 1), row('b', true)), mark(7));
    expect([status, body.replies]).toEqual([
      200,
      [
        {},
        {
          createDeveloperMetadata: {
            developerMetadata: {
              metadataId: 7,
              metadataKey: 'mark',
              metadataValue: 'value',
              location: { locationType: 'SHEET', sheetId: 0 },
              visibility: 'DOCUMENT',
            },
          },
        },
      ],
    ]);
    expect(google.sheets.rowsOf(id)).toEqual([
      ['a', 1],
      ['b', true],
    ]);
    expect(versionOf()).toBe(before + 1);
  });

  test('with one request that is not valid changes nothing', async () => {
    const before = versionOf();
    const answer = await api.batch(id, append(row('a')), mark(7), { deleteSheet: { sheetId: 99 } });
    expect([statusOf(answer), answer.body.error.message, answer.body.error.errors]).toEqual([
      '400 INVALID_ARGUMENT',
      'Invalid requests[2].deleteSheet: No sheet with id: 99',
      undefined,
    ]);
    expect([google.sheets.rowsOf(id), google.sheets.metadataOf(id), versionOf()]).toEqual([[], [], before]);
  });

  test('answers with the spreadsheet when asked', async () => {
    const body = {
      requests: [append(row('a'), row('b'))],
      includeSpreadsheetInResponse: true,
      responseIncludeGridData: true,
      responseRanges: ['Sheet1!A2:A'],
    };
    const { updatedSpreadsheet } = (await api('POST', `/${id}:batchUpdate`, { body })).body;
    expect(updatedSpreadsheet.sheets[0].data[0]).toMatchObject({
      startRow: 1,
      rowData: [{ values: [{ formattedValue: 'b' }] }],
    });
  });

  test.each([
    ['an unknown request', { frobnicate: {} }, '400 INVALID_ARGUMENT'],
    ['an unknown field', { appendCells: { sheetId: 0, rows: [], field: '*' } }, '400 INVALID_ARGUMENT'],
    ['a wrong type', { appendCells: { sheetId: '0' } }, '400 INVALID_ARGUMENT'],
    ['no request', {}, '400 INVALID_ARGUMENT'],
    ['no field mask', { appendCells: { sheetId: 0, rows: [row('a')] } }, '400 INVALID_ARGUMENT'],
    [
      'an unknown field in the mask',
      { appendCells: { sheetId: 0, rows: [row('a')], fields: 'value' } },
      '400 INVALID_ARGUMENT',
    ],
    ['a request that is not modelled', { findReplace: { find: 'a', allSheets: true } }, '501 UNIMPLEMENTED'],
  ])('%s is refused', async (_, request, expected) => {
    expect(statusOf(await api.batch(id, request))).toBe(expected);
  });
});

describe('cells', () => {
  test('are appended after the last row with data, and the grid grows by rows only', async () => {
    await api.batch(
      id,
      {
        updateSheetProperties: {
          properties: { sheetId: 0, gridProperties: { rowCount: 2, columnCount: 2 } },
          fields: 'gridProperties(rowCount,columnCount)',
        },
      },
      append(row('a'), row('b')),
      append(row('c', 'd')),
    );
    expect(google.sheets.tabsOf(id)).toMatchObject([{ rowCount: 3, columnCount: 2, rows: [['a'], ['b'], ['c', 'd']] }]);
    const { body } = await api.batch(id, append(row('1', '2', '3')));
    expect(body.error.message).toBe(
      'Invalid requests[0].appendCells: Attempting to write column: 2, beyond the last requested column of: 1',
    );
  });

  test('text is never a formula', async () => {
    await api.batch(id, append(row('=1+1', "'x", '007')));
    expect(await api.values(id, 'A1:C1')).toEqual([['=1+1', "'x", '007']]);
  });

  test('are updated within a range, and what the rows do not cover is cleared', async () => {
    await api.batch(id, append(row('a', 'b', 'c'), row('d', 'e', 'f')));
    const range = { sheetId: 0, startRowIndex: 0, endRowIndex: 2, startColumnIndex: 1, endColumnIndex: 3 };
    await api.batch(id, { updateCells: { range, rows: [row('B')], fields: 'userEnteredValue' } });
    expect(google.sheets.rowsOf(id)).toEqual([['a', 'B'], ['d']]);
  });

  test('keep their format when the mask names only the value', async () => {
    const bold = { userEnteredFormat: { textFormat: { bold: true } } };
    const range = { sheetId: 0, startRowIndex: 0, endRowIndex: 1, startColumnIndex: 0, endColumnIndex: 2 };
    await api.batch(
      id,
      { repeatCell: { range, cell: bold, fields: 'userEnteredFormat.textFormat.bold' } },
      { updateCells: { start: { sheetId: 0 }, rows: [row('a')], fields: 'userEnteredValue' } },
    );
    const { body } = await api('GET', `/${id}`, { query: { includeGridData: true } });
    expect(body.sheets[0].data[0].rowData[0].values[0]).toMatchObject({ formattedValue: 'a', ...bold });
  });

  test('a range that starts past the grid is refused by its name', async () => {
    const range = { sheetId: 0, startRowIndex: 1000, startColumnIndex: 0, endColumnIndex: 2 };
    const { body } = await api.batch(id, { repeatCell: { range, cell: {}, fields: 'note' } });
    expect(body.error.message).toBe(
      'Invalid requests[0].repeatCell: Range (Sheet1!A1001:B) exceeds grid limits. Max rows: 1000, max columns: 26',
    );
  });

  test('have at most 50,000 characters', async () => {
    const answer = await api.batch(id, append(row('x'.repeat(50_001))));
    expect([statusOf(answer), answer.body.error.message]).toEqual([
      '400 INVALID_ARGUMENT',
      expect.stringContaining('more than the maximum of 50000 characters in a single cell'),
    ]);
  });
});

describe('sheets', () => {
  test('are added, renamed, moved and deleted', async () => {
    const { body } = await api.batch(id, { addSheet: { properties: { title: 'Data', sheetId: 5 } } });
    expect(body.replies[0].addSheet.properties).toMatchObject({ sheetId: 5, title: 'Data', index: 1 });
    await api.batch(id, {
      updateSheetProperties: { properties: { sheetId: 5, title: 'New', index: 0 }, fields: 'title,index' },
    });
    expect(google.sheets.tabsOf(id).map(({ title }) => title)).toEqual(['New', 'Sheet1']);
    await api.batch(id, { deleteSheet: { sheetId: 0 } });
    expect(google.sheets.tabsOf(id).map(({ title }) => title)).toEqual(['New']);
    expect(statusOf(await api.batch(id, { deleteSheet: { sheetId: 5 } }))).toBe('400 INVALID_ARGUMENT');
  });

  test.each([
    ['title', { title: 'sheet1' }],
    ['ID', { sheetId: 0 }],
  ])('a second one with the same %s is refused', async (_, properties) => {
    expect(statusOf(await api.batch(id, { addSheet: { properties } }))).toBe('400 INVALID_ARGUMENT');
  });

  test('have together at most 10,000,000 cells', async () => {
    const gridProperties = { rowCount: 384_616, columnCount: 26 };
    const { body } = await api.batch(id, { addSheet: { properties: { gridProperties } } });
    expect(body.error.message).toBe(
      'Invalid requests[0].addSheet: This action would increase the number of cells in the workbook above the limit of 10000000 cells.',
    );
  });
});

describe('rows and columns', () => {
  test('are inserted and deleted, and metadata moves with them', async () => {
    const at = (metadataId: number, startIndex: number, kind: string) => ({
      createDeveloperMetadata: {
        developerMetadata: {
          metadataId,
          metadataKey: 'k',
          visibility: 'DOCUMENT',
          location: { dimensionRange: dimension(startIndex, startIndex + 1, kind) },
        },
      },
    });
    await api.batch(id, append(row('a', 'b'), row('c', 'd')), at(1, 1, 'ROWS'), at(2, 0, 'COLUMNS'));
    await api.batch(
      id,
      { insertDimension: { range: dimension(1, 3) } },
      { insertDimension: { range: dimension(0, 1, 'COLUMNS') } },
    );
    expect(google.sheets.rowsOf(id)).toEqual([['', 'a', 'b'], [], [], ['', 'c', 'd']]);
    expect(google.sheets.metadataOf(id)).toMatchObject([{ location: { index: 3 } }, { location: { index: 1 } }]);
    await api.batch(id, { deleteDimension: { range: dimension(3, 4) } });
    await api.batch(id, { deleteDimension: { range: dimension(2, 3, 'COLUMNS') } });
    expect(google.sheets.rowsOf(id)).toEqual([['', 'a']]);
    expect(google.sheets.metadataOf(id).map((entry) => entry.id)).toEqual([2]);
  });

  test('cells of a range are shifted', async () => {
    await api.batch(id, append(row('a', 1), row('b', 2), row('c', 3)));
    const range = { sheetId: 0, startRowIndex: 1, endRowIndex: 2, startColumnIndex: 0, endColumnIndex: 1 };
    await api.batch(id, { insertRange: { range, shiftDimension: 'ROWS' } });
    expect(google.sheets.rowsOf(id)).toEqual([['a', 1], ['', 2], ['b', 3], ['c']]);
    await api.batch(id, { deleteRange: { range, shiftDimension: 'ROWS' } });
    await api.batch(id, { deleteRange: { range, shiftDimension: 'COLUMNS' } });
    expect(google.sheets.rowsOf(id)).toEqual([['a', 1], [2], ['c', 3]]);
  });
});

describe('protected cells', () => {
  test('are changed only by their editors, and a batch that touches them changes nothing', async () => {
    const ops = sheetsOf(google, google.world.emails.ops);
    const range = { sheetId: 0, startRowIndex: 0, endRowIndex: 1 };
    await ops.batch(id, { addProtectedRange: { protectedRange: { range } } });
    const refused = await api.batch(id, append(row('a')));
    expect(refused.body.error.message).toContain('You are trying to edit a protected cell or object');
    expect(google.sheets.rowsOf(id)).toEqual([]);
    expect((await ops.batch(id, append(row('head')))).status).toBe(200);
    expect((await api.batch(id, append(row('a')))).status).toBe(200);
  });
});

describe('ranges', () => {
  test('merged cells keep the first value, and filters and names are shown', async () => {
    const range = { sheetId: 0, startRowIndex: 0, endRowIndex: 1, startColumnIndex: 0, endColumnIndex: 2 };
    await api.batch(
      id,
      append(row('a', 'b', 'c')),
      { mergeCells: { range, mergeType: 'MERGE_ALL' } },
      { setBasicFilter: { filter: { range } } },
      { addNamedRange: { namedRange: { name: 'head', range } } },
    );
    expect(await api.values(id, 'head')).toEqual([['a']]);
    const { body } = await api('GET', `/${id}`);
    expect(body.sheets[0]).toMatchObject({ merges: [range], basicFilter: { range } });
    expect(body.namedRanges).toMatchObject([{ name: 'head', range }]);
  });
});
