import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { queries as queriesSchema } from '../../../src/config/schema/queries.ts';
import type { Source } from '../../../src/domain.ts';
import { isOrdered } from '../../../src/exports/bigquery/staged/staged-result.ts';
import { createKeptLog } from '../../support/kept-log.ts';
import { jobsStarted, openLocalQuery, QUERY_CALLER, textOfSource } from '../../support/rows/open-query.ts';

const ROWS = 3_000;

/** All types that have a form in Avro, with values at the ends of their ranges. */
const VALUES = `x, IF(x < 9, -9223372036854775808, 9223372036854775807) AS i,
  NUMERIC '-99999999999999999999999999999.999999999' AS n, BIGNUMERIC '${'9'.repeat(38)}.${'1'.repeat(38)}' AS b,
  0.1 AS f, -1e300 AS g, CAST('nan' AS FLOAT64) AS nan, CAST('-inf' AS FLOAT64) AS inf, x > 7 AS t, b'\\xff\\x00' AS bytes,
  DATE '0001-01-01' AS d, DATE '9999-12-31' AS dd, TIME '23:59:59.999999' AS ti, DATETIME '2026-11-27 06:00:00.5' AS dt,
  TIMESTAMP '1969-12-31 23:59:59.000001+00' AS ts, TIMESTAMP '9999-12-31 23:59:59.999999+00' AS tt,
  ST_GEOGPOINT(1, 2) AS geo, JSON '{"a":[1,null,12345678901234567890]}' AS j, [1, 2] AS a,
  STRUCT(9007199254740993 AS x, [STRUCT('é' AS y)] AS z) AS s, CAST(NULL AS STRING) AS nothing, '' AS empty,
  'a "b", \\n' AS quoted, '=1+1' AS formula`;
const from = 'FROM UNNEST(GENERATE_ARRAY(1, @rows)) AS x';

const rest = {
  location: 'US',
  callers: [QUERY_CALLER.email],
  destinations: ['reports'],
  parameters: { rows: 'INT64' },
};
const staging = { prefix: 'gs://staging/queries/', aboveBytes: 100_000 };
const queries = queriesSchema.parse({
  paged: { ...rest, sql: `SELECT ${VALUES} ${from}` },
  staged: { ...rest, sql: `SELECT ${VALUES} ${from}`, staging },
  ordered: { ...rest, sql: `SELECT x ${from} ORDER BY x`, staging: { ...staging, aboveBytes: 0 } },
  interval: {
    ...rest,
    sql: `SELECT x, INTERVAL '1-2 3 4:5:6' YEAR TO SECOND AS iv ${from}`,
    staging: { ...staging, aboveBytes: 0 },
  },
  forbidden: { ...rest, sql: `SELECT x ${from}`, staging: { prefix: 'gs://forbidden', aboveBytes: 0 } },
});

let google: LocalGoogle;
let log: ReturnType<typeof createKeptLog>;
let waitMs = 60_000;

const open = (query: string, { key = query, rows = ROWS, format = 'csv' as const, raw = false } = {}): Source => {
  log = createKeptLog();
  const asked = { query, parameters: { rows: String(rows) }, format, rawCells: raw };
  return openLocalQuery(google, queries, asked, { key, waitMs, log }).source;
};

