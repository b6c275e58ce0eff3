import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { renderTemplate } from '../../../src/text/template.ts';
import { type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

/** Names that a destination gives to files whose requests have none. */

let google: LocalGoogle;
let courier: RunningCourier;
/** The courier's clock stands still: at another minute, the names are others. */
const startedMs = Date.now();
let laterMs = 0;
const now = (): number => startedMs + laterMs;
const stamp = (format: string, timeZone: string, atMs = startedMs): string =>
  renderTemplate(`{time:${format}}`, { nowMs: atMs, timeZone, caller: '' });

beforeAll(async () => {
  google = await startLocalGoogle();
  const { emails, secret } = google.world;
  const common = { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [emails.exporter] };
  courier = await startCourier(google, {
    onCloudRun: true,
    now,
    document: {
      destinations: {
        reports: { ...common, name: 'report_{time}.csv', path: 'at/{time:HH.mm}', timeZone: 'Europe/Berlin' },
        mine: { ...common, name: '{caller} {time:HH.mm}', timeZone: 'Australia/Lord_Howe' },
        nameless: common,
      },
      credentials: { main: { secret: `${secret}/versions/latest` } },
    },
  });
}, 60_000);
afterAll(async () => {
  await courier?.close();
  await google?.close();
});

const post = async (path: string, body: string | FormData, headers: Record<string, string> = {}) => {
  const response = await courier.ask(google.world.emails.exporter, path, { method: 'POST', body, headers });
  return { status: response.status, json: (await response.json()) as Record<string, string> };
};
const send = (destination: string, key?: string, headers: Record<string, string> = {}) =>
  post(`/v1/files?destination=${destination}`, 'bytes', {
    'content-type': 'application/octet-stream',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
    ...headers,
  });
const sendJson = (path: string, body: object, key?: string) =>
  post(path, JSON.stringify(body), {
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  });
const push = async (id: string, document: object) => {
  const data = Buffer.from(JSON.stringify(document)).toString('base64');
  const body = JSON.stringify({ message: { data, messageId: id }, subscription: courier.subscription });
  const headers = { 'content-type': 'application/json' };
  return (await courier.ask(google.world.emails.pubsubPush, '/v1/pubsub', { method: 'POST', headers, body })).status;
};
const named = (name: string) => google.drive.files().filter((file) => file.name === name && !file.trashed);
const FIRST = {
  name: `report_${stamp('HH-mm-ss', 'Europe/Berlin')}.csv`,
  path: `at/${stamp('HH.mm', 'Europe/Berlin')}`,
};
const LATER_MS = 90_000;
const LATER = `report_${stamp('HH-mm-ss', 'Europe/Berlin', startedMs + LATER_MS)}.csv`;

test('a request without a name gets the name of the destination, in every way of sending', async () => {
  expect((await send('reports')).json).toMatchObject({ ...FIRST, mimeType: 'text/csv' });
  const document = { destination: 'reports', source: { rows: [{ a: 1 }] } };
  expect((await sendJson('/v1/exports', document)).json.name).toBe(FIRST.name);
  const before = named(FIRST.name).length;
  expect(await push('unnamed', document)).toBe(204);
  expect(named(FIRST.name)).toHaveLength(before + 1);
  const session = { destination: 'reports', mimeType: 'text/csv', size: 5 };
  const opened = await sendJson('/v1/uploads', session);
  expect((await fetch(String(opened.json.uploadUrl), { method: 'PUT', body: 'bytes' })).status).toBe(200);
  const done = await sendJson(`/v1/uploads/${opened.json.id}/complete`, {});
  expect([done.status, done.json.name, done.json.path]).toEqual([201, FIRST.name, FIRST.path]);
  const { exporter } = google.world.emails;
  expect((await send('mine')).json.name).toBe(`${exporter} ${stamp('HH.mm', 'Australia/Lord_Howe')}`);
});

test('a name in the request comes first', async () => {
  const disposition = { 'content-disposition': 'attachment; filename="own.txt"' };
  expect((await send('reports', undefined, disposition)).json.name).toBe('own.txt');
  const form = new FormData();
  form.set('file', new Blob(['x']), 'form.txt');
  expect((await post('/v1/files?destination=reports', form)).json.name).toBe('form.txt');
});

test('without a default the name is missing', async () => {
  expect(await send('nameless')).toMatchObject({ status: 400, json: { code: 'name-invalid' } });
  const exported = await sendJson('/v1/exports', { destination: 'nameless', source: { text: 'x' } });
  expect(exported).toMatchObject({ status: 400, json: { code: 'name-invalid' } });
  const opened = await sendJson('/v1/uploads', { destination: 'nameless', mimeType: 'text/csv', size: 5 });
  expect(opened).toMatchObject({ status: 400, json: { code: 'name-invalid' } });
});

test('a retry at another time means the same file, also if the first try has failed', async () => {
  const first = await send('reports', 'kept');
  expect([first.status, first.json.name]).toEqual([201, FIRST.name]);
  google.faults.add({
    ...{ method: 'POST', path: '/upload/drive/v3/files', times: 1 },
    fault: { kind: 'status', status: 403, reason: 'insufficientFilePermissions' },
  });
  expect((await send('reports', 'failed')).json.code).toBe('folder-not-writable');
  laterMs = LATER_MS;
  expect((await send('reports', 'new')).json).toMatchObject({ name: LATER });
  expect(await send('reports', 'kept')).toMatchObject({ status: 200, json: { ...FIRST, id: first.json.id } });
  expect((await send('reports', 'failed')).json).toMatchObject(FIRST);
});
