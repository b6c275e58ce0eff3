import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { GoogleSpreadsheet } from 'google-spreadsheet';
import { redirectedFetch } from '../../local/core/redirect.ts';
import { newSpreadsheet } from '../../local/sheets/sheets-api.ts';
import { startJudgedGoogle } from '../../support/drive/judged-google.ts';

jest.setTimeout(60_000);
let google: Awaited<ReturnType<typeof startJudgedGoogle>>;
const original = globalThis.fetch;
let doc: GoogleSpreadsheet;

/** The unmodified client. Its addresses are fixed, so its requests are redirected. */
beforeAll(async () => {
  google = await startJudgedGoogle();
  const id = await newSpreadsheet(google, 'table');
  const token = google.world.accessToken(google.world.emails.courier, ['https://www.googleapis.com/auth/spreadsheets']);
  globalThis.fetch = redirectedFetch(google.origin, original);
  doc = new GoogleSpreadsheet(id, { token });
});
// The requests that are expected to fail.
afterAll(async () => {
  globalThis.fetch = original;
  await google.judge(['400 POST sheets.googleapis.com/v4/spreadsheets/{id}/:batchUpdate']);
});

describe('google-spreadsheet', () => {
  test('creates a sheet with a header, adds rows, reads and changes them', async () => {
    await doc.loadInfo();
    expect(doc.title).toBe('table');
    const sheet = await doc.addSheet({ title: 'People', headerValues: ['name', 'age'] });
    await sheet.addRow({ name: 'Ann', age: 31 });
    await sheet.addRows(
      [
        { name: 'Bo', age: 25 },
        { name: '=1+1', age: 7 },
      ],
      { raw: true },
    );
    const rows = await sheet.getRows<{ name: string; age: string }>();
    expect(rows.map((row) => row.toObject())).toEqual([
      { name: 'Ann', age: '31' },
      { name: 'Bo', age: '25' },
      { name: '=1+1', age: '7' },
    ]);
    rows[1]?.set('age', '26');
    await rows[1]?.save();
    await rows[0]?.delete();
    expect(google.sheets.rowsOf(doc.spreadsheetId, 'People')).toEqual([
      ['name', 'age'],
      ['Bo', 26],
      ['=1+1', 7],
    ]);
  });

  test('loads, changes and saves cells', async () => {
    const sheet = doc.sheetsByIndex[0];
    if (sheet === undefined) throw new Error('No sheet');
    await sheet.loadCells('A1:B2');
    const cell = sheet.getCellByA1('B2');
    cell.value = 4;
    cell.numberFormat = { type: 'NUMBER', pattern: '0.00' };
    sheet.getCell(0, 0).formula = '=5';
    await sheet.saveUpdatedCells();
    await sheet.loadCells('A1:B2');
    expect([sheet.getCell(0, 0).value, sheet.getCellByA1('B2').formattedValue]).toEqual([5, '4.00']);
  });

  test('resizes, renames, clears and deletes a sheet, and understands errors', async () => {
    const sheet = await doc.addSheet({ title: 'Other', gridProperties: { rowCount: 5, columnCount: 3 } });
    await sheet.resize({ rowCount: 2, columnCount: 2 });
    await sheet.updateProperties({ title: 'Renamed' });
    expect(google.sheets.tabsOf(doc.spreadsheetId)).toContainEqual(
      expect.objectContaining({ title: 'Renamed', rowCount: 2, columnCount: 2 }),
    );
    await expect(doc.addSheet({ title: 'Renamed' })).rejects.toThrow('already exists');
    await sheet.clear();
    await sheet.delete();
    expect(google.sheets.tabsOf(doc.spreadsheetId).map(({ title }) => title)).toEqual(['Sheet1', 'People']);
  });
});
