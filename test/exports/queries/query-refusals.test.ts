import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { queries as queriesSchema } from '../../../src/config/schema/queries.ts';
import { openLocalQuery, QUERY_CALLER, textOfSource } from '../../support/rows/open-query.ts';
import { seedSales } from '../../support/rows/query-tables.ts';

/** What BigQuery refuses, and what the courier makes of it. */

const rest = { location: 'EU', callers: [QUERY_CALLER.email], destinations: ['reports'] };
const queries = queriesSchema.parse({
  daily: { ...rest, sql: 'SELECT shop FROM sales.daily' },
  expensive: { ...rest, sql: 'SELECT * FROM sales.daily', maximumBytesBilled: 10 },
});
const INSERT = { method: 'POST', path: '/bigquery/*/jobs' };
const GET = { method: 'GET', path: '/bigquery/*/jobs/*' };
const RESULTS = { method: 'GET', path: '/bigquery/*/queries/*' };

let google: LocalGoogle;

beforeAll(async () => {
  google = await startLocalGoogle();
  await seedSales(google);
});
afterEach(() => {
  google.bigquery.settings.minMs = 0;
  google.faults.clear();
});
afterAll(() => google.close());

const run = (query: string, key: string) => textOfSource(openLocalQuery(google, queries, { query }, { key }).source);

test('a query past its limit of cost', async () => {
  await expect(run('expensive', 'expensive')).rejects.toMatchObject({
    code: 'query-failed',
    reason: 'bytesBilledLimitExceeded',
  });
});

test.each([
  ['no right to run jobs', INSERT, 403, 'accessDenied', 'query-forbidden'],
  ['no right to see the job', GET, 403, 'accessDenied', 'query-forbidden'],
  ['no right to read its result', RESULTS, 403, 'accessDenied', 'query-forbidden'],
  ['a token that is not accepted', INSERT, 401, 'authError', 'query-forbidden'],
  ['an API that is disabled', INSERT, 403, 'accessNotConfigured', 'query-forbidden'],
  ['a rate limit', INSERT, 403, 'rateLimitExceeded', 'google-unavailable'],
  ['a quota that is used up', INSERT, 403, 'quotaExceeded', 'google-unavailable'],
  ['too large a result', RESULTS, 403, 'responseTooLarge', 'query-failed'],
])('%s, also while the job is running', async (what, where, status, reason, code) => {
  google.bigquery.settings.minMs = 300;
  google.faults.add({ host: 'bigquery.googleapis.com', ...where, fault: { kind: 'status', status, reason } });
  await expect(run('daily', what)).rejects.toMatchObject({ code, reason });
  google.faults.clear();
  // What was refused does not stay so.
  expect(await run('daily', what)).toContain('Zürich');
});
