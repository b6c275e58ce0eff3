import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { JWT } from 'google-auth-library';
import sheetsPackage from 'googleapis/build/src/apis/sheets/v4.js';
import type { GoogleErrorBody } from '../../../local/google/google-service.ts';
import { transporterOptions } from '../../local/core/redirect.ts';
import { newSpreadsheet } from '../../local/sheets/sheets-api.ts';
import { startJudgedGoogle } from '../../support/drive/judged-google.ts';

jest.setTimeout(60_000);
let google: Awaited<ReturnType<typeof startJudgedGoogle>>;
/** Google's own unmodified client: only its root address is set, call by call. */
let sheets: InstanceType<typeof sheetsPackage.sheets_v4.Sheets>;
let there: { rootUrl: string };

beforeAll(async () => {
  google = await startJudgedGoogle();
  const { client_email, private_key, private_key_id } = google.world.keyFile(google.world.emails.courier);
  const auth = new JWT({
    email: client_email,
    key: private_key,
    keyId: private_key_id,
    scopes: ['https://www.googleapis.com/auth/spreadsheets'],
    transporterOptions: transporterOptions(google.origin),
  });
  sheets = new sheetsPackage.sheets_v4.Sheets({ auth });
  there = { rootUrl: `${google.origin}/sheets.googleapis.com/` };
});
// The requests that are expected to fail.
afterAll(() =>
  google.judge([
    '400 GET sheets.googleapis.com/v4/spreadsheets/{id}/values/{range}',
    '400 POST sheets.googleapis.com/v4/spreadsheets/{id}:batchUpdate',
    '404 GET sheets.googleapis.com/v4/spreadsheets/{id}',
    '404 GET sheets.googleapis.com/v4/spreadsheets/{id}/developerMetadata/{id}',
    '501 POST sheets.googleapis.com/v4/spreadsheets/{id}/sheets/0:copyTo',
  ]),
);

/** The status and message of the error that the client throws. */
const failure = async (call: Promise<unknown>): Promise<(number | string | undefined)[]> => {
  try {
    await call;
  } catch (error) {
    const { status, response } = error as { status?: number; response?: { data: GoogleErrorBody } };
    return [status, response?.data.error.message];
  }
  throw new Error('It did not fail');
};

describe('googleapis for Node', () => {
  test('writes, appends, reads and clears values', async () => {
    const spreadsheetId = await newSpreadsheet(google);
    const valueInputOption = 'USER_ENTERED';
    const requestBody = {
      values: [
        ['name', 'when'],
        ['a', '2026-11-29'],
      ],
    };
    await sheets.spreadsheets.values.update({ spreadsheetId, range: 'A1', valueInputOption, requestBody }, there);
    const { data: appended } = await sheets.spreadsheets.values.append(
      { spreadsheetId, range: 'Sheet1!A:B', valueInputOption, requestBody: { values: [['b', '7:30']] } },
      there,
    );
    expect(appended).toMatchObject({ tableRange: 'Sheet1!A1:B2', updates: { updatedRange: 'Sheet1!A3:B3' } });
    const { data } = await sheets.spreadsheets.values.batchGet(
      { spreadsheetId, ranges: ['A1:B1', 'B2:B'], valueRenderOption: 'UNFORMATTED_VALUE' },
      there,
    );
    expect(data.valueRanges?.map(({ values }) => values)).toEqual([[['name', 'when']], [[46_355], [0.3125]]]);
    await sheets.spreadsheets.values.batchClear({ spreadsheetId, requestBody: { ranges: ['A2:B'] } }, there);
    expect(google.sheets.rowsOf(spreadsheetId)[0]).toEqual(['name', 'when']);
  });

  test('sends batches with metadata, and finds the metadata', async () => {
    const spreadsheetId = await newSpreadsheet(google);
    const location = { sheetId: 0 };
    const requests = [
      { appendCells: { sheetId: 0, fields: '*', rows: [{ values: [{ userEnteredValue: { numberValue: 1.5 } }] }] } },
      {
        createDeveloperMetadata: {
          developerMetadata: { metadataId: 5, metadataKey: 'k', metadataValue: 'v', visibility: 'DOCUMENT', location },
        },
      },
    ];
    const batch = { spreadsheetId, requestBody: { requests } };
    const { data } = await sheets.spreadsheets.batchUpdate(batch, there);
    expect(data.replies?.[1]?.createDeveloperMetadata?.developerMetadata?.metadataId).toBe(5);
    const again = await failure(sheets.spreadsheets.batchUpdate(batch, there));
    expect(again[0]).toBe(400);
    expect(google.sheets.rowsOf(spreadsheetId)).toEqual([[1.5]]);
    const dataFilters = [{ developerMetadataLookup: { metadataKey: 'k' } }];
    const { data: found } = await sheets.spreadsheets.developerMetadata.search(
      { spreadsheetId, requestBody: { dataFilters } },
      there,
    );
    expect(found.matchedDeveloperMetadata?.[0]).toMatchObject({ developerMetadata: { metadataId: 5 }, dataFilters });
    expect(await failure(sheets.spreadsheets.developerMetadata.get({ spreadsheetId, metadataId: 6 }, there))).toEqual([
      404,
      'No developer metadata with ID 6.',
    ]);
  });

  test('gets the grid with a mask, and errors that it understands', async () => {
    const spreadsheetId = await newSpreadsheet(google, 'named');
    const fields = 'properties.title,sheets(properties(sheetId,title),data.rowData.values.formattedValue)';
    const { data } = await sheets.spreadsheets.get({ spreadsheetId, fields }, there);
    expect(data).toEqual({
      properties: { title: 'named' },
      sheets: [{ properties: { sheetId: 0, title: 'Sheet1' }, data: [{ rowData: [] }] }],
    });
    expect(await failure(sheets.spreadsheets.get({ spreadsheetId: 'none' }, there))).toEqual([
      404,
      'Requested entity was not found.',
    ]);
    expect(await failure(sheets.spreadsheets.values.get({ spreadsheetId, range: 'Nope!A1' }, there))).toEqual([
      400,
      'Unable to parse range: Nope!A1',
    ]);
    const copied = sheets.spreadsheets.sheets.copyTo({ spreadsheetId, sheetId: 0, requestBody: {} }, there);
    expect((await failure(copied))[0]).toBe(501);
  });
});
