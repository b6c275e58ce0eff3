import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { enterCloudRun, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

/** Calls `GET /v1/ready` as a startup probe or an anonymous caller does: without a token. */

let google: LocalGoogle;
let leave: () => void;
beforeAll(async () => {
  google = await startLocalGoogle();
  leave = enterCloudRun(google);
}, 60_000);
const running: RunningCourier[] = [];
afterEach(async () => {
  google.faults.clear();
  for (const courier of running.splice(0)) await courier.close();
});
afterAll(async () => {
  leave?.();
  await google?.close();
});

const start = async (document: Record<string, unknown> = {}, env: Record<string, string> = {}) => {
  const courier = await startCourier(google, { document, env });
  running.push(courier);
  google.calls.clear();
  return courier;
};
const get = async ({ url }: RunningCourier, path: string) => {
  const response = await fetch(`${url}${path}`, { headers: { connection: 'close' } });
  const text = await response.text();
  return {
    status: response.status,
    text,
    json: JSON.parse(text) as Record<string, unknown>,
    headers: response.headers,
  };
};
const destinations = (change: object) => ({
  reports: {
    folder: google.places.sharedDriveFolder,
    credentials: 'main',
    callers: [google.world.emails.exporter],
    ...change,
  },
});
const driveCalls = () => google.calls.list({ host: 'www.googleapis.com' }).length;

test('returns 200 when a delivery would work, and writes nothing to Drive', async () => {
  const courier = await start();
  const { status, json } = await get(courier, '/v1/ready');
  expect([status, json]).toEqual([200, { ok: true, findings: [] }]);
  expect(google.calls.list({ host: 'www.googleapis.com' }).filter(({ method }) => method !== 'GET')).toEqual([]);
});

test.each<[string, () => Record<string, unknown>, string[]]>([
  [
    'the folder is not shared',
    () => ({ destinations: destinations({ folder: google.places.unsharedFolder }) }),
    ['folder'],
  ],
  [
    'the folder is shared to be read only',
    () => ({ destinations: destinations({ folder: google.places.readOnlyFolder }) }),
    ['writable', 'storage'],
  ],
  [
    'the secret does not exist',
    () => ({ credentials: { main: { secret: 'projects/local-project/secrets/none/versions/1' } } }),
    ['secret'],
  ],
  [
    'the account may not be impersonated',
    () => ({ credentials: { main: { impersonate: google.world.emails.stranger } } }),
    ['token'],
  ],
  [
    'a service account owns no storage there',
    () => ({ destinations: destinations({ folder: google.places.myDriveFolder }) }),
    ['storage'],
  ],
])('returns 503 when %s, without names for anonymous callers', async (_, document, checks) => {
  const courier = await start(document());
  const { status, json, text, headers } = await get(courier, '/v1/ready');
  expect(status).toBe(503);
  expect(headers.get('retry-after')).toBe('10');
  expect((json.findings as { check: string }[]).map(({ check }) => check)).toEqual(checks);
  const { emails, project } = google.world;
  for (const name of ['reports', 'main', project.id, ...Object.values(emails), ...Object.values(google.places)]) {
    expect(text).not.toContain(name);
  }
  // The operator finds the details in the log.
  expect(courier.lines.join('\n')).toContain('Not ready');
});

test('one problem of many destinations is reported once', async () => {
  const one = destinations({ folder: google.places.unsharedFolder }).reports;
  const courier = await start({ destinations: { reports: one, b: one, c: one } });
  expect((await get(courier, '/v1/ready')).json.findings).toHaveLength(1);
});

test('returns 503 while the ledger denies access', async () => {
  // A Firestore that authenticates the caller and denies access, in the error format of Google's REST APIs.
  const firestore = createServer((request, response) => {
    request.resume();
    const error = { code: 403, message: 'Missing or insufficient permissions.', status: 'PERMISSION_DENIED' };
    response.writeHead(403, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify({ error }));
  });
  await once(firestore.listen(0, '127.0.0.1'), 'listening');
  process.env.FIRESTORE_EMULATOR_HOST = `127.0.0.1:${(firestore.address() as AddressInfo).port}`;
  try {
    const courier = await start({ ledger: { firestore: { project: 'local-project' } } });
    const { status, json } = await get(courier, '/v1/ready');
    expect([status, (json.findings as { check: string }[]).map(({ check }) => check)]).toEqual([503, ['ledger']]);
  } finally {
    delete process.env.FIRESTORE_EMULATOR_HOST;
    firestore.close();
  }
}, 60_000);

test('concurrent anonymous callers share one check and then get its cached result', async () => {
  const courier = await start();
  const answers = await Promise.all(Array.from({ length: 30 }, () => get(courier, '/v1/ready')));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const after = driveCalls();
  for (let turn = 0; turn < 20; turn++) await get(courier, '/v1/ready');
  expect(driveCalls()).toBe(after);
  expect(after).toBeLessThan(10);
});

test('health makes no calls and reports version, commit and the weaker guarantee of the memory ledger', async () => {
  const courier = await start({}, { COURIER_COMMIT: '0123abc' });
  const { status, json } = await get(courier, '/v1/health');
  expect([status, json]).toEqual([
    200,
    {
      ok: true,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      commit: '0123abc',
      ledger: 'memory',
      once: 'instance',
    },
  ]);
  expect(google.calls.list()).toEqual([]);
  const other = await start({ ledger: { firestore: { project: 'local-project' } } });
  expect((await get(other, '/v1/health')).json).toMatchObject({ commit: null, ledger: 'firestore' });
  expect((await get(other, '/v1/health')).json).not.toHaveProperty('once');
});
