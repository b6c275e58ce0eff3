import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

/**
 * Runs `--check` in a separate process, in each way it can be started, with nothing but its configuration in the
 * environment.
 */

const root = join(import.meta.dirname, '../../..');
const WAYS = [
  ['the service', ['src/server.ts', '--check']],
  ['courier-server', ['bin/courier-server.js', '--check']],
] as const;

const GOOD = {
  audiences: ['https://courier.example'],
  operators: ['domain:example.com'],
  destinations: {
    reports: {
      folder: 'https://drive.google.com/drive/folders/0AbCdEf?usp=sharing',
      credentials: 'main',
      callers: ['exporter@my-proj.iam.gserviceaccount.com', 'domain:my-proj.iam.gserviceaccount.com', 'sub:42'],
      sources: ['gs://exports/ready/'],
    },
    archive: { folder: '0GhIjKl', credentials: 'other', callers: ['a@example.com'] },
  },
  credentials: {
    main: { secret: 'projects/p/secrets/drive-key' },
    other: { impersonate: 'writer@my-proj.iam.gserviceaccount.com', subject: 'bob@example.com' },
  },
  ledger: { firestore: { project: 'my-proj' } },
  queries: {
    'daily-sales': {
      ...{ sql: 'SELECT 1 AS a WHERE @day > DATE "2026-01-01"', parameters: { day: 'DATE' }, location: 'EU' },
      ...{ callers: ['a@example.com'], destinations: ['reports'] },
    },
  },
};

const check = (argumentsOf: readonly string[], document: unknown) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, argumentsOf, {
    cwd: root,
    encoding: 'utf8',
    timeout: 50_000,
    // A port that cannot be bound and no connection to Google: `--check` must use neither.
    env: {
      PATH: process.env.PATH,
      COURIER_CONFIG: JSON.stringify(document),
      PORT: '1',
      COURIER_GOOGLE_ORIGIN: 'http://127.0.0.1:9',
    },
  });
  return { status, stdout, stderr };
};

test.each(WAYS)(
  '%s --check --permissions prints what the account needs, a line for each, without any call',
  (_, way) => {
    const { status, stdout, stderr } = check([...way, '--permissions'], {
      ...GOOD,
      receiptTopic: 'projects/my-proj/topics/receipts',
      queries: {
        ...GOOD.queries,
        own: { ...GOOD.queries['daily-sales'], sql: 'SELECT 1 FROM d.t', parameters: {}, project: 'payer-proj' },
      },
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      'jobs PROJECT',
      'jobs payer-proj',
      'dataset payer-proj.d',
      'bucket exports',
      'topic projects/my-proj/topics/receipts',
      '',
    ]);
  },
);

describe.each(WAYS)('%s --check', (_, argumentsOf) => {
  test('describes a valid configuration and exits 0 without any call', () => {
    const { status, stdout, stderr } = check(argumentsOf, GOOD);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ok: /);
    for (const text of [
      'https://drive.google.com/drive/folders/0AbCdEf',
      'the key in the secret projects/p/secrets/drive-key/versions/latest',
      'impersonating writer@my-proj.iam.gserviceaccount.com, without a key, on behalf of bob@example.com',
      'domain:example.com  people whose account is managed by the organization example.com',
      'domain:my-proj.iam.gserviceaccount.com  all service accounts of this project',
      'gs://exports/ready/',
      'none: exports of gs:// objects fail with source-not-found',
      'Firestore, database (default) of my-proj, collection deliveries, kept for 14 days',
      'day DATE',
      "EU, in the courier's own project",
      'destinations: none is named "default"',
    ]) {
      expect(stdout).toContain(text);
    }
  });

  test('reports every error and exits 78', () => {
    const destinations = { reports: { ...GOOD.destinations.reports, callers: ['allUsers'], credentials: 'none' } };
    const { status, stdout, stderr } = check(argumentsOf, {
      ...GOOD,
      audiences: ['http://courier.example'],
      destinations,
    });
    expect([status, stdout]).toEqual([78, '']);
    expect(stderr.trim().split('\n')).toEqual([
      'The configuration has 3 faults:',
      expect.stringContaining('destinations.reports.callers.0: '),
      expect.stringContaining('audiences.0: "http://courier.example"'),
      expect.stringContaining('destinations.reports.credentials: no credentials are named "none"'),
    ]);
  });
});

test('a port that is already in use is reported in one sentence', async () => {
  const other = createServer().listen(0);
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { status, stdout } = spawnSync(process.execPath, ['src/server.ts'], {
    cwd: root,
    encoding: 'utf8',
    timeout: 50_000,
    env: { PATH: process.env.PATH, COURIER_CONFIG: JSON.stringify(GOOD), PORT: String(port) },
  });
  other.close();
  expect(status).toBe(1);
  expect(stdout).toContain(`port ${port} is already in use; stop the other process or set PORT`);
});
