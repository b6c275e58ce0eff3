import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import readExcelFile from 'read-excel-file/node';
import { pushMessage } from '../../../local/demo/push.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { askBigQuery, seedSales } from '../../support/rows/query-tables.ts';
import { AUDIENCE, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

const named = (name: string): string => `projects/local-project/subscriptions/${name}`;

let google: LocalGoogle;
let courier: RunningCourier;

beforeAll(async () => {
  google = await startLocalGoogle();
  await seedSales(google);
  await askBigQuery(google, 'POST', '/datasets/sales/tables', {
    tableReference: { tableId: 'day_20261127' },
    schema: { fields: [{ name: 'x', type: 'INTEGER' }] },
  });
  const base = { serviceAccount: google.world.emails.pubsubPush, destinations: ['reports'] };
  const sources = ['bigquery://local-project.sales.day_20261127', 'bigquery://local-project.sales.daily'];
  courier = await startCourier(google, {
    onCloudRun: true,
    env: { K_SERVICE: 'courier', GOOGLE_CLOUD_PROJECT: 'local-project' },
    document: {
      pubsub: {
        subscriptions: {
          [named('attribute')]: { ...base, keyFrom: { attribute: 'occasion' } },
          [named('hourly')]: { ...base, keyFrom: { publishTime: 'hour' } },
          [named('plain')]: base,
          [named('runs')]: { ...base, sources, transferRuns: {} },
          [named('named-runs')]: {
            ...base,
            sources,
            transferRuns: { name: 'sales-{run_time|"%Y-%m-%d"}.jsonl', path: 'sales/{run_date}', format: 'jsonl' },
          },
          [named('book-runs')]: { ...base, sources, transferRuns: { format: 'xlsx' } },
          [named('foreign-runs')]: { ...base, sources, transferRuns: { project: 'other-project' } },
        },
        deadLetterTopic: google.topic,
      },
    },
  });
});
let earlier = 0;
afterEach(() => {
  google.calls.clear();
  earlier = google.pubsub.published.length;
});
afterAll(async () => {
  await courier.close();
  await google.close();
});

interface Sent {
  messageId: string;
  data?: object;
  attributes?: Record<string, string>;
  publishTime?: string;
}

const push = (subscription: string, { data, ...message }: Sent): Promise<number> =>
  pushMessage(google, {
    url: courier.url,
    audience: AUDIENCE,
    subscription: named(subscription),
    serviceAccount: google.world.emails.pubsubPush,
    message: {
      ...message,
      ...(data === undefined ? {} : { data: Buffer.from(JSON.stringify(data)).toString('base64') }),
    },
  });
const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name);
const audits = (name: string) =>
  courier.lines.map((line) => JSON.parse(line).audit).filter((audit) => audit?.name === name);
const deadLetters = () => google.pubsub.published.slice(earlier).map(({ attributes }) => attributes.courierCode);
const text = (name: string) => ({ name, source: { text: 'hello' } });

describe('keyFrom: an attribute', () => {
  test('makes one file of an occasion, however often and as which message it comes', async () => {
    const about = (occasion: string, messageId: string) =>
      push('attribute', { messageId, attributes: { occasion }, data: text('occasion.txt') });
    expect(await Promise.all([about('2026-11-27T06:00', '1'), about('2026-11-27T06:00', '2')])).toEqual([204, 204]);
    expect(await about('2026-11-27T06:00', '3')).toBe(204);
    expect(filesNamed('occasion.txt')).toHaveLength(1);
    expect(await about('2026-11-28T06:00', '4')).toBe(204);
    expect(filesNamed('occasion.txt')).toHaveLength(2);
    expect(audits('occasion.txt')[0]).toMatchObject({
      idempotencyKey: `${named('attribute')}/occasion=2026-11-27T06:00`,
    });
  });

  test('may have any text', async () => {
    const about = (occasion: string, messageId: string) =>
      push('attribute', { messageId, attributes: { occasion }, data: text('any.txt') });
    expect(await about('27 Nov, früh', '5')).toBe(204);
    expect(await about('27 Nov, früh', '6')).toBe(204);
    expect(await about('28 Nov, früh', '7')).toBe(204);
    expect(filesNamed('any.txt')).toHaveLength(2);
  });

  test('that a message lacks leaves the id of the message', async () => {
    for (const messageId of ['8', '8', '9']) await push('attribute', { messageId, data: text('bare.txt') });
    expect(filesNamed('bare.txt')).toHaveLength(2);
  });

  test('does not replace a key in the message', async () => {
    const data = { ...text('own.txt'), idempotencyKey: 'own' };
    for (const occasion of ['1', '2']) await push('attribute', { messageId: occasion, attributes: { occasion }, data });
    expect(filesNamed('own.txt')).toHaveLength(1);
  });
});

