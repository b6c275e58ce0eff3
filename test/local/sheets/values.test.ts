import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { append, newSpreadsheet, row, type SheetsApi, sheetsOf, statusOf } from './sheets-api.ts';

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

const put = (range: string, values: unknown[][], option = 'RAW', more: object = {}) =>
  api('PUT', `/${id}/values/${encodeURIComponent(range)}`, {
    query: { valueInputOption: option },
    body: { values, ...more },
  });
const add = (range: string, values: unknown[][], query: Record<string, string> = {}) =>
  api('POST', `/${id}/values/${encodeURIComponent(range)}:append`, {
    query: { valueInputOption: 'RAW', ...query },
    body: { values },
  });

test.each([
  ['A1:B2', 'Sheet1!A1:B2', [[1, 2], [3]]],
  ['Sheet1', 'Sheet1!A1:Z1000', [[1, 2], [3]]],
  ["'Sheet1'!B1", 'Sheet1!B1', [[2]]],
  ['Sheet1!A:A', 'Sheet1!A1:A1000', [[1], [3]]],
  ['2:2', 'Sheet1!A2:Z2', [[3]]],
  ['A2:B', 'Sheet1!A2:B1000', [[3]]],
  ["'It''s a tab'!A1", "'It''s a tab'!A1", [['x']]],
])('reads the range %s', async (range, answered, values) => {
  await api.batch(id, { addSheet: { properties: { title: "It's a tab" } } });
  await put('A1', [[1, 2], [3]]);
  await put("'It''s a tab'!A1", [['x']]);
  const { body } = await api('GET', `/${id}/values/${encodeURIComponent(range)}`, {
    query: { valueRenderOption: 'UNFORMATTED_VALUE' },
  });
  expect(body).toEqual({ range: answered, majorDimension: 'ROWS', values });
});

test.each(['Nope!A1', 'A0', '!A1', 'Sheet1!A1:B2:C3', "'Sheet1"])('the range %s cannot be parsed', async (range) => {
  const answer = await api('GET', `/${id}/values/${encodeURIComponent(range)}`);
  expect([statusOf(answer), answer.body.error.message]).toEqual([
    '400 INVALID_ARGUMENT',
    `Unable to parse range: ${range}`,
  ]);
});

test.each([
  ['GET', 'A1001', 'Range (Sheet1!A1001) exceeds grid limits. Max rows: 1000, max columns: 26'],
  ['GET', 'A1:AA1', 'Range (Sheet1!A1:AA1) exceeds grid limits. Max rows: 1000, max columns: 26'],
  ['PUT', 'AA1', 'Range (Sheet1!AA1) exceeds grid limits. Max rows: 1000, max columns: 26'],
  ['PUT', 'A1:A2', 'Requested writing within range [A1:A2], but tried writing to column [B]'],
])('%s %s does not fit', async (method, range, message) => {
  const { body } = method === 'GET' ? await api('GET', `/${id}/values/${range}`) : await put(range, [[1, 2]]);
  expect(body.error.message).toBe(message);
});

describe('entered values', () => {
  test.each([
    ['1,234.50', 1234.5, '1,234.50'],
    ['12%', 0.12, '12%'],
    ['$3.50', 3.5, '$3.50'],
    ['true', true, 'TRUE'],
    ['2026-11-29', 46_355, '2026-11-29'],
    ['11/29/2026', 46_355, '11/29/2026'],
    ['2026-11-29 12:00:00', 46_355.5, '2026-11-29 12:00:00'],
    ['6:00', 0.25, '6:00'],
    ["'007", '007', '007'],
    ['007', 7, '7'],
    ['2026-02-30', '2026-02-30', '2026-02-30'],
    ['1-2-3', '1-2-3', '1-2-3'],
    ['=HYPERLINK("https://example.com", "link")', 'link', 'link'],
    ['=SUM(1, 2)', '#ERROR!', '#ERROR!'],
  ])('%s', async (text, unformatted, formatted) => {
    await put('A1', [[text]], 'USER_ENTERED');
    expect(await api.values(id, 'A1')).toEqual([[unformatted]]);
    expect((await api('GET', `/${id}/values/A1`)).body.values).toEqual([[formatted]]);
  });

  test('raw values are stored as they are, null leaves a cell, and an empty text clears it', async () => {
    await put('A1', [['=1', '2026-11-29', 1.5, false]]);
    await put('A1', [[null, '', 2]]);
    expect(await api.values(id, 'A1:D1')).toEqual([['=1', '', 2, false]]);
  });

  test('dates and formulas are rendered as asked', async () => {
    await put('A1', [['2026-11-29', '=A1']], 'USER_ENTERED');
    const values = async (query: Record<string, string>) =>
      (await api('GET', `/${id}/values/A1:B1`, { query })).body.values[0];
    expect(await values({ valueRenderOption: 'FORMULA' })).toEqual([46_355, '=A1']);
    expect(await values({ valueRenderOption: 'UNFORMATTED_VALUE', dateTimeRenderOption: 'FORMATTED_STRING' })).toEqual([
      '2026-11-29',
      '#ERROR!',
    ]);
  });

  test('columns can be the major dimension', async () => {
    await put('A1', [[1, 2], [3]], 'RAW', { majorDimension: 'COLUMNS' });
    expect(google.sheets.rowsOf(id)).toEqual([[1, 3], [2]]);
    const { body } = await api('GET', `/${id}/values/A:B`, { query: { majorDimension: 'COLUMNS' } });
    expect(body.values).toEqual([['1', '2'], ['3']]);
  });
});

