import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import readExcelFile from 'read-excel-file/node';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import type { Receipt } from '../../../src/domain.ts';
import { seedSales } from '../../support/rows/query-tables.ts';
import { type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

/** Results of queries as workbooks, as living sheets, and by way of a staging folder, over HTTP. */

let google: LocalGoogle;
let courier: RunningCourier;

beforeAll(async () => {
  google = await startLocalGoogle();
  await seedSales(google);
  const { exporter, runtime } = google.world.emails;
  await google.storage.createBucket('staging', { readers: [runtime], writers: [runtime] });
  google.bigquery.settings.extractBytes = 20_000;
  const rest = { callers: [exporter], destinations: ['reports'] };
  courier = await startCourier(google, {
    onCloudRun: true,
    env: { K_SERVICE: 'courier' },
    document: {
      queries: {
        daily: {
          ...rest,
          sql: 'SELECT shop, amount FROM sales.daily WHERE day = @day AND amount IS NOT NULL ORDER BY amount DESC',
          parameters: { day: 'DATE' },
          location: 'EU',
        },
        many: {
          ...rest,
          sql: 'SELECT x, CAST(x AS STRING) AS name FROM UNNEST(GENERATE_ARRAY(1, @rows)) AS x',
          parameters: { rows: 'INT64' },
          staging: { prefix: 'gs://staging/results/', aboveBytes: 10_000 },
        },
      },
    },
  });
});
beforeEach(() => google.calls.clear());
afterAll(async () => {
  await courier.close();
  await google.close();
});

const send = async (document: object, key: string) => {
  const response = await courier.ask(google.world.emails.exporter, '/v1/exports', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(document),
  });
  return { status: response.status, answer: (await response.json()) as Receipt & { code?: string; detail?: string } };
};

const daily = (day: string, more: object = {}, options: object = {}) => ({
  name: 'sales-{day}',
  source: { bigquery: { query: 'daily', parameters: { day }, ...more } },
  ...options,
});
const ROWS_OF_27 = [
  ['Zürich', 12.5],
  ['=1+1', -3],
];

test('a query as a workbook: its own type, a name by a template, a retry that replays', async () => {
  const document = daily('2026-11-27', { format: 'xlsx' }, { name: 'sales-{day}.xlsx', path: 'books/{day}' });
  const { status, answer } = await send(document, 'book');
  expect([status, answer.name, answer.path, answer.mimeType]).toEqual([
    201,
    'sales-2026-11-27.xlsx',
    'books/2026-11-27',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  ]);
  const [sheet] = await readExcelFile(google.drive.bytesOf(answer.id));
  expect(sheet?.data).toEqual([
    ['shop', 'amount'],
    ['Zürich', 12.5],
    ['=1+1', -3],
  ]);
  expect(await send(document, 'book')).toMatchObject({ answer: { outcome: 'replayed', id: answer.id } });
});

test('rows are appended to a living sheet once for each key, and texts in it have no apostrophe', async () => {
  const options = { name: 'all sales', convertTo: 'sheet', onConflict: 'append', tab: 'Sales' };
  const first = await send(daily('2026-11-27', {}, options), 'append-27');
  expect(first).toMatchObject({ status: 201, answer: { sheet: { tab: 'Sales', rows: 2 } } });
  expect(google.sheets.rowsOf(first.answer.id, 'Sales')).toEqual([['shop', 'amount'], ...ROWS_OF_27]);
  const again = await send(daily('2026-11-27', {}, options), 'append-27');
  expect(again).toMatchObject({ status: 200, answer: { outcome: 'replayed', id: first.answer.id } });
  const next = await send(daily('2026-11-28', { format: 'xlsx' }, options), 'append-28');
  expect(next.answer.id).toBe(first.answer.id);
  expect(google.sheets.rowsOf(first.answer.id, 'Sales')).toEqual([['shop', 'amount'], ...ROWS_OF_27, ['', 1]]);
});

test('a result replaces the content of a spreadsheet, which keeps its id', async () => {
  const options = { name: 'newest', convertTo: 'sheet', onConflict: 'replace' };
  const first = await send(daily('2026-11-27', {}, options), 'replace-27');
  expect(first).toMatchObject({ status: 201, answer: { mimeType: 'application/vnd.google-apps.spreadsheet' } });
  const second = await send(daily('2026-11-28', {}, options), 'replace-28');
  expect(second).toMatchObject({ status: 200, answer: { outcome: 'replaced', id: first.answer.id } });
  expect(google.sheets.rowsOf(first.answer.id)).toEqual([
    ['shop', 'amount'],
    ['', 1],
  ]);
});

test('a large result is read from the staging folder, which is empty afterwards; the audit line shows it', async () => {
  const source = { bigquery: { query: 'many', parameters: { rows: 5_000 } } };
  const { status, answer } = await send({ name: 'many-{rows}.csv', source }, 'large');
  expect([status, answer.name]).toEqual([201, 'many-5000.csv']);
  const lines = google.drive.bytesOf(answer.id).toString().trimEnd().split('\r\n');
  const numbers = lines.slice(1).map((line) => Number(line.split(',')[0]));
  expect(numbers.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 5_000 }, (_, x) => x + 1));
  const audit = courier.lines.map((line) => JSON.parse(line).audit).find((each) => each?.idempotencyKey === 'large');
  expect(audit).toMatchObject({ resultBy: 'extract', resultReason: 'large' });
  expect(google.calls.count({ method: 'DELETE', path: /\/o\// })).toBeGreaterThan(2);
  expect(google.storage.objects('staging')).toEqual([]);
});

test('files that cannot be deleted do not fail the delivery', async () => {
  google.faults.add({
    host: 'storage.googleapis.com',
    method: 'DELETE',
    fault: { kind: 'status', status: 403, reason: 'forbidden' },
  });
  const source = { bigquery: { query: 'many', parameters: { rows: 4_000 } } };
  expect((await send({ name: 'kept.csv', source }, 'kept')).status).toBe(201);
  google.faults.clear();
  expect(google.storage.objects('staging').length).toBeGreaterThan(0);
  expect(courier.lines.join('')).toContain('could not be deleted');
});
