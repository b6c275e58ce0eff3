import { createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BigQuery } from '@google-cloud/bigquery';
import { JWT } from 'google-auth-library';

// What people write by hand: Google's client runs a query and streams its rows into a CSV file. It prints one line when it is done.

const { LOCAL_GOOGLE_ORIGIN, KEY, SQL, FILE } = process.env;
const { client_email: email, private_key: key, private_key_id: keyId } = JSON.parse(KEY);
const authClient = new JWT({ email, key, keyId, scopes: ['https://www.googleapis.com/auth/bigquery'] });
authClient.useJWTAccessWithScope = true;
const bigquery = new BigQuery({
  projectId: 'local-project',
  apiEndpoint: `${LOCAL_GOOGLE_ORIGIN}/bigquery.googleapis.com`,
  authClient,
});

const cell = (value) => (typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : String(value ?? ''));
const rows = new Transform({
  writableObjectMode: true,
  transform: (row, _, done) => done(null, `${Object.values(row).map(cell).join(',')}\r\n`),
});
const [job] = await bigquery.createQueryJob({ query: SQL });
await pipeline(job.getQueryResultsStream(), rows, createWriteStream(FILE));
console.log(JSON.stringify({ done: true }));
// It waits until it has been measured.
setInterval(() => undefined, 60_000);
