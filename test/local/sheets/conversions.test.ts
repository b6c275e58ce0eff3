import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { apiOf, type DriveApi, reasonOf, SHEET } from '../drive/drive-api.ts';
import { send, type Uploader, uploaderOf } from '../drive/uploads/uploading.ts';
import { append, mark, newSpreadsheet, row, type SheetsApi, sheetsOf } from './sheets-api.ts';

let google: LocalGoogle;
let drive: DriveApi;
let sheets: SheetsApi;
let uploader: Uploader;
beforeAll(async () => {
  google = await startLocalGoogle();
  const { courier } = google.world.emails;
  drive = apiOf(google, courier);
  sheets = sheetsOf(google, courier);
  uploader = uploaderOf(google, courier);
});
afterAll(() => google.close());

const boundary = 'b';
const upload = (metadata: object, type: string, bytes: string, id?: string) =>
  uploader.at(`/upload/drive/v3/files${id === undefined ? '' : `/${id}`}?uploadType=multipart&supportsAllDrives=true`, {
    method: id === undefined ? 'POST' : 'PATCH',
    headers: { 'content-type': `multipart/related; boundary=${boundary}` },
    body: `--${boundary}\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(metadata)}\r\n--${boundary}\r\ncontent-type: ${type}\r\n\r\n${bytes}\r\n--${boundary}--`,
  });
const convert = async (bytes: string, type = 'text/csv'): Promise<string> => {
  const { body } = await upload({ name: 'sales', mimeType: SHEET, parents: [google.places.sharedDrive] }, type, bytes);
  return body.id;
};
const exported = async (id: string, mimeType = 'text/csv') =>
  drive('GET', `/files/${id}/export`, { query: { mimeType } });

test('CSV fills the cells, as if somebody typed them, of a tab with the name of the file', async () => {
  const id = await convert('\u{feff}name,amount,when\r\n"a ""b"", c",007,2026-11-29\r\n"two\nlines",,TRUE\r\n');
  expect(google.sheets.tabsOf(id)).toMatchObject([
    {
      title: 'sales',
      rowCount: 1000,
      columnCount: 26,
      rows: [
        ['name', 'amount', 'when'],
        ['a "b", c', 7, 46_355],
        ['two\nlines', '', true],
      ],
    },
  ]);
  expect((await exported(id)).body).toBe('name,amount,when\r\n"a ""b"", c",7,2026-11-29\r\n"two\nlines",,TRUE');
});

test('tab-separated text fills the cells, and is exported without quotes', async () => {
  const id = await convert('a\tb\nc "d"\t1\n', 'text/tab-separated-values');
  expect(google.sheets.rowsOf(id)).toEqual([
    ['a', 'b'],
    ['c "d"', 1],
  ]);
  expect((await exported(id, 'text/tab-separated-values')).body).toBe('a\tb\r\nc "d"\t1');
});

test.each([
  ['', []],
  ['a', [['a']]],
  ['a,\n,b', [['a'], ['', 'b']]],
  ['a\r\n\r\nb\n\n', [['a'], [], ['b']]],
  ['"open', [['open']]],
  ['a"b,c', [['a"b', 'c']]],
])('the text %j', async (text, rows) => {
  expect(google.sheets.rowsOf(await convert(text))).toEqual(rows);
});

test('an upload to a spreadsheet replaces its whole content, with tabs and metadata', async () => {
  const id = await newSpreadsheet(google);
  await sheets.batch(id, append(row('old')), mark(1), { addSheet: { properties: { title: 'Other' } } });
  expect((await upload({}, 'text/csv', 'new,1\n', id)).status).toBe(200);
  expect(google.sheets.tabsOf(id)).toMatchObject([{ title: 'book', rows: [['new', 1]] }]);
  expect(google.sheets.metadataOf(id)).toEqual([]);
});

