import { BigQuery } from '@google-cloud/bigquery';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { JWT } from 'google-auth-library';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';

// Google's own client for Node, which neither the courier nor the local Google shares code with, against the local BigQuery.

let google: LocalGoogle;
let bigquery: BigQuery;

beforeAll(async () => {
  google = await startLocalGoogle();
  const { courier } = google.world.emails;
  const { client_email: email, private_key: key, private_key_id: keyId } = google.world.keyFile(courier);
  google.world.grantOnProject(`serviceAccount:${courier}`, 'roles/bigquery.jobUser');
  google.world.grantOnProject(`serviceAccount:${courier}`, 'roles/bigquery.dataEditor');
  // A token that the key signs itself needs no token endpoint.
  const authClient = new JWT({ email, key, keyId, scopes: ['https://www.googleapis.com/auth/bigquery'] });
  authClient.useJWTAccessWithScope = true;
  bigquery = new BigQuery({
    projectId: 'local-project',
    apiEndpoint: `${google.origin}/bigquery.googleapis.com`,
    authClient,
  });
});
afterAll(async () => {
  const { schemaViolations } = google.bigquery;
  await google.close();
  expect(schemaViolations).toEqual([]);
});

test('it creates a dataset and a table, inserts rows, and queries them with parameters', async () => {
  const [dataset] = await bigquery.createDataset('sales', { location: 'EU' });
  const [table] = await dataset.createTable('daily', {
    schema: [
      { name: 'day', type: 'DATE', mode: 'REQUIRED' },
      { name: 'amount', type: 'NUMERIC' },
      { name: 'tags', type: 'STRING', mode: 'REPEATED' },
      { name: 'at', type: 'TIMESTAMP' },
    ],
  });
  await table.insert([
    {
      day: '2026-11-27',
      amount: '12345678901234567890.123456789',
      tags: ['a', 'b'],
      at: '2026-11-27T06:00:00.000001Z',
    },
    { day: '2026-11-28', amount: '1', tags: [], at: null },
  ]);
  const [rows] = await bigquery.query({
    query: 'SELECT * FROM sales.daily WHERE day = @day',
    params: { day: BigQuery.date('2026-11-27') },
    location: 'EU',
  });
  expect(JSON.parse(JSON.stringify(rows))).toEqual([
    {
      day: { value: '2026-11-27' },
      amount: '12345678901234567890.123456789',
      tags: ['a', 'b'],
      at: { value: '2026-11-27T06:00:00.000001000Z' },
    },
  ]);
  const [listed] = await table.getRows({ maxResults: 1, autoPaginate: false });
  expect(listed).toHaveLength(1);
});

test('it starts a job with an id of its own, finds it again, and reads all pages', async () => {
  const query = 'SELECT x FROM UNNEST(GENERATE_ARRAY(1, 120000)) AS x ORDER BY x';
  const [job] = await bigquery.createQueryJob({ query, jobId: 'own-id', location: 'US' });
  const [rows] = await job.getQueryResults();
  expect(rows).toHaveLength(120_000);
  expect(rows.at(-1)).toEqual({ x: 120_000 });
  await expect(bigquery.createQueryJob({ query, jobId: 'own-id', location: 'US' })).rejects.toMatchObject({
    code: 409,
  });
  const [dry] = await bigquery.createQueryJob({ query, dryRun: true });
  expect(dry.metadata.statistics.totalBytesProcessed).toBe('0');
});

test('it reports what is wrong with a query', async () => {
  await expect(bigquery.query('SELECT * FROM sales.nothing')).rejects.toThrow(
    /Not found: Table local-project:sales\.nothing/,
  );
});
