import { createConnection } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { zipOf } from '../../support/archives.ts';
import { AUDIENCE, enterCloudRun, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

/** What a caller might try to send more than its limits allow. */

let google: LocalGoogle;
let leave: () => void;
let courier: RunningCourier;
let ann = '';

beforeAll(async () => {
  google = await startLocalGoogle();
  leave = enterCloudRun(google);
  ann = google.world.emails.exporter;
  google.drive.addLabel({ id: 'label1', fields: { region: { valueType: 'selection', choices: ['north'] } } });
}, 60_000);
afterEach(async () => {
  google.faults.clear();
  await courier?.close();
});
afterAll(async () => {
  leave?.();
  await google?.close();
});

const start = async (perCaller: object): Promise<void> => {
  const common = { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [ann] };
  const labels = { label1: { region: { selection: { property: 'region' } } } };
  courier = await startCourier(google, {
    document: { destinations: { reports: common, labelled: { ...common, labels } }, limits: { perCaller } },
  });
};
const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
  courier.ask(ann, path, { method: 'POST', body: body as NonNullable<RequestInit['body']>, headers });
const left = async (): Promise<number> => {
  const response = await post(`/v1/files?destination=reports&name=probe-${Math.random()}.txt`, '');
  await response.text();
  return Number(/"bytes-per-day";r=(\d+)/.exec(response.headers.get('ratelimit') ?? '')?.[1]);
};

test('a file that is stored counts, although its label is refused afterwards', async () => {
  await start({ bytesPerDay: 1_000 });
  const properties = encodeURIComponent(JSON.stringify({ region: 'no such choice' }));
  const path = `/v1/files?destination=labelled&name=evading.txt&properties=${properties}`;
  const keyed = () => post(path, 'x'.repeat(100), { 'idempotency-key': 'evading' });
  expect([(await post(path, 'x'.repeat(100))).status, await left()]).toEqual([502, 900]);
  // The file of a key counts once.
  expect([(await keyed()).status, (await keyed()).status, await left()]).toEqual([502, 502, 800]);
});

test('bytes that a second try puts into a file count', async () => {
  await start({ bytesPerDay: 1_000 });
  const path = '/v1/files?destination=reports&name=again.txt&onConflict=replace';
  const { id } = (await (await post(path, 'x'.repeat(10))).json()) as { id: string };
  const fault = { kind: 'status', status: 403, reason: 'insufficientFilePermissions' } as const;
  google.faults.add({ times: 1, method: 'PATCH', path: `/upload/drive/v3/files/${id}`, fault });
  const keyed = () => post(path, 'y'.repeat(100), { 'idempotency-key': 'again' });
  expect([(await keyed()).status, await left()]).toEqual([502, 990]);
  expect([(await keyed()).status, await left()]).toEqual([200, 890]);
  expect([(await keyed()).status, await left()]).toEqual([200, 890]);
});

test('rows that are appended to a sheet count', async () => {
  await start({ bytesPerDay: 1_000 });
  const rows = [{ day: '2026-11-28', note: 'x'.repeat(200) }];
  const document = { destination: 'reports', name: 'rows', convertTo: 'sheet', onConflict: 'append', source: { rows } };
  const response = await post('/v1/exports', JSON.stringify(document), { 'content-type': 'application/json' });
  expect(response.status).toBe(201);
  expect(await left()).toBeLessThan(800);
});

test('a file that is sent whole counts, although its caller leaves before the answer', async () => {
  await start({ bytesPerDay: 1_000 });
  const { hostname, port } = new URL(courier.url);
  const fault = { kind: 'delay', ms: 3_000 } as const;
  google.faults.add({ times: 1, method: 'POST', path: '/upload/drive/v3/files', fault });
  const socket = createConnection({ host: hostname, port: Number(port) });
  const token = google.world.idToken({ email: ann, audience: AUDIENCE });
  socket.write(
    `POST /v1/files?destination=reports&name=left.txt HTTP/1.1\r\nhost: courier\r\nauthorization: Bearer ${token}\r\ncontent-length: 100\r\n\r\n${'x'.repeat(100)}`,
  );
  // The courier has read the whole file, and waits for Drive.
  for (let turn = 0; turn < 200 && google.faults.list()[0]?.fired !== 1; turn++) await delay(25);
  socket.destroy();
  for (let turn = 0; turn < 200 && !courier.lines.some((line) => line.includes('The caller disconnected')); turn++) {
    await delay(25);
  }
  google.faults.clear();
  expect(await left()).toBe(900);
});

test('an archive counts as a request in progress until its last line', async () => {
  await start({ concurrent: 1 });
  const archive = zipOf([1, 2, 3].map((each) => ({ name: `part-${each}.txt`, bytes: `${each}` })));
  // The first entry is delivered at once, and the others are still on their way.
  const fault = { kind: 'delay', ms: 2_000 } as const;
  google.faults.add({ nth: [2, 3], method: 'POST', path: '/upload/drive/v3/files', fault });
  const target = '/v1/files?destination=reports&unpack=zip';
  const first = await post(target, archive, { 'content-type': 'application/zip' });
  expect(first.status).toBe(200);
  const second = await post('/v1/files?destination=reports&name=beside.txt', 'x');
  expect([second.status, await second.json()]).toMatchObject([429, { code: 'caller-over-quota' }]);
  await first.text();
  google.faults.clear();
  expect((await post('/v1/files?destination=reports&name=after.txt', 'x')).status).toBe(201);
});
