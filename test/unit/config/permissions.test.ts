import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config/config.ts';
import { neededPermissions, permissionLines } from '../../../src/config/permissions.ts';
import { datasetsInSql } from '../../../src/config/sql-datasets.ts';

const read = (sql: string) => datasetsInSql(sql, 'my-proj');

describe('the datasets of a query', () => {
  test.each<[string, string[]]>([
    ['SELECT 1', []],
    ['SELECT a FROM sales.daily', ['my-proj.sales']],
    ['SELECT a FROM other-proj.sales.daily', ['other-proj.sales']],
    ['SELECT a FROM `other-proj.sales.daily`', ['other-proj.sales']],
    ['SELECT a FROM `other-proj`.sales.`daily`', ['other-proj.sales']],
    ['SELECT a FROM `example.com:shop.sales.daily`', ['example.com:shop.sales']],
    ['SELECT a FROM `p-1.web.events_*` WHERE _TABLE_SUFFIX = "20261127"', ['p-1.web']],
    ['SELECT a FROM x.a AS one JOIN y.b USING (id) LEFT JOIN z.c ON TRUE', ['my-proj.x', 'my-proj.y', 'my-proj.z']],
    ['SELECT a FROM x.a one, y.b two, one.items', ['my-proj.x', 'my-proj.y']],
    ['SELECT a FROM x.a AS one, UNNEST(one.items) AS item, y.b', ['my-proj.x', 'my-proj.y']],
    ['SELECT a FROM (SELECT b FROM x.a) AS s, y.b', ['my-proj.x', 'my-proj.y']],
    ['WITH day AS (SELECT * FROM x.a) SELECT * FROM day JOIN day.items', ['my-proj.x']],
    ['SELECT EXTRACT(DAY FROM one.time), one.a IS DISTINCT FROM one.b FROM x.a one', ['my-proj.x']],
    ["SELECT 'FROM q.a' -- FROM q.b\nFROM /* q.c */ x.a # FROM q.d", ['my-proj.x']],
    ['select a from x.a where b in (select b from y.b)', ['my-proj.x', 'my-proj.y']],
  ])('%s', (sql, datasets) => {
    expect(read(sql)).toEqual({ datasets, isComplete: true });
  });

  test.each([
    [
      'an array or a dataset of the same name',
      'SELECT a FROM x.a AS one WHERE EXISTS (SELECT 1 FROM one.items)',
      ['my-proj.x'],
    ],
    ['a table function', 'SELECT a FROM x.changes("2026-11-27")', []],
    ['a view of metadata', 'SELECT a FROM `region-eu`.INFORMATION_SCHEMA.JOBS', []],
    ['a path that is too long', 'SELECT a FROM p.d.t.items', []],
  ])('is not guessed: %s', (_, sql, datasets) => {
    expect(read(sql)).toEqual({ datasets, isComplete: false });
  });
});

const configured = (more: object, destination: object = {}) =>
  readConfig({
    GOOGLE_CLOUD_PROJECT: 'my-proj',
    COURIER_CONFIG: JSON.stringify({
      audiences: ['https://courier.example.com'],
      destinations: {
        reports: { folder: '0AbCdEfGhIj', credentials: 'a', callers: ['a@example.com'], ...destination },
      },
      credentials: { a: { adc: true } },
      ...more,
    }),
  });
const QUERY = { callers: ['a@example.com'], destinations: ['reports'] };
const SUBSCRIPTION = { serviceAccount: 'push@my-proj.iam.gserviceaccount.com', destinations: ['reports'] };

describe('what a configuration needs', () => {
  test('is nothing without sources, queries and topics', () => {
    expect(permissionLines(configured({}))).toEqual([]);
  });

  test('is a job and a dataset for a query, in the project that it names', () => {
    const queries = {
      own: { ...QUERY, sql: 'SELECT a FROM sales.daily' },
      paid: { ...QUERY, sql: 'SELECT a FROM web.events', project: 'payer-proj' },
      unclear: { ...QUERY, sql: 'SELECT a FROM x.changes()' },
    };
    expect(permissionLines(configured({ queries }))).toEqual([
      'jobs my-proj',
      'jobs payer-proj',
      'dataset my-proj.sales',
      'dataset payer-proj.web',
      'unclear unclear',
    ]);
  });

  test('is to write to the bucket for large results', () => {
    const staging = { prefix: 'gs://staging/queries/' };
    expect(permissionLines(configured({ queries: { own: { ...QUERY, sql: 'SELECT 1', staging } } }))).toEqual([
      'jobs my-proj',
      'staging staging',
    ]);
  });

  test('is a table or a whole dataset, and a bucket, for sources', () => {
    const sources = ['bigquery://my-proj.sales.daily', 'bigquery://my-proj.public.*', 'gs://exports/ready/'];
    const pubsub = {
      subscriptions: {
        'projects/my-proj/subscriptions/one': {
          ...SUBSCRIPTION,
          sources: ['bigquery://my-proj.public.one', 'gs://other/'],
        },
      },
    };
    expect(permissionLines(configured({ pubsub }, { sources }))).toEqual([
      'jobs my-proj',
      'dataset my-proj.public',
      'table my-proj.sales.daily',
      'bucket exports',
      'bucket other',
    ]);
  });

  test('is to publish to the topics of receipts, dead letters and prefixes', () => {
    const topic = (name: string): string => `projects/my-proj/topics/${name}`;
    const pubsub = {
      deadLetterTopic: topic('failed'),
      subscriptions: {
        'projects/my-proj/subscriptions/objects': {
          ...SUBSCRIPTION,
          topic: topic('objects'),
          sources: ['gs://other/'],
        },
        // It may ask for no prefix.
        'projects/my-proj/subscriptions/files': { ...SUBSCRIPTION, topic: topic('files') },
      },
    };
    const { topics } = neededPermissions(configured({ pubsub, receiptTopic: topic('receipts') }));
    expect(topics).toEqual([topic('failed'), topic('objects'), topic('receipts')]);
  });
});
