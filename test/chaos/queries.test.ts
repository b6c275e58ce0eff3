import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { RecordedCall } from '../../local/google/http/calls.ts';
import { startLocalGoogle } from '../../local/google/server.ts';
import { startFirestoreEmulator } from '../support/firestore-emulator.ts';
import { type PushWorld, startPushWorld } from '../support/courier/push-world.ts';
import { seedSales } from '../support/rows/query-tables.ts';

/**
 * The courier is killed while it exports a query: after the job was started, while pages are read, while the file is uploaded,
 * and before the receipt is recorded. Each message still has one job and one file.
 */

jest.setTimeout(240_000);
const ROWS = 30_000;
const QUERY = 'many';
const STAGED = 'staged';

const emulator = await startFirestoreEmulator();
const testWithEmulator = emulator === undefined ? test.skip : test;
let world: PushWorld;

beforeAll(async () => {
  if (emulator === undefined) return;
  const google = await startLocalGoogle();
  await seedSales(google);
  const { runtime } = google.world.emails;
  await google.storage.createBucket('staging', { readers: [runtime], writers: [runtime] });
  google.bigquery.settings.extractBytes = 2_000_000;
  world = await startPushWorld({
    google,
    subscription: 'projects/local-project/subscriptions/chaos',
    ledger: { firestore: { project: 'local-project', collection: `queries-${process.pid}` } },
    limits: { bufferBytes: 1_048_576 },
    env: {
      FIRESTORE_EMULATOR_HOST: emulator.host,
      K_SERVICE: 'courier',
      METADATA_SERVER_DETECTION: 'assume-present',
    },
    queries: {
      [QUERY]: {
        sql: `SELECT x, REPEAT('drive courier ', 20) AS filler FROM UNNEST(GENERATE_ARRAY(@first, @first + ${ROWS - 1})) AS x ORDER BY x`,
        parameters: { first: 'INT64' },
        callers: [google.world.emails.pubsubPush],
        destinations: ['reports'],
      },
      [STAGED]: {
        sql: `SELECT x, REPEAT('drive courier ', 20) AS filler FROM UNNEST(GENERATE_ARRAY(@first, @first + ${ROWS - 1})) AS x`,
        parameters: { first: 'INT64' },
        callers: [google.world.emails.pubsubPush],
        destinations: ['reports'],
        staging: { prefix: 'gs://staging', aboveBytes: 1_000_000 },
      },
    },
  });
  google.bigquery.settings.minMs = 300;
  google.faults.add({
    host: 'www.googleapis.com',
    method: 'PUT',
    path: '/upload/*',
    fault: { kind: 'throttle', bytesPerSecond: 8 * 1_048_576 },
  });
});
afterAll(async () => {
  await world?.close();
  await world?.google.close();
  await emulator?.stop();
});

const isJob = ({ method, path }: RecordedCall): boolean => method === 'POST' && path.endsWith('/jobs');
const isPage = ({ path, query }: RecordedCall): boolean => path.includes('/queries/') && query.includes('pageToken');
const isChunk = ({ method, host, status }: RecordedCall): boolean =>
  method === 'PUT' && host === 'www.googleapis.com' && status === 308;
const isDone = ({ method, host, status }: RecordedCall): boolean =>
  method === 'PUT' && host === 'www.googleapis.com' && status === 200;

/** The moments of the kills, each for the first attempt with a message. */
const MOMENTS: readonly [string, (call: RecordedCall) => boolean][] = [
  ['the job is started', isJob],
  ['a page is read', isPage],
  ['a part is uploaded', isChunk],
  ['the whole file is uploaded', isDone],
];

const isExport = ({ method, path }: RecordedCall, calls: readonly RecordedCall[]): boolean =>
  method === 'POST' && path.endsWith('/jobs') && calls.filter(isJob).length === 2;
const isFile = ({ host, query }: RecordedCall): boolean =>
  host === 'storage.googleapis.com' && query.includes('alt=media');
const isDeletion = ({ host, method }: RecordedCall): boolean =>
  host === 'storage.googleapis.com' && method === 'DELETE';

/** The moments of the kills of an export by way of the staging folder. */
const STAGED_MOMENTS: readonly [string, (call: RecordedCall, calls: readonly RecordedCall[]) => boolean][] = [
  ['the query is started', isJob],
  ['the export is started', isExport],
  ['a file is read', isFile],
  ['a part is uploaded', isChunk],
  ['the whole file is uploaded', isDone],
  ['a file is deleted', isDeletion],
];

const contentOf = (first: number): string => {
  const rows = Array.from({ length: ROWS }, (_, index) => `${first + index},"${'drive courier '.repeat(20)}"\r\n`);
  return `\uFEFFx,filler\r\n${rows.join('')}`;
};

const killWhen = async (isMoment: (call: RecordedCall, calls: readonly RecordedCall[]) => boolean): Promise<void> => {
  const endsMs = Date.now() + 20_000;
  while (!world.google.calls.list().some((call, _, calls) => isMoment(call, calls))) {
    if (Date.now() > endsMs) throw new Error('the moment of the kill did not come');
    await sleep(2);
  }
  await world.replaceCourier();
};

testWithEmulator.each(MOMENTS)('killed when %s: one job, one file', async (moment, isMoment) => {
  const first = 1 + MOMENTS.findIndex(([each]) => each === moment) * 1_000_000;
  const name = `rows-${first}.csv`;
  const source = { bigquery: { query: QUERY, parameters: { first } } };
  const message = { id: name, data: { name: 'rows-{first}.csv', source } };
  world.google.calls.clear();
  const killed = killWhen(isMoment);
  let status = await world.push(message);
  await killed;
  expect(status).not.toBe(204);
  for (let attempt = 0; attempt < 40 && status !== 204; attempt += 1) {
    await sleep(250);
    status = await world.push(message);
  }
  expect(status).toBe(204);
  expect(world.google.calls.list().filter((call) => isJob(call) && call.status === 200)).toHaveLength(1);
  const files = world.filesNamed(name);
  expect(files).toHaveLength(1);
  const sha256 = createHash('sha256').update(contentOf(first)).digest('hex');
  expect(files.map((file) => file.sha256)).toEqual([sha256]);
});

testWithEmulator.each(STAGED_MOMENTS)('exported, and killed when %s: two jobs, one file', async (moment, isMoment) => {
  const first = 1 + (MOMENTS.length + STAGED_MOMENTS.findIndex(([each]) => each === moment)) * 1_000_000;
  const name = `staged-${first}.csv`;
  const source = { bigquery: { query: STAGED, parameters: { first } } };
  const message = { id: name, data: { name: 'staged-{first}.csv', source } };
  world.google.calls.clear();
  const killed = killWhen(isMoment);
  let status = await world.push(message);
  await killed;
  for (let attempt = 0; attempt < 40 && status !== 204; attempt += 1) {
    await sleep(250);
    status = await world.push(message);
  }
  expect(status).toBe(204);
  // One query and one export, and no page but the first.
  expect(world.google.calls.list().filter((call) => isJob(call) && call.status === 200)).toHaveLength(2);
  expect(world.google.calls.list().filter(isPage)).toHaveLength(0);
  const files = world.filesNamed(name);
  expect(files).toHaveLength(1);
  const lines = world.google.drive
    .bytesOf(files[0]?.id ?? '')
    .toString()
    .split('\r\n');
  expect(lines.toSorted()).toEqual(contentOf(first).split('\r\n').toSorted());
});
