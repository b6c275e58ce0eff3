import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { queries as queriesSchema } from '../../../src/config/schema/queries.ts';
import { jobsStarted, openLocalQuery, QUERY_CALLER, textOfSource } from '../../support/rows/open-query.ts';
import { askBigQuery, seedSales } from '../../support/rows/query-tables.ts';

const rest = { location: 'EU', callers: [QUERY_CALLER.email], destinations: ['reports'] };
const VALUES = `SELECT 9223372036854775807 AS i, NUMERIC '12345678901234567890123456789.123456789' AS n,
  BIGNUMERIC '${'9'.repeat(38)}.${'1'.repeat(38)}' AS b, 0.1 AS f, 1e300 AS g, CAST('nan' AS FLOAT64) AS nan, CAST('-inf' AS FLOAT64) AS inf,
  TRUE AS t, b'\\xff\\x00' AS bytes, DATE '2026-11-27' AS d, TIME '06:00:00.5' AS ti, DATETIME '2026-11-27 06:00:00' AS dt,
  TIMESTAMP '1969-12-31 23:59:59.000001+00' AS ts, INTERVAL '1-2 3 4:5:6' YEAR TO SECOND AS iv, ST_GEOGPOINT(1, 2) AS geo,
  JSON '{"a":[1,null]}' AS j, [1, 2] AS a, STRUCT(9007199254740993 AS x, [STRUCT('é' AS y)] AS z) AS s,
  CAST(NULL AS STRING) AS nothing, '' AS empty, 'a "b", \\n' AS quoted`;

const queries = queriesSchema.parse({
  daily: {
    ...rest,
    sql: 'SELECT shop, amount FROM sales.daily WHERE day = @day ORDER BY amount DESC',
    parameters: { day: 'DATE' },
  },
  values: { ...rest, location: 'US', sql: VALUES },
  many: {
    ...rest,
    location: 'US',
    sql: 'SELECT x, CAST(x AS STRING) AS name FROM UNNEST(GENERATE_ARRAY(1, @n)) AS x ORDER BY x',
    parameters: { n: 'INT64' },
  },
  wrong: { ...rest, sql: 'SELECT * FROM sales.nothing' },
  closed: { ...rest, sql: 'SELECT 1 AS one', destinations: ['other'] },
  list2: {
    ...rest,
    sql: 'SELECT shop FROM sales.daily WHERE shop = @shop AND amount < @most',
    parameters: { shop: 'STRING', most: 'INT64' },
  },
  list: {
    ...rest,
    sql: 'SELECT shop FROM sales.daily WHERE shop IN UNNEST(@shops)',
    parameters: { shops: 'ARRAY<STRING>' },
  },
});

let google: LocalGoogle;
let waitMs = 60_000;

const open = (asked: Parameters<typeof openLocalQuery>[2], { key = 'k1', sub = '1' } = {}) =>
  openLocalQuery(google, queries, asked, { key, sub, waitMs });

