import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type BigQueryApi, startBigQuery } from './bigquery-api.ts';

let api: BigQueryApi;

beforeAll(async () => {
  api = await startBigQuery();
  const dataset = { datasetReference: { datasetId: 'sales' }, location: 'EU' };
  expect((await api.call('POST', '/datasets', dataset)).status).toBe(200);
  const fields = [
    { name: 'day', type: 'DATE', mode: 'REQUIRED' },
    { name: 'amount', type: 'NUMERIC' },
    { name: 'note', type: 'STRING' },
  ];
  const table = { tableReference: { tableId: 'daily' }, schema: { fields } };
  expect((await api.call('POST', '/datasets/sales/tables', table)).status).toBe(200);
  const rows = [
    { day: '2026-11-26', amount: '1.10', note: 'a' },
    { day: '2026-11-27', amount: '2.25', note: '' },
    { day: '2026-11-27', amount: '3', note: null },
  ].map((json) => ({ json }));
  const inserted = await api.call('POST', '/datasets/sales/tables/daily/insertAll', { rows });
  expect(inserted.body).toEqual({ kind: 'bigquery#tableDataInsertAllResponse' });
});
afterAll(() => api.close());

describe('values in the form of the REST API', () => {
  // The forms: cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults, and what @google-cloud/bigquery parses.
  test.each([
    ['INT64', '9223372036854775807', 'INTEGER', '9223372036854775807'],
    ['SUM of INT64', 'SUM(x) FROM UNNEST([9007199254740993, 1]) AS x', 'INTEGER', '9007199254740994'],
    ['FLOAT64', '1.5', 'FLOAT', '1.5'],
    ['a whole FLOAT64', '2.0', 'FLOAT', '2.0'],
    ['a large FLOAT64', '1e20', 'FLOAT', '1.0E20'],
    ['NaN', "CAST('nan' AS FLOAT64)", 'FLOAT', 'NaN'],
    ['infinity', "CAST('-inf' AS FLOAT64)", 'FLOAT', '-Infinity'],
    [
      'NUMERIC',
      "NUMERIC '12345678901234567890123456789.123456789'",
      'NUMERIC',
      '12345678901234567890123456789.123456789',
    ],
    ['NUMERIC without zeros at the end', "NUMERIC '-0.50'", 'NUMERIC', '-0.5'],
    [
      'BIGNUMERIC',
      `BIGNUMERIC '${'9'.repeat(38)}.${'1'.repeat(38)}'`,
      'BIGNUMERIC',
      `${'9'.repeat(38)}.${'1'.repeat(38)}`,
    ],
    ['BOOL', 'TRUE', 'BOOLEAN', 'true'],
    ['STRING', "'it''s' || \"\\n\\u00e9\"".replace("''", "\\'"), 'STRING', "it's\né"],
    ['BYTES', "b'\\xff\\x00a'", 'BYTES', '/wBh'],
    ['DATE', "DATE '2026-11-27'", 'DATE', '2026-11-27'],
    ['TIME', "TIME '12:30:00.5'", 'TIME', '12:30:00.500000'],
    ['DATETIME', "DATETIME '2026-11-27 12:30:00'", 'DATETIME', '2026-11-27T12:30:00'],
    ['DATETIME before 1970', "DATETIME '1969-12-31 23:59:59.000001'", 'DATETIME', '1969-12-31T23:59:59.000001'],
    ['TIMESTAMP', "TIMESTAMP '2020-01-01 00:00:00.5+01'", 'TIMESTAMP', '1.5778332005E9'],
    ['INTERVAL', "INTERVAL '1-2 3 4:5:6.5' YEAR TO SECOND", 'INTERVAL', '1-2 3 4:5:6.500'],
    ['GEOGRAPHY', 'ST_GEOGPOINT(1, 2)', 'GEOGRAPHY', 'POINT(1 2)'],
    ['JSON', 'JSON \'{"b": [1, null]}\'', 'JSON', '{"b":[1,null]}'],
    ['ARRAY', '[1, 2]', 'INTEGER', [{ v: '1' }, { v: '2' }]],
    [
      'STRUCT',
      "STRUCT(1 AS a, [STRUCT('x' AS b)] AS c)",
      'RECORD',
      { f: [{ v: '1' }, { v: [{ v: { f: [{ v: 'x' }] } }] }] },
    ],
    ['NULL', 'NULL', 'INTEGER', null],
  ])('%s', async (_, sql, type, value) => {
    const { body } = await api.query(sql.includes('FROM') ? `SELECT ${sql}` : `SELECT ${sql} AS v`);
    expect(body.error?.message).toBeUndefined();
    expect(body.schema.fields[0]).toMatchObject({ type });
    expect(body.rows[0]?.f[0]?.v).toEqual(value);
  });

  test('a TIMESTAMP is microseconds where the client asks for them', async () => {
    const formatOptions = { useInt64Timestamp: true };
    expect(await api.firstRow("SELECT TIMESTAMP '2020-01-01 00:00:00.000001 UTC'", { formatOptions })).toEqual([
      '1577836800000001',
    ]);
  });

  test('a column without a name is called f0_, f1_, …', async () => {
    const { body } = await api.query('SELECT 1, 2 AS two, COUNT(*) FROM sales.daily', { location: 'EU' });
    expect(body.schema.fields.map(({ name }) => name)).toEqual(['f0_', 'two', 'f1_']);
  });
});

