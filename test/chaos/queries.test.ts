import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { RecordedCall } from '../../local/google/http/calls.ts';
import { startLocalGoogle } from '../../local/google/server.ts';
import { startFirestoreEmulator } from '../support/firestore-emulator.ts';
import { type PushWorld, startPushWorld } from '../support/push-world.ts';
import { seedSales } from '../support/query-tables.ts';

/**
 * The courier is killed while it exports a query: after the job was started, while pages are read, while the file is uploaded,
 * and before the receipt is recorded. Each message still has one job and one file.
 */

jest.setTimeout(240_000);
const ROWS = 30_000;
const QUERY = 'many';

const emulator = await startFirestoreEmulator();
const testWithEmulator = emulator === undefined ? test.skip : test;
let world: PushWorld;

beforeAll(async () => {
  if (emulator === undefined) return;
  const google = await startLocalGoogle();
  await seedSales(google);
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

const contentOf = (first: number): string => {
  const rows = Array.from({ length: ROWS }, (_, index) => `${first + index},"${'drive courier '.repeat(20)}"\r\n`);
  return `\uFEFFx,filler\r\n${rows.join('')}`;
};

const killWhen = async (isMoment: (call: RecordedCall) => boolean): Promise<void> => {
  const endsMs = Date.now() + 20_000;
  while (!world.google.calls.list().some(isMoment)) {
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