beforeAll(async () => {
  google = await startLocalGoogle();
  await seedSales(google);
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

describe('the result of a query', () => {
  test('is CSV: a mark, a header, NULL and the empty text apart, and no formulas', async () => {
    const { source } = open({ query: 'daily', parameters: { day: '2026-11-27' } });
    expect(source).toMatchObject({ size: undefined, mimeType: 'text/csv' });
    expect(await textOfSource(source)).toBe('\uFEFFshop,amount\r\n"Zürich",12.5\r\n"\'=1+1",-3\r\n"",\r\n');
    const raw = open({ query: 'daily', parameters: { day: '2026-11-28' }, rawCells: true }, { key: 'k2' });
    expect(await textOfSource(raw.source)).toBe('\uFEFFshop,amount\r\n,1\r\n');
  });

  test('has the exact values of all types, in CSV', async () => {
    const [head, line] = (await textOfSource(open({ query: 'values' }).source)).split('\r\n');
    expect(head).toBe('\uFEFFi,n,b,f,g,nan,inf,t,bytes,d,ti,dt,ts,iv,geo,j,a,s,nothing,empty,quoted');
    expect(line).toBe(
      [
        '9223372036854775807',
        '12345678901234567890123456789.123456789',
        `${'9'.repeat(38)}.${'1'.repeat(38)}`,
        '0.1,1e+300,NaN,-Infinity,true,"/wA=",2026-11-27,06:00:00.500000,2026-11-27T06:00:00,1969-12-31T23:59:59.000001Z',
        '"1-2 3 4:5:6","POINT(1 2)","{""a"":[1,null]}","[1,2]"',
        '"{""x"":9007199254740993,""z"":[{""y"":""é""}]}",,"","a ""b"", \n"',
      ].join(','),
    );
  });

  test('has the exact values of all types, in lines of JSON', async () => {
    const { source } = open({ query: 'values', format: 'jsonl' });
    expect(source.mimeType).toBe('application/x-ndjson');
    const text = await textOfSource(source);
    expect(text.endsWith('}\n')).toBe(true);
    expect(text).toContain('"i":9223372036854775807,"n":12345678901234567890123456789.123456789,');
    expect(text).toContain('"f":0.1,"g":1e+300,"nan":"NaN","inf":"-Infinity","t":true,"bytes":"/wA=","d":"2026-11-27"');
    expect(text).toContain(
      '"ts":"1969-12-31T23:59:59.000001Z","iv":"1-2 3 4:5:6","geo":"POINT(1 2)","j":{"a":[1,null]},"a":[1,2]',
    );
    expect(text).toContain(
      '"s":{"x":9007199254740993,"z":[{"y":"é"}]},"nothing":null,"empty":"","quoted":"a \\"b\\", \\n"',
    );
    expect(JSON.parse(text)).toMatchObject({ nothing: null });
  });

  test('is read by pages', async () => {
    const { source } = open({ query: 'many', parameters: { n: '20000' }, format: 'jsonl' });
    const lines = (await textOfSource(source)).trimEnd().split('\n');
    expect(lines).toHaveLength(20_000);
    expect(lines.map((line) => (JSON.parse(line) as { x: number }).x)).toEqual(
      Array.from({ length: 20_000 }, (_, x) => x + 1),
    );
    expect(google.calls.count({ path: /\/queries\// })).toBeGreaterThan(2);
  });

  test('arrays are parameters as well', async () => {
    const { source } = open({ query: 'list', parameters: { shops: ['Zürich', "it's"] } });
    expect(await textOfSource(source)).toBe('\uFEFFshop\r\n"Zürich"\r\n');
  });
});

describe('one key has one job', () => {
  const asked = { query: 'daily', parameters: { day: '2026-11-27' } };

  test('however often it is read, and whichever answers are lost', async () => {
    google.faults.add({ host: 'bigquery.googleapis.com', method: 'POST', nth: [1], fault: { kind: 'answer-lost' } });
    const one = open(asked, { key: 'once' });
    const first = await textOfSource(one.source);
    expect(await textOfSource(open(asked, { key: 'once' }).source)).toBe(first);
    expect(await Promise.all([1, 2].map(() => textOfSource(open(asked, { key: 'once' }).source)))).toEqual([
      first,
      first,
    ]);
    const inserts = google.calls.list({ method: 'POST', path: /\/jobs$/ });
    expect(inserts.filter(({ status }) => status === 409).length).toBeGreaterThanOrEqual(3);
    expect(jobsStarted(google)).toBeLessThanOrEqual(1);
    expect(one.source.facts?.()).toMatchObject({
      query: 'daily',
      bytesBilled: 10_485_760,
      queryJob: expect.stringMatching(/^local-project:EU\.courier_[0-9a-f]{40}_1$/),
    });
  });

  test('other keys, callers and values have other jobs', async () => {
    await textOfSource(open(asked, { key: 'a' }).source);
    await textOfSource(open(asked, { key: 'b' }).source);
    await textOfSource(open(asked, { key: 'a', sub: '2' }).source);
    await textOfSource(open({ ...asked, parameters: { day: '2026-11-28' } }, { key: 'a' }).source);
    expect(jobsStarted(google)).toBe(4);
  });

  test('a job that outlasts the request continues, and the next try uses its result', async () => {
    google.bigquery.settings.minMs = 400;
    waitMs = 100;
    const { source } = open(asked, { key: 'long' });
    await expect(textOfSource(source)).rejects.toMatchObject({
      code: 'google-unavailable',
      reason: 'query-running',
      retryable: true,
    });
    expect(source.facts?.()).toEqual({ query: 'daily', queryJob: expect.stringMatching(/_1$/) });
    waitMs = 60_000;
    expect(await textOfSource(open(asked, { key: 'long' }).source)).toContain('Zürich');
    expect(jobsStarted(google)).toBe(1);
  });

  test('after a failed job, the next try starts another one', async () => {
    const query = { query: 'wrong' };
    const failed = open(query, { key: 'f' }).source;
    await expect(textOfSource(failed)).rejects.toMatchObject({ code: 'query-failed', reason: 'notFound' });
    // An operator finds the failed job by its audit line.
    expect(failed.facts?.()).toMatchObject({ query: 'wrong', queryJob: expect.stringMatching(/_1$/), bytesBilled: 0 });
    expect(jobsStarted(google)).toBe(1);
    const fields = [{ name: 'x', type: 'INTEGER' }];
    await askBigQuery(google, 'POST', '/datasets/sales/tables', {
      tableReference: { tableId: 'nothing' },
      schema: { fields },
    });
    google.calls.clear();
    const { source } = open(query, { key: 'f' });
    expect(await textOfSource(source)).toBe('\uFEFFx\r\n');
    expect(source.facts?.()).toMatchObject({ queryJob: expect.stringMatching(/_2$/) });
    expect(jobsStarted(google)).toBe(1);
  });

  test('the values count, and not their order or form in the document', async () => {
    const first = await textOfSource(
      open({ query: 'list2', parameters: { most: 12, shop: 'x' } }, { key: 'o' }).source,
    );
    const other = open({ query: 'list2', parameters: { shop: 'x', most: '12' } }, { key: 'o' });
    expect(await textOfSource(other.source)).toBe(first);
    expect(jobsStarted(google)).toBe(1);
  });

  test('a job of another location is followed by one in the corrected location', async () => {
    const at = (location: string) =>
      Object.assign(
        queries,
        queriesSchema.parse({ moved: { ...rest, sql: 'SELECT shop FROM sales.daily', location } }),
      );
    at('US');
    const failed = open({ query: 'moved' }, { key: 'moved' }).source;
    await expect(textOfSource(failed)).rejects.toMatchObject({ reason: 'notFound' });
    at('EU');
    const { source } = open({ query: 'moved' }, { key: 'moved' });
    expect(await textOfSource(source)).toContain('Zürich');
    expect(source.facts?.()).toMatchObject({ queryJob: expect.stringMatching(/:EU\.courier_\w+_2$/) });
  });
});

describe('what is refused', () => {
  const codeOf = (asked: Parameters<typeof open>[0], who = {}) => {
    try {
      open(asked, who);
      return undefined;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  test.each([
    ['an unknown query', { query: 'nothing' }, 'query-not-found'],
    ['a query of another destination, which looks the same', { query: 'closed' }, 'query-not-found'],
    ['a missing parameter', { query: 'daily' }, 'request-invalid'],
    ['an unknown parameter', { query: 'daily', parameters: { day: '2026-11-27', dya: '1' } }, 'request-invalid'],
    ['a value of another type', { query: 'daily', parameters: { day: '27.11.2026' } }, 'request-invalid'],
    ['a day that no calendar has', { query: 'daily', parameters: { day: '2026-02-30' } }, 'request-invalid'],
    ['a number past INT64', { query: 'many', parameters: { n: '9223372036854775808' } }, 'request-invalid'],
    ['one value for an array', { query: 'list', parameters: { shops: 'Zürich' } }, 'request-invalid'],
  ])('%s', (_, asked, code) => {
    expect(codeOf(asked)).toBe(code);
    expect(google.calls.count({ host: 'bigquery.googleapis.com' })).toBe(0);
  });
});

describe('the configuration', () => {
  const faultsOf = (query: object): string[] => {
    const { error } = queriesSchema.safeParse({ q: { ...rest, ...query } });
    return (error?.issues ?? []).map(({ path }) => path.join('.'));
  };

  test.each([
    ['parameters that the SQL uses and that are not declared', { sql: 'SELECT @day' }, ['q.parameters']],
    ['parameters that the SQL does not use', { sql: 'SELECT 1', parameters: { day: 'DATE' } }, ['q.parameters']],
    ['an unknown type', { sql: 'SELECT @day', parameters: { day: 'DAY' } }, ['q.parameters.day']],
    ['no SQL', {}, ['q']],
    ['a file that is not there', { sqlFile: '/nowhere/query.sql' }, ['q.sqlFile']],
    ['a folder as a file', { sqlFile: '/' }, ['q.sqlFile']],
    ['an empty file', { sqlFile: '/dev/null' }, ['q.sqlFile']],
    ['SQL of spaces', { sql: ' \n' }, ['q.sql']],
    ['SQL and a file', { sql: 'SELECT 1', sqlFile: '/dev/null' }, ['q']],
    ['no callers', { sql: 'SELECT 1', callers: [] }, ['q.callers']],
  ])('has no %s', (_, query, paths) => {
    expect(faultsOf(query)).toEqual(paths);
  });

  test('SQL from a file is the same as SQL in the document', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'query-')), 'daily.sql');
    writeFileSync(file, '\uFEFF-- The sales of a day\r\nSELECT @day AS day\r\n');
    const one = queriesSchema.parse({ q: { ...rest, sqlFile: file, parameters: { day: 'date' } } });
    expect(one.q).toMatchObject({
      sql: '-- The sales of a day\r\nSELECT @day AS day\r\n',
      parameters: { day: 'DATE' },
    });
    expect(one.q).not.toHaveProperty('sqlFile');
    expect(faultsOf({ sqlFile: file })).toEqual(['q.parameters']);
  });

  test('a parameter in a text, a comment or a quoted name is none', () => {
    const sql = 'SELECT \'@a\', "@b", r"\\@c", `@d` -- @e\n/* @f */, """@g""", @@time_zone, @Day';
    expect(faultsOf({ sql, parameters: { day: 'DATE' } })).toEqual([]);
  });
});