describe('queries', () => {
  test.each([
    ['by dataset', 'sales.daily'],
    ['by project', '`local-project.sales.daily`'],
    ['unquoted with dashes', 'local-project.sales.daily'],
    ['quoted by parts', '`local-project`.`sales`.daily'],
  ])('a table is found %s, and the job runs where it is', async (_, name) => {
    const { body } = await api.query(`SELECT SUM(amount) AS total FROM ${name} WHERE day = '2026-11-27'`);
    expect(body.jobReference?.location).toBe('EU');
    expect(body.rows).toEqual([{ f: [{ v: '5.25' }] }]);
  });

  test('named parameters have types', async () => {
    const queryParameters = [
      { name: 'day', parameterType: { type: 'DATE' }, parameterValue: { value: '2026-11-27' } },
      {
        name: 'notes',
        parameterType: { type: 'ARRAY', arrayType: { type: 'STRING' } },
        parameterValue: { arrayValues: [{ value: "it's" }, { value: '' }] },
      },
    ];
    const sql = 'SELECT COUNT(*) FROM sales.daily WHERE day = @day AND note IN UNNEST(@notes)';
    expect(await api.firstRow(sql, { queryParameters, parameterMode: 'NAMED' })).toEqual(['1']);
    expect(await api.query(sql)).toMatchObject({
      status: 400,
      body: { error: { message: "Query parameter 'day' not found" } },
    });
  });

  test('values at the limits of their types, hexadecimal numbers and IS DISTINCT FROM', async () => {
    const biggest = '578960446186580977117854925043439539266.34992332820282019728792003956564819967';
    const sql = `SELECT 0x10, 1 IS NOT DISTINCT FROM NULL, BIGNUMERIC '${biggest}', DATE '9999-12-31', TIMESTAMP '2026-11-27 23:00:00+14:00'`;
    expect(await api.firstRow(sql)).toEqual(['16', 'false', biggest, '9999-12-31', expect.any(String)]);
  });

  test('NULL is the smallest value, as in GoogleSQL', async () => {
    const { body } = await api.query('SELECT x FROM UNNEST([2, NULL, 1]) AS x ORDER BY x');
    expect(body.rows.map(({ f }) => f[0]?.v)).toEqual([null, '1', '2']);
  });

  test('WITH, JOIN, UNNEST and * EXCEPT', async () => {
    const sql = `WITH d AS (SELECT day, SUM(amount) AS total FROM sales.daily GROUP BY day)
      SELECT d.* EXCEPT (day), x -- a comment
      FROM d JOIN sales.daily AS s ON s.day = d.day, UNNEST([1]) AS x ORDER BY 1 DESC LIMIT 1`;
    expect(await api.firstRow(sql)).toEqual(['5.25', '1']);
  });

  test.each([
    ['SELECT 1 / 2', 'the operator /'],
    ["SELECT CONCAT('a', NULL)", 'the function CONCAT'],
    ["SELECT read_csv('/etc/passwd')", 'the function READ_CSV'],
    ['SELECT CAST(1.5 AS INT64) FROM sales.daily', undefined],
    ['SELECT CAST(x AS INT64) FROM UNNEST([1.5]) AS x', 'CAST to INT64 of DOUBLE'],
    ['SELECT * FROM sales.`d*`', 'wildcard tables'],
    ['SELECT table_name FROM sales.INFORMATION_SCHEMA.TABLES', 'INFORMATION_SCHEMA'],
    ['SELECT a[0] FROM (SELECT [1] AS a)', 'subscripts'],
    ['SELECT 1; SELECT 2', 'scripts of more than one statement'],
    ['DELETE FROM sales.daily WHERE TRUE', 'statements that begin with DELETE'],
    ['SELECT * EXCLUDE (day) FROM sales.daily', 'EXCLUDE'],
    ["SELECT REVERSE('abc')", 'the function REVERSE'],
    ['SELECT x FROM UNNEST([1]) AS x ORDER BY ALL', 'ORDER BY ALL'],
    ['SELECT x FROM sales.daily ASOF JOIN sales.daily', 'ASOF'],
  ])('%s is refused by name', async (sql, what) => {
    const { status, body } = await api.query(sql);
    expect(status).not.toBe(200);
    if (what !== undefined) expect(body.error.message).toBe(`Not implemented by the local BigQuery: ${what}.`);
  });

  test.each([
    ['SELEC 1', 400, 'invalidQuery', /^Syntax error/],
    ['SELECT nothing FROM sales.daily', 400, 'invalidQuery', /^Unrecognized name: nothing/],
    ['SELECT 1 AS a, 2 AS A', 400, 'invalidQuery', /^Duplicate column names/],
    ['SELECT 1 UNION SELECT 2', 400, 'invalidQuery', /ALL or keyword DISTINCT/],
    ['SELECT * FROM daily', 400, 'invalid', /must be qualified with a dataset/],
    ["SELECT DATE '0000-01-01'", 400, 'invalidQuery', /^Invalid DATE/],
    ["SELECT DATETIME '2026-11-27 24:00:00'", 400, 'invalidQuery', /^Invalid DATETIME/],
    ["SELECT TIME '25:00:00'", 400, 'invalidQuery', /^Invalid TIME/],
    ["SELECT TIMESTAMP '2026-11-27 23:00:00+14:01'", 400, 'invalidQuery', /^Invalid TIMESTAMP/],
    ["SELECT CAST('1e400' AS FLOAT64)", 400, 'invalidQuery', /^Invalid FLOAT64/],
    [`SELECT BIGNUMERIC '${'9'.repeat(39)}'`, 400, 'invalidQuery', /^Invalid BIGNUMERIC/],
    ['SELECT SUM(x) FROM UNNEST([9223372036854775807, 1]) AS x', 400, 'invalidQuery', /^int64 overflow/],
    ['SELECT [1, NULL] AS a', 400, 'invalidQuery', /^Array cannot have a null element; error in writing field a/],
    ["SELECT REPEAT('a', -1)", 400, 'invalidQuery', /non-negative/],
    [
      'SELECT * FROM sales.nothing',
      404,
      'notFound',
      /^Not found: Table local-project:sales.nothing was not found in location EU$/,
    ],
    [
      'SELECT * FROM nowhere.t',
      404,
      'notFound',
      /^Not found: Dataset local-project:nowhere was not found in location US$/,
    ],
  ])('%s is an error as in BigQuery', async (sql, status, reason, message) => {
    const answer = await api.query(sql);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toMatchObject({ code: status, errors: [{ reason, domain: 'global' }] });
    expect(answer.body.error.message).toMatch(message);
  });
});

