import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BigQuery } from '@google-cloud/bigquery';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { OAuth2Client } from 'google-auth-library';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { CLOUD_PLATFORM } from '../../local/google/world/names.ts';
import { createEncoder, type Field, type Row } from '../../src/exports/bigquery/encode.ts';
import { findBq } from '../support/processes/programs.ts';
import { askBigQuery } from '../support/rows/query-tables.ts';

// The same result as the courier writes it, as gcloud's bq writes it, and as Google's client for Node reads it.

/** Each column with its SQL, what the courier writes, and what bq writes where that differs. */
const COLUMNS: readonly [name: string, sql: string, courier: string, bq?: string][] = [
  ['i', '9223372036854775807', '9223372036854775807'],
  ['n', "NUMERIC '12345678901234567890123456789.123456789'", '12345678901234567890123456789.123456789'],
  ['b', `BIGNUMERIC '${'9'.repeat(38)}.1'`, `${'9'.repeat(38)}.1`],
  ['f', '0.1', '0.1'],
  // bq prints what the API sends.
  ['g', '1e300', '1e+300', '1.0E300'],
  ['nan', "CAST('nan' AS FLOAT64)", 'NaN'],
  ['inf', "CAST('-inf' AS FLOAT64)", '-Infinity'],
  ['more', "CAST('inf' AS FLOAT64)", 'Infinity'],
  // The courier drops the sign of zero, which spreadsheets do not have.
  ['zero', '-0.0', '0', '-0.0'],
  ['t', 'TRUE', 'true'],
  ['bytes', "b'\\xff\\x00'", '"/wA="', '/wA='],
  ['d', "DATE '2026-11-27'", '2026-11-27'],
  ['ti', "TIME '06:00:00.5'", '06:00:00.500000'],
  ['dt', "DATETIME '2026-11-27 06:00:00'", '2026-11-27T06:00:00'],
  // bq drops the fraction and the zone.
  ['ts', "TIMESTAMP '2026-11-27 06:00:00.000001+00'", '2026-11-27T06:00:00.000001Z', '2026-11-27 06:00:00'],
  ['iv', "INTERVAL '1-2 3 4:5:6' YEAR TO SECOND", '"1-2 3 4:5:6"', '1-2 3 4:5:6'],
  ['geo', 'ST_GEOGPOINT(1, 2)', '"POINT(1 2)"', 'POINT(1 2)'],
  ['j', 'JSON \'{"a":[1,null]}\'', '"{""a"":[1,null]}"'],
  ['quoted', '\'a "b", x\'', '"a ""b"", x"'],
  // bq does not distinguish NULL from an empty text, and leaves formulas alone.
  ['empty', "''", '""', ''],
  ['nothing', 'CAST(NULL AS STRING)', ''],
  ['formula', "'=1+1'", '"\'=1+1"', '=1+1'],
];
const SQL = `SELECT ${COLUMNS.map(([name, sql]) => `${sql} AS ${name}`).join(', ')}`;

let google: LocalGoogle;
let relay: Server;
let api: string;