describe('keyFrom: the time of publishing', () => {
  test('makes one file of the messages of an hour', async () => {
    const at = (publishTime: string, messageId: string) =>
      push('hourly', { messageId, publishTime, data: text('hour.txt') });
    expect(await at('2026-11-27T06:00:00.123Z', '1')).toBe(204);
    expect(await at('2026-11-27T06:00:41.5Z', '2')).toBe(204);
    expect(filesNamed('hour.txt')).toHaveLength(1);
    expect(await at('2026-11-27T07:00:00.1Z', '3')).toBe(204);
    expect(filesNamed('hour.txt')).toHaveLength(2);
  });
});

const RUN = 'projects/123456789012/locations/eu/transferConfigs/6f1c/runs/71ab';
const run = (more: object = {}, params: object = {}) => ({
  name: RUN,
  state: 'SUCCEEDED',
  runTime: '2026-11-27T06:00:00Z',
  scheduleTime: '2026-11-27T06:00:01Z',
  dataSourceId: 'scheduled_query',
  destinationDatasetId: 'sales',
  errorStatus: {},
  emailPreferences: {},
  params: { query: 'SELECT 1', destination_table_name_template: 'day_{run_time|"%Y%m%d"}', ...params },
  ...more,
});
const FINISHED = { eventType: 'TRANSFER_RUN_FINISHED', payloadFormat: 'JSON_API_V1' };
const notify = (data: object, messageId = '1', subscription = 'runs') =>
  push(subscription, { messageId, attributes: FINISHED, data });

describe('a run of the BigQuery Data Transfer Service', () => {
  test('has its destination table delivered once, whichever message announces it', async () => {
    expect(await Promise.all([notify(run(), '1'), notify(run(), '2')])).toEqual([204, 204]);
    expect(await notify(run(), '3')).toBe(204);
    const [file, ...more] = filesNamed('day_20261127.csv');
    expect(more).toEqual([]);
    expect(google.drive.bytesOf(file?.id ?? '').toString()).toBe('\uFEFFx\r\n');
    expect(audits('day_20261127.csv')[0]).toMatchObject({
      table: 'local-project.sales.day_20261127',
      idempotencyKey: RUN,
    });
    expect(await notify(run({ name: `${RUN}2` }), '4')).toBe(204);
    expect(filesNamed('day_20261127.csv')).toHaveLength(2);
  });

  test('gets its name, path and format from the subscription', async () => {
    expect(
      await notify(run({ name: `${RUN}j` }, { destination_table_name_template: 'daily' }), '1', 'named-runs'),
    ).toBe(204);
    expect(audits('sales-2026-11-27.jsonl')[0]).toMatchObject({
      outcome: 'created',
      path: 'sales/20261127',
      mimeType: 'application/x-ndjson',
    });
  });

  test('may be delivered as a workbook', async () => {
    const template = { destination_table_name_template: 'daily' };
    expect(await notify(run({ name: `${RUN}x` }, template), '1', 'book-runs')).toBe(204);
    const [file] = filesNamed('daily.xlsx');
    const [sheet] = await readExcelFile(google.drive.bytesOf(file?.id ?? ''));
    expect(sheet?.data).toContainEqual(['2026-11-27', 'Zürich', 12.5]);
  });

  test.each([
    ['failed', run({ name: `${RUN}f`, state: 'FAILED' })],
    ['was cancelled', run({ name: `${RUN}c`, state: 'CANCELLED' })],
    ['has no destination table', run({ name: `${RUN}n`, destinationDatasetId: '', params: { query: 'MERGE' } })],
  ])('that %s is acknowledged, with a warning', async (_, data) => {
    expect(await notify(data)).toBe(204);
    expect(google.calls.count({ host: 'bigquery.googleapis.com' })).toBe(0);
    const line = courier.lines.map((each) => JSON.parse(each)).find(({ why }) => why?.includes(data.name));
    expect(line).toMatchObject({ severity: 'WARNING' });
    expect(deadLetters()).toEqual([]);
  });

  test('of a table that the sources do not name gets the answer of one that does not exist', async () => {
    expect(await notify(run({ name: `${RUN}s` }, { destination_table_name_template: 'secret' }))).toBe(503);
    expect(await notify(run({ name: `${RUN}p` }), '1', 'foreign-runs')).toBe(503);
    expect(google.calls.count({ host: 'bigquery.googleapis.com' })).toBe(0);
  });

  test.each([
    [
      'a partition',
      'runs',
      run({ name: `${RUN}a` }, { destination_table_name_template: ['daily$', '{run_date}'].join('') }),
    ],
    ['a placeholder that is unknown', 'runs', run({ name: `${RUN}b` }, { destination_table_name_template: '{day}' })],
    ['data that are no run', 'runs', { hello: 'world' }],
    ['a subscription without "transferRuns"', 'plain', run({ name: `${RUN}d` })],
  ])('with %s goes to the dead letters', async (_, subscription, data) => {
    expect(await notify(data, '1', subscription)).toBe(204);
    expect(deadLetters()).toEqual(['request-invalid']);
  });
});