test('a copy has the content as it is now, and a converting copy that of the bytes', async () => {
  const id = await convert('a');
  await sheets.batch(id, append(row('b')));
  const parents = [google.places.sharedDrive];
  const all = { supportsAllDrives: true };
  const copy = await drive('POST', `/files/${id}/copy`, { query: all, body: { parents } });
  await sheets.batch(id, append(row('later')));
  expect(google.sheets.rowsOf(copy.body.id)).toEqual([['a'], ['b']]);
  const csv = google.drive.putFile({
    name: 'x',
    bytes: 'x,1',
    mimeType: 'text/csv',
    parent: google.places.sharedDrive,
  });
  const converted = await drive('POST', `/files/${csv}/copy`, { query: all, body: { mimeType: SHEET } });
  expect(google.sheets.rowsOf(converted.body.id)).toEqual([['x', 1]]);
});

const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

test('an Excel export has all tabs, and is converted back to the same values', async () => {
  const id = await convert('a,007,2026-11-29\n"=1+1",TRUE,1.25\n');
  await sheets.batch(
    id,
    { addSheet: { properties: { title: 'Two', sheetId: 2 } } },
    {
      updateCells: { start: { sheetId: 2 }, rows: [row('=text', '7', 7)], fields: 'userEnteredValue' },
    },
  );
  const token = drive.token;
  const address = `${google.origin}/www.googleapis.com/drive/v3/files/${id}/export?mimeType=${encodeURIComponent(XLSX)}`;
  const answer = await fetch(address, { headers: { authorization: `Bearer ${token}` } });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, XLSX]);
  const name = 'back';
  const parents = [google.places.sharedDrive];
  const body = Buffer.from(await answer.arrayBuffer());
  const uri = await uploader.session({ name, mimeType: SHEET, parents }, { 'x-upload-content-type': XLSX });
  const sent = await send(uri, { body, headers: { 'content-type': XLSX } });
  expect(sent.status).toBe(200);
  // The file has no value of the formula, because the local Google calculates none.
  expect(google.sheets.tabsOf(sent.body.id)).toMatchObject([
    {
      title: 'sales',
      rows: [
        ['a', 7, 46_355],
        ['', true, 1.25],
      ],
    },
    { title: 'Two', rows: [['=text', '7', 7]] },
  ]);
});

test('bytes that are no Excel file are not converted', async () => {
  const { status } = await upload({ name: 'x', mimeType: SHEET, parents: [google.places.sharedDrive] }, XLSX, 'no zip');
  expect(status).toBe(400);
});

test('exports are for Docs editors files, in their formats', async () => {
  const id = await convert('a');
  expect(reasonOf(await exported(id, 'image/png'))).toBe('400 badRequest');
  expect(reasonOf(await exported(id, 'application/pdf'))).toBe('501 notImplemented');
  const csv = google.drive.putFile({ name: 'x', bytes: 'x', mimeType: 'text/csv', parent: google.places.sharedDrive });
  expect(reasonOf(await exported(csv))).toBe('403 fileNotExportable');
});

test('the content ends with the file', async () => {
  const id = await convert('a');
  google.drive.removeFile(id);
  expect(() => google.sheets.rowsOf(id)).toThrow('No file');
});

test('the viewer shows tabs and cells, and nothing of them runs', async () => {
  const id = await convert('<script>alert(1)</script>,2\n=SUM(1),x');
  await sheets.batch(
    id,
    { addSheet: { properties: { title: '<b>"Other"</b>', sheetId: 7 } } },
    {
      updateCells: { start: { sheetId: 7, rowIndex: 1 }, rows: [row('second tab')], fields: 'userEnteredValue' },
    },
  );
  const page = async (query = '') => (await fetch(`${google.origin}/spreadsheets/d/${id}/edit${query}`)).text();
  const first = await page();
  expect(first).toContain('<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>');
  expect(first).toContain('<bdi>#ERROR!</bdi>');
  expect(first).not.toMatch(/<script|<b>/);
  const second = await page('?gid=7&range=A2');
  expect(second).toContain('<td class="selected"><bdi>second tab</bdi></td>');
  expect(await page('?gid=none&range=%22%3E&from=-5')).toContain('<bdi>sales</bdi>');
});
