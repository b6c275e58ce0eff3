import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { seedSales } from '../../support/rows/query-tables.ts';

/** `courier-server --check --online`: the configuration tried against Google, without starting the service. */

const root = join(import.meta.dirname, '../../..');
let google: LocalGoogle;

beforeAll(async () => {
  google = await startLocalGoogle();
  await seedSales(google);
});
afterAll(() => google.close());

const check = async (
  queries: Readonly<Record<string, string>>,
  { folder = google.places.sharedDriveFolder, staging }: { folder?: string; staging?: object } = {},
) => {
  const caller = google.world.emails.exporter;
  const document = {
    audiences: ['https://courier.example'],
    destinations: { reports: { folder, credentials: 'main', callers: [caller] } },
    credentials: { main: { file: google.world.keyFiles.courier } },
    queries: Object.fromEntries(
      Object.entries(queries).map(([name, sql]) => [
        name,
        {
          sql,
          location: 'EU',
          callers: [caller],
          destinations: ['reports'],
          ...(staging === undefined ? {} : { staging }),
        },
      ]),
    ),
  };
  const child = spawn(process.execPath, ['bin/courier-server.js', '--check', '--online'], {
    cwd: root,
    timeout: 50_000,
    env: {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      COURIER_CONFIG: JSON.stringify(document),
      // A port that cannot be bound: no server is started.
      PORT: '1',
      COURIER_GOOGLE_ORIGIN: google.origin,
      GCE_METADATA_HOST: google.metadataHost,
      METADATA_SERVER_DETECTION: 'assume-present',
      K_SERVICE: 'courier',
      GOOGLE_CLOUD_PROJECT: google.world.project.id,
    },
  });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { status: status as number, stdout, stderr };
};

test('a configuration that works: bytes and columns of each query, exit 0, and nothing was written or run', async () => {
  google.calls.clear();
  const files = google.drive.files().length;
  const { status, stdout, stderr } = await check({ daily: 'SELECT shop, amount FROM sales.daily' });
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/ok +queries +The query "daily" reads \d+ bytes, and has the columns shop, amount\./);
  for (const each of ['token', 'folder', 'writable']) expect(stdout).toMatch(new RegExp(`ok +${each} `));
  expect(stdout.trimEnd().endsWith('ok: nothing failed.')).toBe(true);
  expect(google.drive.files()).toHaveLength(files);
  expect(google.calls.list({ host: 'bigquery.googleapis.com' }).map(({ method }) => method)).toEqual(['POST']);
}, 60_000);

test.each([
  ['a syntax fault', 'SELECT shop FROM sales.daily WHERE (', 'Syntax error'],
  ['a missing column', 'SELECT nothing FROM sales.daily', 'Unrecognized name: nothing'],
  ['a missing table', 'SELECT x FROM sales.nothing', 'does not exist'],
])(
  '%s: exit 78, and what to do',
  async (_, sql, text) => {
    const { status, stdout } = await check({ good: 'SELECT shop FROM sales.daily', wrong: sql });
    expect(status).toBe(78);
    expect(stdout).toMatch(/FAILED +queries +.*"wrong"/);
    expect(stdout).toContain(text);
    expect(stdout).toContain('"good" reads');
  },
  60_000,
);

test('a query that the courier has no right to, and a folder that it cannot see: exit 78', async () => {
  const { ops } = google.world.emails;
  const token = google.world.accessToken(ops, ['https://www.googleapis.com/auth/cloud-platform']);
  const secret = {
    datasetReference: { datasetId: 'secret' },
    location: 'EU',
    access: [{ role: 'OWNER', userByEmail: ops }],
  };
  const api = `${google.origin}/bigquery.googleapis.com/bigquery/v2/projects/local-project/datasets`;
  const post = async (path: string, body: object) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${api}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(response.ok).toBe(true);
  };
  await post('', secret);
  const fields = [{ name: 'x', type: 'INTEGER' }];
  await post('/secret/tables', { tableReference: { tableId: 't' }, schema: { fields } });
  const { status, stdout } = await check({ denied: 'SELECT x FROM secret.t' }, { folder: '0NoSuchFolder' });
  expect(status).toBe(78);
  expect(stdout).toMatch(/FAILED +queries +.*"denied"/);
  expect(stdout).toContain('roles/bigquery.dataViewer');
  expect(stdout).toMatch(/FAILED +folder /);
}, 60_000);

test('a staging bucket that the courier may not use is a warning with the role to grant, and exit 0', async () => {
  const { ops, runtime } = google.world.emails;
  await google.storage.createBucket('foreign', { readers: [ops], writers: [ops] });
  await google.storage.createBucket('own', { readers: [runtime], writers: [runtime] });
  const sql = 'SELECT shop FROM sales.daily';
  const warned = await check({ daily: sql }, { staging: { prefix: 'gs://foreign/x/' } });
  expect(warned.status).toBe(0);
  expect(warned.stdout).toMatch(/warning +queries +.*storage\.objects\.create/);
  expect(warned.stdout).toContain('--role=roles/storage.objectUser');
  const good = await check({ daily: sql }, { staging: { prefix: 'gs://own/x/' } });
  expect([good.status, good.stdout.includes('warning queries')]).toEqual([0, false]);
}, 60_000);