const pagesRead = (): number => google.calls.count({ path: /\/queries\// });
const stagedFiles = (): string[] => google.storage.objects('staging').map(({ name }) => name);

beforeAll(async () => {
  google = await startLocalGoogle();
  const { runtime, ops } = google.world.emails;
  google.world.grantOnProject(`serviceAccount:${runtime}`, 'roles/bigquery.jobUser');
  await google.storage.createBucket('staging', { readers: [runtime], writers: [runtime] });
  await google.storage.createBucket('forbidden', { readers: [ops], writers: [ops] });
  google.bigquery.settings.extractBytes = 200_000;
});
afterEach(() => {
  waitMs = 60_000;
  google.bigquery.settings.minMs = 0;
  google.faults.clear();
  google.calls.clear();
});
afterAll(async () => {
  const { schemaViolations } = google.bigquery;
  await google.close();
  expect(schemaViolations).toEqual([]);
});

test('a large result is exported, and has the same rows as by pages, to the last digit', async () => {
  const paged = open('paged');
  const rows = (await textOfSource(paged)).split('\r\n');
  expect(paged.facts?.()).toMatchObject({ resultBy: 'pages', resultReason: 'no-staging' });
  google.calls.clear();
  const staged = open('staged');
  const exported = (await textOfSource(staged)).split('\r\n');
  expect(staged.facts?.()).toMatchObject({ resultBy: 'extract', resultReason: 'large' });
  expect(exported[0]).toBe(rows[0]);
  expect(exported.toSorted()).toEqual(rows.toSorted());
  // Only the first page was read, and the files are many.
  expect(pagesRead()).toBe(2);
  expect(stagedFiles().length).toBeGreaterThan(2);
});

test('another try finds both jobs and reads the same bytes, and the files are deleted after the delivery', async () => {
  const first = open('staged', { key: 'again' });
  const bytes = await textOfSource(first);
  expect(jobsStarted(google)).toBe(2);
  const before = stagedFiles().length;
  const second = open('staged', { key: 'again' });
  expect(await textOfSource(second)).toBe(bytes);
  expect([jobsStarted(google), stagedFiles().length]).toEqual([2, before]);
  const [job = ''] = String(second.facts?.().queryJob).split('.').slice(-1);
  await second.delivered?.();
  expect(stagedFiles().filter((name) => name.includes(job))).toEqual([]);
  // Without them, the pages still have the result.
  const third = open('staged', { key: 'again' });
  expect((await textOfSource(third)).split('\r\n').toSorted()).toEqual(bytes.split('\r\n').toSorted());
  expect(third.facts?.()).toMatchObject({ resultBy: 'pages', resultReason: 'files-missing' });
  expect(jobsStarted(google)).toBe(2);
});

test('JSONL of both ways has the same lines', async () => {
  const lines = async (query: string) =>
    (await textOfSource(open(query, { key: `${query}-l`, format: 'jsonl' as 'csv' }))).split('\n').toSorted();
  const staged = await lines('staged');
  expect(staged).toHaveLength(ROWS + 1);
  expect(staged).toEqual(await lines('paged'));
});

test.each([
  ['ordered', ROWS, 'ordered'],
  ['interval', ROWS, 'type'],
  ['staged', 900, 'small'],
  ['staged', 1_001, 'small'],
  ['forbidden', ROWS, 'extract-failed'],
])('%s with %i rows is read by pages: %s', async (query, rows, reason) => {
  if (reason === 'small')
    queries.staged = { ...queries.staged, staging: { ...staging, aboveBytes: 10_000_000 } } as never;
  const source = open(query, { key: `${query}-${rows}`, rows });
  const lines = (await textOfSource(source)).trimEnd().split('\r\n');
  expect(lines).toHaveLength(rows + 1);
  expect(source.facts?.()).toMatchObject({ resultBy: 'pages', resultReason: reason });
  if (reason === 'ordered') expect(lines.slice(1)).toEqual(Array.from({ length: rows }, (_, x) => String(x + 1)));
  if (reason === 'extract-failed') expect(log.lines.join('')).toContain('accessDenied');
});

test('an export that outlasts the request is left running, and the next try takes it', async () => {
  queries.staged = { ...queries.staged, staging } as never;
  google.bigquery.settings.minMs = 600;
  waitMs = 700;
  // The query is done in time, the export is not.
  await expect(textOfSource(open('staged', { key: 'long', rows: 2_000 }))).rejects.toMatchObject({
    reason: 'query-running',
  });
  expect(jobsStarted(google)).toBe(2);
  waitMs = 60_000;
  const again = open('staged', { key: 'long', rows: 2_000 });
  expect((await textOfSource(again)).trimEnd().split('\r\n').length).toBeGreaterThan(2_000);
  expect([jobsStarted(google), again.facts?.().resultBy]).toEqual([2, 'extract']);
});

test.each([
  [
    'the export is refused',
    { host: 'bigquery.googleapis.com', method: 'POST', path: '/bigquery/*/jobs', nth: 2 },
    'extract-failed',
  ],
  ['the size is unknown', { host: 'bigquery.googleapis.com', path: '/bigquery/*/tables/*' }, 'no-table'],
  ['the files cannot be listed', { host: 'storage.googleapis.com', path: '/storage/v1/b/staging/o' }, 'files-missing'],
])('%s: the pages have the result', async (_, where, reason) => {
  queries.staged = { ...queries.staged, staging } as never;
  google.faults.add({ ...where, fault: { kind: 'status', status: 403, reason: 'accessDenied' } });
  const source = open('staged', { key: reason, rows: 2_000 });
  expect((await textOfSource(source)).trimEnd().split('\r\n').length).toBeGreaterThan(2_000);
  expect(source.facts?.()).toMatchObject({ resultBy: 'pages', resultReason: reason });
});

test('files with a column in a form that is not known are left, and the pages have the result', async () => {
  const source = open('staged', { key: 'form' });
  const bytes = await textOfSource(source);
  const [job = ''] = String(source.facts?.().queryJob).split('.').slice(-1);
  const schema = JSON.stringify({ type: 'record', name: 'Root', fields: [{ name: 'other', type: 'long' }] });
  const size = Buffer.from([((schema.length * 2) % 128) | 0x80, Math.floor((schema.length * 2) / 128)]);
  const head = [Buffer.from('Obj\u0001\u0002\u0016avro.schema'), size, Buffer.from(schema), Buffer.alloc(17)];
  for (const name of stagedFiles().filter((each) => each.includes(job)))
    await google.storage.putObject('staging', name, Buffer.concat(head));
  const again = open('staged', { key: 'form' });
  expect((await textOfSource(again)).split('\r\n').toSorted()).toEqual(bytes.split('\r\n').toSorted());
  expect(again.facts?.()).toMatchObject({ resultBy: 'pages', resultReason: 'file-form' });
  expect(log.lines.join('')).toContain('other columns');
  expect(jobsStarted(google)).toBe(2);
});

test('a damaged file is a transient error', async () => {
  const source = open('staged', { key: 'damaged' });
  await textOfSource(source);
  const [job = ''] = String(source.facts?.().queryJob).split('.').slice(-1);
  const [name = ''] = stagedFiles().filter((each) => each.includes(job));
  await google.storage.putObject('staging', name, 'Obj\u0001 and nothing more');
  await expect(textOfSource(open('staged', { key: 'damaged' }))).rejects.toMatchObject({ code: 'google-unavailable' });
});

test.each([
  ['SELECT 1 ORDER BY 1', true],
  ['SELECT x FROM t\nOrder\n  by x LIMIT 5', true],
  ['(SELECT 1) ORDER/**/BY 1', true],
  ['SELECT ARRAY_AGG(x ORDER BY x) FROM t', false],
  ['SELECT x FROM (SELECT x FROM t ORDER BY x)', false],
  ["SELECT 'order by' AS `order by` FROM t -- order by", false],
  ['SELECT border, byte FROM t', false],
])('%s: is the result ordered? %s', (sql, expected) => {
  expect(isOrdered(sql)).toBe(expected);
});

test('the configuration of a staging folder is checked', () => {
  const parsed = (folder: unknown) =>
    queriesSchema.safeParse({ one: { ...rest, parameters: {}, sql: 'SELECT 1', staging: folder } });
  expect(parsed({ prefix: 'gs://bucket' }).data?.one?.staging).toEqual({
    prefix: 'gs://bucket/',
    aboveBytes: 268_435_456,
  });
  const wrong = [{}, { prefix: 's3://bucket/' }, { prefix: 'gs://bucket/a' }, { prefix: 'gs://bucket/*/' }];
  for (const folder of [...wrong, { prefix: 'gs://bucket/', aboveBytes: -1 }])
    expect(parsed(folder).success).toBe(false);
});