describe('values.append', () => {
  test('adds rows below the table, answers with their range, and grows the grid', async () => {
    await put('B2', [['h1', 'h2'], [1]]);
    const { body } = await add('Sheet1', [['a', 'b', 'c']]);
    expect(body).toMatchObject({
      tableRange: 'Sheet1!B2:C3',
      updates: { updatedRange: 'Sheet1!B4:D4', updatedRows: 1, updatedColumns: 3, updatedCells: 3 },
    });
    await add(
      'Sheet1',
      Array.from({ length: 1000 }, () => [1]),
    );
    expect(google.sheets.tabsOf(id)[0]?.rowCount).toBe(1004);
  });

  test('starts at the range when there is no table', async () => {
    const { body } = await add('C3:D', [['x']]);
    expect([body.tableRange, body.updates.updatedRange]).toEqual([undefined, 'Sheet1!C3']);
  });

  test('inserts rows when asked, and writes over what is below otherwise', async () => {
    await put('A1', [['a'], [''], ['below']]);
    await add('A1:A1', [['b'], ['c']], { insertDataOption: 'INSERT_ROWS' });
    expect(google.sheets.rowsOf(id)).toEqual([['a'], ['b'], ['c'], [], ['below']]);
    await add('A1:A1', [['d'], ['e']]);
    expect(google.sheets.rowsOf(id)).toEqual([['a'], ['b'], ['c'], ['d'], ['e']]);
  });
});

test('batches of values are applied as a whole', async () => {
  const send = (...data: object[]) =>
    api('POST', `/${id}/values:batchUpdate`, { body: { valueInputOption: 'RAW', data } });
  const bad = await send({ range: 'A1', values: [['a']] }, { range: 'Nope!A1', values: [['b']] });
  expect(bad.body.error.message).toBe('Invalid data[1]: Unable to parse range: Nope!A1');
  expect(google.sheets.rowsOf(id)).toEqual([]);
  const good = await send({ range: 'A1', values: [['a']] }, { range: 'B2', values: [['b']] });
  expect(good.body).toMatchObject({ totalUpdatedCells: 2, responses: [{ updatedRange: 'Sheet1!A1' }, {}] });
  const { body } = await api('GET', `/${id}/values:batchGet`, { query: { ranges: ['A1', 'B2'] } });
  expect(body.valueRanges.map(({ values }: { values: unknown }) => values)).toEqual([[['a']], [['b']]]);
});

test('cleared cells keep nothing but their format', async () => {
  await api.batch(id, append(row('a', 'b'), row('c', 'd')));
  expect((await api('POST', `/${id}/values/A1:A2:clear`, { body: {} })).body.clearedRange).toBe('Sheet1!A1:A2');
  expect(google.sheets.rowsOf(id)).toEqual([
    ['', 'b'],
    ['', 'd'],
  ]);
  const { body } = await api('POST', `/${id}/values:batchClear`, { body: { ranges: ['B1', 'B2'] } });
  expect(body.clearedRanges).toEqual(['Sheet1!B1', 'Sheet1!B2']);
  expect(google.sheets.rowsOf(id)).toEqual([]);
});

test('an option for the input is required', async () => {
  const answer = await api('PUT', `/${id}/values/A1`, { body: { values: [['a']] } });
  expect(statusOf(answer)).toBe('400 INVALID_ARGUMENT');
});
