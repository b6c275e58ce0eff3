import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type BigQueryApi, startBigQuery } from './bigquery-api.ts';

let api: BigQueryApi;

beforeAll(async () => {
  api = await startBigQuery();
});
afterEach(() => {
  api.google.bigquery.settings.minMs = 0;
});
afterAll(() => api.close());

const NUMBERS = 'SELECT x, CAST(x AS STRING) AS name FROM UNNEST(GENERATE_ARRAY(1, 2500)) AS x ORDER BY x';

const insert = (jobId: string, query: object, more: object = {}, email?: string) =>
  api.call(
    'POST',
    '/jobs',
    {
      jobReference: { projectId: 'local-project', jobId, location: 'US' },
      configuration: { query: { useLegacySql: false, ...query }, ...more },
    },
    email,
  );

const results = (jobId: string, query = '') => api.call('GET', `/queries/${jobId}?location=US${query}`);

describe('jobs', () => {
  test('a job can be started once: its id answers 409 from then on', async () => {
    expect((await insert('once', { query: NUMBERS })).body).toMatchObject({
      kind: 'bigquery#job',
      id: 'local-project:US.once',
      jobReference: { projectId: 'local-project', jobId: 'once', location: 'US' },
    });
    const again = await insert('once', { query: 'SELECT 2' });
    expect(again).toMatchObject({ status: 409, body: { error: { errors: [{ reason: 'duplicate' }] } } });
    expect(again.body.error.message).toBe('Already Exists: Job local-project:US.once');
  });

  test('jobs that begin at the same time create what they need without a conflict', async () => {
    const fresh = await startBigQuery();
    try {
      const ids = Array.from({ length: 12 }, (_, index) => `together-${index}`);
      const answers = await Promise.all(ids.map(() => fresh.query('SELECT 1 AS x')));
      expect(answers.map(({ status, body }) => [status, body.error?.message])).toEqual(ids.map(() => [200, undefined]));
      const destinationTable = { projectId: 'local-project', datasetId: 'together', tableId: 'one' };
      await fresh.call('POST', '/datasets', { datasetReference: { datasetId: 'together' }, location: 'US' });
      const configuration = {
        query: { query: 'SELECT 1 AS x', useLegacySql: false, destinationTable, writeDisposition: 'WRITE_TRUNCATE' },
      };
      const states = ids.map(async (jobId) => {
        const jobReference = { projectId: 'local-project', jobId: `${jobId}-table`, location: 'US' };
        await fresh.call('POST', '/jobs', { jobReference, configuration });
        await fresh.call('GET', `/queries/${jobId}-table?location=US`);
        return (await fresh.call('GET', `/jobs/${jobId}-table?location=US`)).body.status;
      });
      expect(await Promise.all(states)).toEqual(ids.map(() => ({ state: 'DONE' })));
    } finally {
      await fresh.close();
    }
  });

  test('a result is read by pages, of the table that the job names', async () => {
    await insert('paged', { query: NUMBERS });
    const first = await results('paged', '&maxResults=1000');
    expect(first.body).toMatchObject({ jobComplete: true, totalRows: '2500' });
    const job = (await api.call('GET', '/jobs/paged?location=US')).body;
    expect(job).toMatchObject({
      status: { state: 'DONE' },
      statistics: { query: { cacheHit: false, totalBytesBilled: '0' } },
    });
    const { datasetId, tableId } = job.configuration.query.destinationTable;
    const seen: unknown[] = [];
    let token = '';
    for (let page = 0; page < 10; page += 1) {
      const more: string = token === '' ? '' : `&pageToken=${token}`;
      const { body } = await api.call('GET', `/datasets/${datasetId}/tables/${tableId}/data?maxResults=900${more}`);
      seen.push(...body.rows.map(({ f }) => f[0]?.v));
      token = body.pageToken ?? '';
      if (token === '') break;
    }
    expect(seen).toEqual(Array.from({ length: 2500 }, (_, index) => String(index + 1)));
    expect((await results('paged', '&pageToken=bm9uZQ')).body.error.errors[0]?.reason).toBe('invalid');
  });

  test('a result that others ran cannot be read', async () => {
    const { runtime } = api.google.world.emails;
    api.google.world.grantOnProject(`serviceAccount:${runtime}`, 'roles/bigquery.jobUser');
    await insert('mine', { query: 'SELECT 1' });
    await results('mine');
    expect((await api.call('GET', '/queries/mine?location=US', undefined, runtime)).status).toBe(403);
  });

  test('a job that runs is not complete, and a cancelled one has stopped', async () => {
    api.google.bigquery.settings.minMs = 60_000;
    await insert('long', { query: 'SELECT 1' });
    expect((await results('long', '&timeoutMs=20')).body).toMatchObject({ jobComplete: false });
    expect((await api.call('GET', '/jobs/long')).body.status.state).toBe('RUNNING');
    expect((await api.call('POST', '/jobs/long/cancel?location=US')).status).toBe(200);
    await results('long');
    expect((await api.call('GET', '/jobs/long')).body.status).toMatchObject({
      state: 'DONE',
      errorResult: { reason: 'stopped' },
    });
  });

  test('what is wrong with a query is the result of its job, and the answer of getQueryResults', async () => {
    expect((await insert('wrong', { query: 'SELECT * FROM nowhere.t' })).status).toBe(200);
    expect(await results('wrong')).toMatchObject({
      status: 404,
      body: { error: { errors: [{ reason: 'notFound' }] } },
    });
    expect((await api.call('GET', '/jobs/wrong')).body.status).toMatchObject({
      state: 'DONE',
      errorResult: { reason: 'notFound' },
    });
  });

  test('a job is found in its location only', async () => {
    await insert('here', { query: 'SELECT 1' });
    expect((await api.call('GET', '/jobs/here?location=EU')).status).toBe(404);
    expect((await api.call('GET', '/jobs/none?location=US')).body.error.errors[0]?.reason).toBe('notFound');
  });

  test('a dry run answers schema and bytes, and creates no job', async () => {
    const { body } = await insert('dry', { query: NUMBERS }, { dryRun: true });
    expect(body.statistics.query.schema.fields).toMatchObject([
      { name: 'x', type: 'INTEGER' },
      { name: 'name', type: 'STRING' },
    ]);
    expect(body.statistics.totalBytesProcessed).toBe('0');
    expect((await api.call('GET', '/jobs/dry')).status).toBe(404);
    expect((await insert('dry', { query: 'SELECT * FROM nowhere.t' }, { dryRun: true })).status).toBe(404);
  });

  test('a query that would cost more than its limit fails', async () => {
    await api.call('POST', '/datasets', { datasetReference: { datasetId: 'big' }, location: 'US' });
    const destinationTable = { projectId: 'local-project', datasetId: 'big', tableId: 'numbers' };
    await insert('made', { query: NUMBERS, destinationTable });
    await results('made');
    const query = 'SELECT COUNT(*) AS n FROM big.numbers';
    await insert('expensive', { query, maximumBytesBilled: '1000' });
    expect((await results('expensive')).body.error.errors[0]?.reason).toBe('bytesBilledLimitExceeded');
    await insert('cheap', { query, maximumBytesBilled: '10485760' });
    expect((await results('cheap')).body.rows).toEqual([{ f: [{ v: '2500' }] }]);
    const { statistics } = (await api.call('GET', '/jobs/cheap')).body;
    expect(statistics.query).toMatchObject({
      totalBytesBilled: '10485760',
      referencedTables: [{ tableId: 'numbers' }],
    });
  });

  test('extract writes numbered files, each with a header', async () => {
    const { google } = api;
    await google.storage.createBucket('staging', {
      readers: [google.world.emails.ops],
      writers: [google.world.emails.ops],
    });
    google.bigquery.settings.extractBytes = 10_000;
    const extract = {
      sourceTable: { projectId: 'local-project', datasetId: 'big', tableId: 'numbers' },
      destinationUris: ['gs://staging/out/numbers-*.csv'],
    };
    const jobReference = { projectId: 'local-project', jobId: 'out', location: 'US' };
    await api.call('POST', '/jobs', { jobReference, configuration: { extract } });
    let job = (await api.call('GET', '/jobs/out')).body;
    for (let turn = 0; turn < 100 && job.status.state !== 'DONE'; turn += 1)
      job = (await api.call('GET', '/jobs/out')).body;
    expect(job.status.errorResult).toBeUndefined();
    expect(job.statistics.extract.destinationUriFileCounts).toEqual(['3']);
    const token = google.world.accessToken(google.world.emails.ops, ['https://www.googleapis.com/auth/cloud-platform']);
    const object = encodeURIComponent('out/numbers-000000000001.csv');
    const response = await fetch(`${google.origin}/storage.googleapis.com/storage/v1/b/staging/o/${object}?alt=media`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(response.body === null ? '' : await text(response.body)).toMatch(/^x,name\n\d+,\d+\n/);
  });
});