describe('rights', () => {
  const runtime = () => api.google.world.emails.runtime;
  const sql = 'SELECT COUNT(*) FROM sales.daily';

  test('a query needs bigquery.jobs.create on the project, and a role on the dataset of each table', async () => {
    const member = `serviceAccount:${runtime()}`;
    expect((await api.query(sql, {}, runtime())).body.error.message).toMatch(
      /bigquery\.jobs\.create permission in project/,
    );
    api.google.world.grantOnProject(member, 'roles/bigquery.jobUser');
    const refused = await api.query(sql, {}, runtime());
    expect(refused.body.error).toMatchObject({ code: 403, errors: [{ reason: 'accessDenied' }] });
    expect(refused.body.error.message).toMatch(/does not have permission to query table local-project:sales\.daily/);
    const access = [{ role: 'roles/bigquery.dataViewer', userByEmail: runtime() }];
    expect((await api.call('PATCH', '/datasets/sales', { access })).status).toBe(200);
    expect((await api.query(sql, {}, runtime())).status).toBe(200);
  });

  test('an unknown member of a request is refused', async () => {
    expect(await api.query('SELECT 1', { useLegacySQL: false })).toMatchObject({ status: 400 });
  });

  test('legacy SQL is the default of the API, and is not implemented', async () => {
    expect((await api.call('POST', '/queries', { query: 'SELECT 1' })).status).toBe(501);
  });
});
