import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { newSpreadsheet } from '../../local/sheets/sheets-api.ts';
import { startJudgedGoogle } from '../../support/drive/judged-google.ts';
import { findPythonClient } from '../../support/processes/programs.ts';

jest.setTimeout(60_000);
const execute = promisify(execFile);

const python = findPythonClient();
if (python === undefined)
  console.warn(
    'SKIPPED: no python3 with googleapiclient here (Debian: python3-googleapi), so it does not judge the local Sheets.',
  );

/** The unmodified client. It takes the address from Google's description of Sheets, where it is replaced here. */
const PREAMBLE = `
import json, sys
from google.oauth2 import service_account
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
key, document, origin, id = sys.argv[1], json.load(open(sys.argv[2])), sys.argv[3], sys.argv[4]
document['rootUrl'] = document['baseUrl'] = origin + '/sheets.googleapis.com/'
credentials = service_account.Credentials.from_service_account_file(key, scopes=['https://www.googleapis.com/auth/spreadsheets'])
sheets = build_from_document(document, credentials=credentials).spreadsheets()
out = {}
def failure(request):
    try:
        request.execute()
        return 'none'
    except HttpError as error:
        return '%s %s' % (error.resp.status, json.loads(error.content.decode())['error']['message'])
`;

(python === undefined ? describe.skip : describe)('Python’s googleapiclient', () => {
  let google: Awaited<ReturnType<typeof startJudgedGoogle>>;
  beforeAll(async () => {
    google = await startJudgedGoogle();
  });
  // The requests that are expected to fail.
  afterAll(() =>
    google.judge([
      '400 GET sheets.googleapis.com/v4/spreadsheets/{id}/values/{range}',
      '400 POST sheets.googleapis.com/v4/spreadsheets/{id}:batchUpdate',
    ]),
  );

  const run = async (id: string, script: string): Promise<Record<string, unknown>> => {
    const document = new URL('../../../local/google/sheets/discovery/sheets-v4.discovery.json', import.meta.url)
      .pathname;
    const { PATH = '' } = process.env;
    const { courier = '' } = google.world.keyFiles;
    const { stdout } = await execute(
      python?.command ?? '',
      ['-W', 'ignore', '-c', `${PREAMBLE}${script}\nprint(json.dumps(out))`, courier, document, google.origin, id],
      { env: { PATH, NO_GCE_CHECK: 'true', ...python?.env } },
    );
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  test('writes and reads values, sends batches, and understands errors', async () => {
    const id = await newSpreadsheet(google, 'python');
    const out = await run(
      id,
      `
values = sheets.values()
body = {'values': [['name', 'amount'], ['a', '1,234.5']]}
out['written'] = values.update(spreadsheetId=id, range="'Sheet1'!A1", valueInputOption='USER_ENTERED', body=body).execute()['updatedCells']
out['appended'] = values.append(spreadsheetId=id, range='A1:B1', valueInputOption='RAW', insertDataOption='INSERT_ROWS', body={'values': [['b', 2]]}).execute()['updates']['updatedRange']
out['formatted'] = values.get(spreadsheetId=id, range='Sheet1').execute()['values']
out['plain'] = values.batchGet(spreadsheetId=id, ranges=['A2:B2', 'B3'], valueRenderOption='UNFORMATTED_VALUE').execute()['valueRanges'][0]['values']
mark = {'createDeveloperMetadata': {'developerMetadata': {'metadataId': 9, 'metadataKey': 'k', 'visibility': 'PROJECT', 'location': {'spreadsheet': True}}}}
rows = {'appendCells': {'sheetId': 0, 'fields': 'userEnteredValue', 'rows': [{'values': [{'userEnteredValue': {'boolValue': True}}]}]}}
batch = {'requests': [rows, mark]}
out['replies'] = len(sheets.batchUpdate(spreadsheetId=id, body=batch).execute()['replies'])
out['again'] = failure(sheets.batchUpdate(spreadsheetId=id, body=batch))[:3]
out['mark'] = sheets.developerMetadata().get(spreadsheetId=id, metadataId=9).execute()['location']
out['title'] = sheets.get(spreadsheetId=id, fields='properties/title').execute()
out['range'] = failure(values.get(spreadsheetId=id, range='A0'))
`,
    );
    expect(out).toEqual({
      written: 4,
      appended: 'Sheet1!A3:B3',
      formatted: [
        ['name', 'amount'],
        ['a', '1,234.50'],
        ['b', '2'],
      ],
      plain: [['a', 1234.5]],
      replies: 2,
      again: '400',
      mark: { locationType: 'SPREADSHEET', spreadsheet: true },
      title: { properties: { title: 'python' } },
      range: '400 Unable to parse range: A0',
    });
    expect(google.sheets.rowsOf(id).at(-1)).toEqual([true]);
  });
});
