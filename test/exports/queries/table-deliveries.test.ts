import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { pushMessage } from '../../../local/demo/push.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import type { Receipt } from '../../../src/domain.ts';
import { askBigQuery, seedSales } from '../../support/rows/query-tables.ts';
import { AUDIENCE, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

const SUBSCRIPTION = 'projects/local-project/subscriptions/tables';
const CSV = `\uFEFFday,shop,amount\r
2026-11-27,"Zürich",12.5\r
2026-11-27,"'=1+1",-3\r
2026-11-27,"",\r
2026-11-28,,1\r
`;

let google: LocalGoogle;
let courier: RunningCourier;

const createTable = (dataset: string, tableId: string) =>
  askBigQuery(google, 'POST', `/datasets/${dataset}/tables`, {
    tableReference: { tableId },
    schema: { fields: [{ name: 'x', type: 'INTEGER' }] },
  });

beforeAll(async () => {
  google = await startLocalGoogle();
  await seedSales(google);
  const { exporter, pubsubPush, runtime } = google.world.emails;
  const access = [{ role: 'roles/bigquery.dataViewer', userByEmail: runtime }];
  const dataset = { datasetReference: { datasetId: 'open' }, access };
  await askBigQuery(google, 'POST', '/datasets', dataset);
  for (const [of, table] of [
    ['sales', 'secret'],
    ['sales', 'pushed'],
    ['open', 'any thing-1'],
  ] as const)
    await createTable(of, table);
  const folder = google.places.sharedDriveFolder;
  courier = await startCourier(google, {
    onCloudRun: true,
    env: { K_SERVICE: 'courier' },
    document: {
      destinations: {
        reports: {
          folder,
          credentials: 'main',
          callers: [exporter],
          sources: [
            'bigquery://local-project.sales.daily',
            'bigquery://local-project.sales.missing',
            'bigquery://local-project.open.*',
          ],
        },
      },
      pubsub: {
        subscriptions: {
          [SUBSCRIPTION]: {
            serviceAccount: pubsubPush,
            destinations: ['reports'],
            sources: ['bigquery://local-project.sales.pushed'],
          },
        },
      },
    },
  });
});
afterEach(() => {
  google.calls.clear();
  google.faults.clear();
});
afterAll(async () => {
  const { schemaViolations } = google.bigquery;
  await courier.close();
  await google.close();
  expect(schemaViolations).toEqual([]);
});

const document = (table: string, more: object = {}, name = 'table.csv') => ({
  name,
  source: { bigquery: { table: `local-project.${table}`, ...more } },
});

const send = async (body: object, key?: string) => {
  const headers = { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) };
  const request = { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await courier.ask(google.world.emails.exporter, '/v1/exports', request);
  const answer = (await response.json()) as Receipt & { code?: string; reason?: string; detail?: string };
  return { status: response.status, answer };
};

const push = (data: object, messageId: string) =>
  pushMessage(google, {
    url: courier.url,
    audience: AUDIENCE,
    subscription: SUBSCRIPTION,
    serviceAccount: google.world.emails.pubsubPush,
    message: { messageId, data: Buffer.from(JSON.stringify(data)).toString('base64') },
  });

const asked = (): number => google.calls.count({ host: 'bigquery.googleapis.com' });
const jobsStarted = (): number =>
  google.calls.list({ method: 'POST', path: /\/jobs$/ }).filter(({ status }) => status === 200).length;
const auditOf = (key: string) =>
  courier.lines.map((line) => JSON.parse(line).audit).find((audit) => audit?.idempotencyKey === key);
const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name);

test('a table is delivered once, in the form of queries; a retry answers the receipt', async () => {
  const { status, answer } = await send(document('sales.daily'), 'whole');
  expect([status, answer.code, answer.outcome, answer.mimeType]).toEqual([201, undefined, 'created', 'text/csv']);
  expect(google.drive.bytesOf(answer.id).toString()).toBe(CSV);
  expect(auditOf('whole')).toMatchObject({
    table: 'local-project.sales.daily',
    queryJob: expect.stringMatching(/^local-project:EU\.courier_[0-9a-f]{40}_1$/),
    bytesBilled: 10_485_760,
  });
  expect(auditOf('whole')).not.toHaveProperty('query');
  google.calls.clear();
  expect(await send(document('sales.daily'), 'whole')).toMatchObject({
    status: 200,
    answer: { outcome: 'replayed', id: answer.id },
  });
  expect(asked()).toBe(0);
  const other = await send(document('open.any thing-1'), 'whole');
  expect(other).toMatchObject({ status: 422, answer: { code: 'idempotency-key-reused' } });
});