beforeAll(async () => {
  google = await startLocalGoogle();
  // bq keeps only scheme and host of the API's address.
  relay = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, host: new URL(google.origin).host };
    const to = `${google.origin}/bigquery.googleapis.com${incoming.url}`;
    const forwarded = request(to, { method: incoming.method ?? 'GET', headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  api = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
});
afterAll(async () => {
  relay.close();
  relay.closeAllConnections();
  const { schemaViolations } = google.bigquery;
  await google.close();
  expect(schemaViolations).toEqual([]);
});

test('the courier’s CSV', async () => {
  const body = { query: SQL, useLegacySql: false, formatOptions: { useInt64Timestamp: true } };
  const answer = (await askBigQuery(google, 'POST', '/queries', body)) as { schema: { fields: Field[] }; rows: Row[] };
  const { fields } = answer.schema;
  const encoder = createEncoder('csv', { rawCells: false });
  expect(encoder.head(fields)).toBe(`\uFEFF${COLUMNS.map(([name]) => name).join(',')}\r\n`);
  expect(answer.rows.map((row) => encoder.line(fields, row))).toEqual([
    `${COLUMNS.map(([, , courier]) => courier).join(',')}\r\n`,
  ]);
});

test('bq’s CSV agrees, except for the documented differences', async () => {
  if (findBq() === undefined) {
    console.warn('SKIPPED: bq is not installed.');
    return;
  }
  const home = mkdtempSync(join(tmpdir(), 'bq-'));
  const token = join(home, 'token');
  writeFileSync(token, google.world.accessToken(google.world.emails.ops, [CLOUD_PLATFORM]));
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    CLOUDSDK_CONFIG: home,
    CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: token,
    CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
  };
  const options = [`--api=${api}`, '--project_id=local-project', '--quiet', '--format=csv'];
  const { stdout } = await promisify(execFile)('bq', [...options, 'query', '--use_legacy_sql=false', SQL], {
    env,
    timeout: 60_000,
  }).finally(() => rmSync(home, { recursive: true, force: true }));
  const [head, row] = stdout.trimEnd().split('\n').slice(-2);
  expect(head).toBe(COLUMNS.map(([name]) => name).join(','));
  expect(row).toBe(COLUMNS.map(([, , courier, bq = courier]) => bq).join(','));
}, 90_000);

test('Google’s client for Node reads the same values', async () => {
  const authClient = new OAuth2Client();
  authClient.setCredentials({ access_token: google.world.accessToken(google.world.emails.ops, [CLOUD_PLATFORM]) });
  const bigquery = new BigQuery({ projectId: 'local-project', apiEndpoint: api, authClient });
  const [[row]] = await bigquery.query({ query: SQL, wrapIntegers: true });
  // JSON has no form for these three.
  expect([row.nan, row.inf, row.more]).toEqual([Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  expect(JSON.parse(JSON.stringify(row))).toMatchObject({
    i: { value: '9223372036854775807' },
    // The digits are the same; the client's decimals write them with an exponent.
    n: '1.2345678901234567890123456789123456789e+28',
    b: `9.${'9'.repeat(37)}1e+37`,
    f: 0.1,
    g: 1e300,
    t: true,
    bytes: { type: 'Buffer', data: [255, 0] },
    d: { value: '2026-11-27' },
    ti: { value: '06:00:00.500000' },
    dt: { value: '2026-11-27T06:00:00' },
    ts: { value: '2026-11-27T06:00:00.000001000Z' },
    geo: { value: 'POINT(1 2)' },
    iv: '1-2 3 4:5:6',
    j: '{"a":[1,null]}',
    quoted: 'a "b", x',
    empty: '',
    nothing: null,
    formula: '=1+1',
  });
});

/** Types that CSV of bq and of exports does not have. The courier writes them as JSON. */
const NESTED = `SELECT [1, 2] AS a, STRUCT(9007199254740993 AS x, [STRUCT('é' AS y)] AS z) AS s`;

test('ARRAY and STRUCT: the courier’s JSON has the values that Google’s client reads', async () => {
  const body = { query: NESTED, useLegacySql: false, formatOptions: { useInt64Timestamp: true } };
  const answer = (await askBigQuery(google, 'POST', '/queries', body)) as { schema: { fields: Field[] }; rows: Row[] };
  const [first] = answer.rows;
  if (first === undefined) throw new Error('no row');
  const line = createEncoder('csv', { rawCells: false }).line(answer.schema.fields, first);
  expect(line).toBe('"[1,2]","{""x"":9007199254740993,""z"":[{""y"":""é""}]}"\r\n');
  const authClient = new OAuth2Client();
  authClient.setCredentials({ access_token: google.world.accessToken(google.world.emails.ops, [CLOUD_PLATFORM]) });
  const bigquery = new BigQuery({ projectId: 'local-project', apiEndpoint: api, authClient });
  const [[row]] = await bigquery.query({ query: NESTED, wrapIntegers: true });
  expect(JSON.parse(JSON.stringify(row))).toMatchObject({
    a: [{ value: '1' }, { value: '2' }],
    s: { x: { value: '9007199254740993' }, z: [{ y: 'é' }] },
  });
});
