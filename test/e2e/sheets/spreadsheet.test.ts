import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pushMessage } from '../../../local/demo/push.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { apiOf, SHEET } from '../../local/drive/drive-api.ts';
import { newSpreadsheet } from '../../local/sheets/sheets-api.ts';
import { AUDIENCE, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

/** A destination that names one spreadsheet. */

let google: LocalGoogle;
let courier: RunningCourier;
let id: string;
let excel: string;
beforeAll(async () => {
  google = await startLocalGoogle();
  id = await newSpreadsheet(google, 'The sheet');
  const { emails } = google.world;
  const { make } = apiOf(google, emails.courier);
  excel = await make({ name: 'Book.xlsx', mimeType: 'application/zip', parents: [google.places.sharedDrive] });
  const foreign = await apiOf(google, emails.alice).make({ name: 'Private', mimeType: SHEET });
  const common = { credentials: 'main', callers: [emails.exporter] };
  const subscription = { serviceAccount: emails.pubsubPush, destinations: ['sheet'] };
  courier = await startCourier(google, {
    onCloudRun: true,
    document: {
      destinations: {
        sheet: {
          ...common,
          spreadsheet: `https://docs.google.com/spreadsheets/d/${id}/edit#gid=0`,
          sources: [`gs://${google.bucket}/`],
        },
        excel: { ...common, spreadsheet: excel },
        foreign: { ...common, spreadsheet: foreign },
        missing: { ...common, spreadsheet: '1missing' },
        reports: { ...common, folder: google.places.sharedDriveFolder },
      },
      pubsub: { subscriptions: { 'projects/local-project/subscriptions/exports': subscription } },
    },
  });
}, 60_000);
afterAll(async () => {
  await courier?.close();
  await google?.close();
});

const ask = async (path: string, init: { body?: string; headers?: Record<string, string>; email?: string } = {}) => {
  const { email = google.world.emails.exporter, ...rest } = init;
  const response = await courier.ask(email, path, { ...(rest.body === undefined ? {} : { method: 'POST' }), ...rest });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
};
const send = (destination: string, csv: string, options: Record<string, string> = {}, headers = {}) =>
  ask(`/v1/files?${new URLSearchParams({ destination, name: 'sales.csv', ...options })}`, {
    body: csv,
    headers: { 'content-type': 'text/csv', ...headers },
  });
const rows = (tab?: string) => google.sheets.rowsOf(id, tab);
const count = () => google.drive.files().length;

describe('rows for the spreadsheet of a destination', () => {
  test('need no options, and a key appends them once', async () => {
    const files = count();
    const key = { 'idempotency-key': 'fixed-1' };
    const first = await send('sheet', 'id,name\n1,a\n', {}, key);
    expect(first).toMatchObject({
      status: 200,
      json: {
        id,
        name: 'The sheet',
        path: '',
        destination: 'sheet',
        outcome: 'replaced',
        sheet: { range: 'Sheet1!A2:B2' },
      },
    });
    expect(first.json.webViewLink).toContain(`/spreadsheets/d/${id}/`);
    const again = await send('sheet', 'id,name\n1,a\n', {}, key);
    expect(again).toMatchObject({ status: 200, json: { id, outcome: 'replayed', sheet: { range: 'Sheet1!A2:B2' } } });
    const more = { tab: 'Other', columns: 'strict', convertTo: 'sheet', onConflict: 'append' };
    expect(await send('sheet', 'x\n7\n', more)).toMatchObject({ status: 200, json: { sheet: { tab: 'Other' } } });
    expect([rows(), rows('Other')]).toEqual([
      [
        ['id', 'name'],
        [1, 'a'],
      ],
      [['x'], [7]],
    ]);
    expect(count()).toBe(files);
  });

  test('come from export documents and from objects of a bucket, whose folders do not matter', async () => {
    const source = { rows: [{ id: 2, name: 'b' }] };
    const body = JSON.stringify({ destination: 'sheet', name: 'any', source });
    expect(await ask('/v1/exports', { body, headers: { 'content-type': 'application/json' } })).toMatchObject({
      status: 200,
      json: { sheet: { range: 'Sheet1!A3:B3' } },
    });
    const objectId = 'daily/2026/sales.csv';
    const { generation } = await google.storage.putObject(google.bucket, objectId, 'name,id\nc,3\n', {
      contentType: 'text/csv',
    });
    const attributes = {
      ...{ eventType: 'OBJECT_FINALIZE', bucketId: google.bucket, objectId },
      ...{ objectGeneration: generation, destination: 'sheet' },
    };
    const status = await pushMessage(google, {
      ...{ url: courier.url, audience: AUDIENCE, subscription: courier.subscription },
      serviceAccount: google.world.emails.pubsubPush,
      message: { messageId: 'object-1', attributes },
    });
    expect(status).toBe(204);
    await google.storage.putObject(google.bucket, 'all/of/them/more.csv', 'id,name\n4,d\n', {
      contentType: 'text/csv',
    });
    const prefix = { destination: 'sheet', source: { gcsPrefix: `gs://${google.bucket}/all/` } };
    const { emails } = google.world;
    const many = await courier.ask(emails.exporter, '/v1/exports', {
      method: 'POST',
      body: JSON.stringify(prefix),
      headers: { 'content-type': 'application/json' },
    });
    expect(await many.text()).toContain('"range":"Sheet1!A5:B5"');
    expect(rows().slice(2)).toEqual([
      [2, 'b'],
      [3, 'c'],
      [4, 'd'],
    ]);
  });
});

describe('everything else is refused, and nothing is made', () => {
  let before: number;
  beforeEach(() => {
    before = count();
  });

  test.each<[Record<string, string>]>([
    [{ path: 'reports' }],
    [{ onConflict: 'new' }],
    [{ onConflict: 'skip' }],
    [{ convertTo: 'doc' }],
    [{ description: 'x' }],
    [{ modifiedTime: '2026-11-24T12:00:00Z' }],
    [{ properties: '{"a":"b"}' }],
  ])('%j', async (options) => {
    expect(await send('sheet', 'id\n9\n', options)).toMatchObject({ status: 400, json: { code: 'request-invalid' } });
    expect([count(), rows().flat().includes(9)]).toEqual([before, false]);
  });

  test('an id from the caller, bytes that are no rows, and upload sessions', async () => {
    expect(await send('sheet', 'id\n9\n', { spreadsheet: id })).toMatchObject({ json: { code: 'request-invalid' } });
    expect(await send('sheet', '%PDF', {}, { 'content-type': 'application/pdf' })).toMatchObject({
      json: { code: 'conversion-refused' },
    });
    const body = JSON.stringify({ destination: 'sheet', name: 'a.csv', mimeType: 'text/csv', size: 5 });
    expect(await ask('/v1/uploads', { body, headers: { 'content-type': 'application/json' } })).toMatchObject({
      status: 400,
      json: { code: 'request-invalid' },
    });
    expect(count()).toBe(before);
  });

  test('a spreadsheet that is missing, not shared, no spreadsheet, or in the trash', async () => {
    const notFound = { status: 502, json: { code: 'folder-not-found', remedy: expect.stringMatching(/courier@/) } };
    expect(await send('missing', 'id\n9\n')).toMatchObject(notFound);
    expect(await send('foreign', 'id\n9\n')).toMatchObject(notFound);
    expect(await send('excel', 'id\n9\n')).toMatchObject({ status: 502, json: { code: 'folder-invalid' } });
    const drive = apiOf(google, google.world.emails.courier);
    const trash = (trashed: boolean) =>
      drive('PATCH', `/files/${id}`, { query: { supportsAllDrives: true }, body: { trashed } });
    expect((await trash(true)).status).toBe(200);
    expect(await send('sheet', 'id\n9\n')).toMatchObject({ status: 502, json: { code: 'folder-invalid' } });
    await trash(false);
  });
});

describe('the doctor', () => {
  test('checks spreadsheets in place of folders, and so does the readiness of the service', async () => {
    const { json } = await ask('/v1/doctor', { email: google.world.emails.ops });
    type Checks = Record<string, { checks: { check: string; result: string; remedy?: string }[] }>;
    const resultsOf = (name: string) =>
      Object.fromEntries(
        ((json.destinations as Checks)[name]?.checks ?? []).map(({ check, result }) => [check, result]),
      );
    expect(resultsOf('sheet')).toMatchObject({ spreadsheet: 'passed', 'sheets-api': 'passed', probe: 'skipped' });
    expect(resultsOf('sheet').folder).toBeUndefined();
    expect(resultsOf('reports').spreadsheet).toBeUndefined();
    for (const name of ['missing', 'foreign', 'excel']) expect(resultsOf(name).spreadsheet).toBe('failed');
    const ready = await ask('/v1/ready');
    expect(ready).toMatchObject({ status: 503, json: { findings: [{ check: 'spreadsheet' }] } });
  });

  test('reports that the Sheets API is disabled', async () => {
    const { state } = google.world;
    const apis = [...state.apis];
    state.apis.splice(0, state.apis.length, ...apis.filter((api) => api !== 'sheets.googleapis.com'));
    const { json } = await ask('/v1/doctor', { email: google.world.emails.ops });
    state.apis.splice(0, state.apis.length, ...apis);
    expect(json.findings).toContainEqual(
      expect.objectContaining({
        ...{ check: 'sheets-api', result: 'failed', destinations: ['sheet'] },
        remedy: expect.stringContaining('gcloud services enable sheets.googleapis.com --project='),
      }),
    );
  });
});