test('a delivery that fails after the job reads the same result when it is retried', async () => {
  google.faults.add({
    path: '/upload/*',
    fault: { kind: 'status', status: 403, reason: 'insufficientFilePermissions' },
  });
  const failed = await send(document('sales.daily', {}, 'retried.csv'), 'retried');
  expect(failed.status).toBeGreaterThanOrEqual(400);
  google.faults.clear();
  const { answer } = await send(document('sales.daily', {}, 'retried.csv'), 'retried');
  expect(google.drive.bytesOf(answer.id).toString()).toBe(CSV);
  expect(jobsStarted()).toBe(1);
});

test('without a key each request reads the table', async () => {
  const body = document('sales.daily', { format: 'jsonl' }, 'unkeyed.jsonl');
  const [first, second] = [await send(body), await send(body)];
  expect([first.answer.outcome, second.answer.outcome, jobsStarted()]).toEqual(['created', 'created', 2]);
  expect(google.drive.bytesOf(first.answer.id).toString().split('\n')[0]).toBe(
    '{"day":"2026-11-27","shop":"Zürich","amount":12.5}',
  );
});

test('all tables of a dataset may be listed, with any name and location', async () => {
  const { answer } = await send(document('open.any thing-1'), 'open');
  expect([answer.code, answer.outcome]).toEqual([undefined, 'created']);
  expect(google.drive.bytesOf(answer.id).toString()).toBe('\uFEFFx\r\n');
  expect(auditOf('open').queryJob).toMatch(/^local-project:US\./);
});

test('a message is delivered once, and may bring the tables of its subscription as well', async () => {
  const data = document('sales.daily', {}, 'by-message.csv');
  expect(await Promise.all([push(data, 'm1'), push(data, 'm1')])).toEqual([204, 204]);
  expect(await push(data, 'm1')).toBe(204);
  expect([filesNamed('by-message.csv').length, jobsStarted()]).toEqual([1, 1]);
  expect(await push(document('sales.pushed', {}, 'pushed.csv'), 'm2')).toBe(204);
  expect(filesNamed('pushed.csv')).toHaveLength(1);
  expect(await push(document('sales.secret', {}, 'secret.csv'), 'm3')).toBe(503);
  expect(filesNamed('secret.csv')).toHaveLength(0);
});

test('what is not allowed looks like what does not exist', async () => {
  const shown = async (table: string) => {
    const { status, answer } = await send(document(table), 'n');
    const { code, detail } = answer;
    return { status, code, detail: detail?.replace(`local-project.${table}`, 'TABLE') };
  };
  const missing = await shown('sales.missing');
  expect(missing).toMatchObject({ status: 502, code: 'source-not-found' });
  google.calls.clear();
  for (const table of ['sales.secret', 'sales.pushed', 'sales.daily2', 'open2.t', 'sales.Daily'])
    expect(await shown(table)).toEqual(missing);
  expect(asked()).toBe(0);
});

test.each([
  ['a wildcard', { table: 'local-project.open.*' }],
  ['no project', { table: 'sales.daily' }],
  ['SQL', { table: 'local-project.open.x` JOIN `local-project.sales.secret' }],
  ['a partition', { table: 'local-project.open.x$20261127' }],
  ['a query as well', { table: 'local-project.sales.daily', query: 'daily' }],
  ['parameters', { table: 'local-project.sales.daily', parameters: {} }],
  ['neither', { format: 'csv' }],
])('%s is refused', async (_, bigquery) => {
  const { status, answer } = await send({ name: 'x.csv', source: { bigquery } }, 'refused');
  expect([status, answer.code, asked()]).toEqual([400, 'request-invalid', 0]);
});

test('a table that the courier may not read, and one that is too large', async () => {
  const fault = (method: string, reason: string, status: number) =>
    google.faults.add({
      host: 'bigquery.googleapis.com',
      method,
      nth: [1],
      fault: { kind: 'status', status, reason },
    });
  fault('GET', 'accessDenied', 403);
  expect((await send(document('sales.daily'), 'denied')).answer.code).toBe('query-forbidden');
  google.faults.clear();
  fault('POST', 'bytesBilledLimitExceeded', 400);
  const { answer } = await send(document('sales.daily'), 'large');
  expect(answer).toMatchObject({ code: 'query-failed' });
  expect(answer.detail).toContain('local-project.sales.daily');
});
