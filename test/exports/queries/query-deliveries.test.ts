import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { pushMessage } from '../../../local/demo/push.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import type { Receipt } from '../../../src/domain.ts';
import { seedSales } from '../../support/rows/query-tables.ts';
import { AUDIENCE, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

let google: LocalGoogle;
let courier: RunningCourier;

beforeAll(async () => {
  google = await startLocalGoogle();
  await seedSales(google);
  const { exporter, pubsubPush } = google.world.emails;
  courier = await startCourier(google, {
    onCloudRun: true,
    env: { K_SERVICE: 'courier' },
    document: {
      receiptTopic: google.topic,
      queries: {
        daily: {
          sql: 'SELECT shop, amount FROM sales.daily WHERE day = @day ORDER BY amount DESC',
          parameters: { day: 'DATE' },
          location: 'EU',
          callers: [exporter, pubsubPush],
          destinations: ['reports'],
        },
        others: {
          sql: 'SELECT shop FROM sales.daily',
          location: 'EU',
          callers: [pubsubPush],
          destinations: ['reports'],
        },
        broken: {
          sql: 'SELECT nothing FROM sales.daily',
          location: 'EU',
          callers: [exporter],
          destinations: ['reports'],
        },
        named: {
          sql: 'SELECT @a AS a',
          parameters: { a: 'STRING' },
          callers: [exporter],
          destinations: ['reports'],
        },
        list: {
          sql: 'SELECT shop FROM sales.daily WHERE shop IN UNNEST(@shops) AND amount < @most',
          parameters: { shops: 'ARRAY<STRING>', most: 'NUMERIC' },
          location: 'EU',
          callers: [exporter],
          destinations: ['reports'],
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

const document = (more: object = {}) => ({
  name: 'sales-{day}.csv',
  path: 'days/{day}',
  source: { bigquery: { query: 'daily', parameters: { day: '2026-11-27' } } },
  ...more,
});

const send = async (
  body: object,
  key?: string,
  email = google.world.emails.exporter,
  more: Record<string, string> = {},
) => {
  const headers = {
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
    ...more,
  };
  const response = await courier.ask(email, '/v1/exports', { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, answer: (await response.json()) as Receipt & { code?: string } };
};

const push = (data: object, messageId: string) =>
  pushMessage(google, {
    url: courier.url,
    audience: AUDIENCE,
    subscription: courier.subscription,
    serviceAccount: google.world.emails.pubsubPush,
    message: { messageId, data: Buffer.from(JSON.stringify(data)).toString('base64') },
  });

const jobs = (): number => google.calls.count({ method: 'POST', path: /\/jobs$/ });
const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name);

test('a query is delivered once: a retry answers the receipt, and runs nothing', async () => {
  const { status, answer } = await send(document(), 'day-27');
  expect([status, answer.code, answer.outcome, answer.name, answer.path]).toEqual([
    201,
    undefined,
    'created',
    'sales-2026-11-27.csv',
    'days/2026-11-27',
  ]);
  expect(google.drive.bytesOf(answer.id).toString()).toBe(
    '\uFEFFshop,amount\r\n"Zürich",12.5\r\n"\'=1+1",-3\r\n"",\r\n',
  );
  google.calls.clear();
  expect(await send(document(), 'day-27')).toMatchObject({
    status: 200,
    answer: { outcome: 'replayed', id: answer.id },
  });
  expect(google.calls.count({ host: 'bigquery.googleapis.com' })).toBe(0);
  const other = document({
    source: { bigquery: { query: 'daily', parameters: { day: '2026-11-28' } } },
    name: 'x',
    path: '',
  });
  expect(await send(other, 'day-27')).toMatchObject({ status: 422, answer: { code: 'idempotency-key-reused' } });
});

test('the audit line has the query, its job and what was billed', async () => {
  await send(document(), 'audited');
  const audits = courier.lines
    .map((line) => JSON.parse(line))
    .filter(({ audit }) => audit?.idempotencyKey === 'audited');
  expect(audits).toMatchObject([
    {
      audit: {
        query: 'daily',
        queryJob: expect.stringMatching(/^local-project:EU\.courier_/),
        bytesBilled: 10_485_760,
      },
    },
  ]);
});

test('without a key each request runs the query', async () => {
  const first = await send(document({ name: 'unkeyed.csv' }));
  const second = await send(document({ name: 'unkeyed.csv' }));
  expect([first.answer.outcome, second.answer.outcome, jobs()]).toEqual(['created', 'created', 2]);
});

test('a message is delivered once, however often it comes; two messages are two deliveries', async () => {
  const data = document({ name: 'pushed-{day}.csv', path: '' });
  expect(await Promise.all([push(data, 'm1'), push(data, 'm1')])).toEqual([204, 204]);
  expect(await push(data, 'm1')).toBe(204);
  expect(filesNamed('pushed-2026-11-27.csv')).toHaveLength(1);
  expect(google.calls.list({ method: 'POST', path: /\/jobs$/ }).filter(({ status }) => status === 200)).toHaveLength(1);
  expect(await push(data, 'm2')).toBe(204);
  expect(filesNamed('pushed-2026-11-27.csv')).toHaveLength(2);
});

test('what the caller may not run looks like what does not exist', async () => {
  const unknown = await send(document({ source: { bigquery: { query: 'nothing' } } }), 'n');
  expect(unknown).toMatchObject({ status: 404, answer: { code: 'query-not-found' } });
  const others = await send(document({ name: 'x', path: '', source: { bigquery: { query: 'others' } } }), 'n');
  expect(others).toMatchObject({ status: 404, answer: { code: 'query-not-found' } });
  expect((await send(document(), 'n', google.world.emails.stranger)).status).toBe(403);
  expect(jobs()).toBe(0);
});

test('a name needs the query’s own parameters, and rawCells is in the source', async () => {
  expect((await send(document({ name: '{dya}.csv' }), 't')).answer.code).toBe('name-invalid');
  const rows = { text: 'x', bigquery: { query: 'daily' } };
  expect((await send(document({ source: rows }), 't')).answer.code).toBe('request-invalid');
});

test.each([
  ['{a}', '..', 'name-invalid'],
  ['{a}', ' ', 'name-invalid'],
  ['{a}.csv', 'x'.repeat(300), 'name-invalid'],
  ['{a}.csv', 'a\nb', 'name-invalid'],
  ['p/{a}', '..', 'path-invalid'],
  ['{a}/p', '.', 'path-invalid'],
  ['{a}', '', 'path-invalid'],
])('a value that makes no name or path of %s: %j', async (template, a, code) => {
  const field = code === 'name-invalid' ? 'name' : 'path';
  const source = { bigquery: { query: 'named', parameters: { a } } };
  const { status, answer } = await send({ name: 'x.csv', source, [field]: template }, 'hostile');
  expect([status, answer.code, jobs()]).toEqual([400, code, 0]);
});

test('the audit line of a failed query names its job', async () => {
  const { answer } = await send({ name: 'b.csv', source: { bigquery: { query: 'broken' } } }, 'failed');
  expect(answer.code).toBe('query-failed');
  const audits = courier.lines
    .map((line) => JSON.parse(line).audit)
    .filter((each) => each?.idempotencyKey === 'failed');
  expect(audits).toMatchObject([
    { outcome: 'failed', query: 'broken', queryJob: expect.stringMatching(/^local-project:EU\.courier_/) },
  ]);
});

test('arrays and numbers of a document arrive whole', async () => {
  const parameters = { shops: ['Zürich', '=1+1'], most: 12.500000001 };
  const source = { bigquery: { query: 'list', parameters, format: 'jsonl' } };
  const { answer } = await send({ name: 'shops.jsonl', source }, 'list');
  expect(answer).toMatchObject({ outcome: 'created', mimeType: 'application/x-ndjson' });
  expect(google.drive.bytesOf(answer.id).toString()).toBe('{"shop":"Zürich"}\n{"shop":"=1+1"}\n');
});

test('the doctor runs each query dry: its bytes and columns, and what is wrong with it', async () => {
  const response = await courier.ask(google.world.emails.ops, '/v1/doctor');
  const report = (await response.json()) as {
    destinations: Record<string, { checks: { check: string; result: string; detail: string }[] }>;
  };
  const check = report.destinations.reports?.checks.find((each) => each.check === 'queries');
  expect(check).toMatchObject({ result: 'failed' });
  expect(check?.detail).toMatch(/"daily" reads \d+ bytes, and has the columns shop, amount\./);
  expect(check?.detail).toMatch(/"broken" with the reason "invalidQuery"/);
  expect(jobs()).toBeGreaterThanOrEqual(3);
});

test('one occasion of a schedule is one file, and the next occasion another', async () => {
  const at = (time: string) => ({ 'x-cloudscheduler-jobname': 'daily', 'x-cloudscheduler-scheduletime': time });
  const { exporter } = google.world.emails;
  const first = await send(document({ name: 'scheduled.csv' }), undefined, exporter, at('2026-11-28T06:00:00Z'));
  const retry = await send(document({ name: 'scheduled.csv' }), undefined, exporter, at('2026-11-28T06:00:00Z'));
  const next = await send(document({ name: 'scheduled.csv' }), undefined, exporter, at('2026-11-29T06:00:00Z'));
  expect([first, retry, next].map(({ answer }) => answer.outcome)).toEqual(['created', 'replayed', 'created']);
  expect(retry.answer.id).toBe(first.answer.id);
});

test('every receipt is published with the facts of its audit line, and a topic that fails fails no delivery', async () => {
  const { answer } = await send(document({ name: 'billed.csv' }), 'billed');
  const billed = async () => {
    for (let turn = 0; turn < 200; turn += 1) {
      const found = google.pubsub.published.find(({ attributes }) => attributes.fileId === answer.id);
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return undefined;
  };
  const message = await billed();
  expect(message?.attributes).toMatchObject({
    outcome: 'created',
    destination: 'reports',
    name: 'billed.csv',
    query: 'daily',
  });
  const audit = courier.lines.map((line) => JSON.parse(line).audit).find((each) => each?.idempotencyKey === 'billed');
  expect(JSON.parse(message?.data.toString() ?? '{}')).toEqual(audit);
  google.faults.add({ host: 'pubsub.googleapis.com', fault: { kind: 'status', status: 403, reason: 'forbidden' } });
  expect((await send(document({ name: 'untold.csv' }), 'untold')).status).toBe(201);
  google.faults.clear();
});
