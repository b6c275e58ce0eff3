import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type CourierProcess, startCourierProcess } from '../../../local/courier-process.ts';
import { freePort } from '../../../local/free-port.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { blockOf, constantPartOf, pageAt, type Shown, shownIn, withOutputs } from '../../support/first-runs.ts';
import { findPythonAuths } from '../../support/processes/programs.ts';

/**
 * Runs every command of docs/first-runs.md and compares what it prints with the page. To write the outputs of this run into
 * the page: FIRST_RUNS=write npm test -- test/e2e/examples/first-runs.test.ts
 */

const TIMEOUT_MS = 180_000;
const ROOT = join(import.meta.dirname, '../../..');
const PAGE = join(ROOT, 'docs/first-runs.md');
const page = pageAt(PAGE);
const shown = shownIn(page);
const [python] = findPythonAuths();
if (python === undefined)
  console.warn('SKIPPED: no python3 with google-auth here, so the program of docs/first-runs.md is not run.');

const folder = mkdtempSync(join(tmpdir(), 'first-runs-'));
let google: LocalGoogle;
let courier: CourierProcess;
beforeAll(async () => {
  google = await startLocalGoogle();
  const { exporter, driveWriter } = google.world.emails;
  const port = await freePort();
  const config = {
    audiences: [`http://127.0.0.1:${port}`],
    operators: [exporter],
    destinations: {
      reports: { folder: google.places.sharedDrive, credentials: 'main', callers: [exporter, driveWriter] },
    },
    credentials: { main: { secret: `${google.world.secret}/versions/latest` } },
  };
  courier = await startCourierProcess({
    port,
    env: {
      ...{ COURIER_CONFIG: JSON.stringify(config), COURIER_GOOGLE_ORIGIN: google.origin },
      ...{ GCE_METADATA_HOST: google.metadataHost, METADATA_SERVER_DETECTION: 'assume-present' },
    },
  });
  writeFileSync(join(folder, 'courier.yaml'), blockOf(page, 'yaml'));
  writeFileSync(join(folder, 'send_orders.py'), blockOf(page, 'python'));
  writeFileSync(join(folder, 'sales.csv'), 'day,sales\r\n2026-11-24,12\r\n');
}, TIMEOUT_MS);
afterAll(async () => {
  await courier?.stop();
  await google?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What a reader has set: the URL of the courier, and the file of the identity. */
const environmentOf = ({ heading }: Shown): Record<string, string> => {
  const { keyFiles } = google.world;
  const isAws = heading === 'From AWS';
  return {
    ...{ PATH: process.env.PATH ?? '', HOME: folder, CLOUDSDK_CONFIG: folder, NO_GCE_CHECK: 'true' },
    ...{ COURIER_URL: courier.url, COURIER_GOOGLE_ORIGIN: google.origin },
    GOOGLE_APPLICATION_CREDENTIALS: (isAws ? keyFiles['external-account-aws'] : keyFiles.exporter) ?? '',
    ...(isAws ? AWS_ENVIRONMENT : {}),
    ...{ XDG_CACHE_HOME: folder, XDG_CONFIG_HOME: folder, PYTHONDONTWRITEBYTECODE: '1' },
    ...python?.env,
    PYTHONPATH: [join(ROOT, 'clients/python/src'), python?.env.PYTHONPATH].filter(Boolean).join(':'),
  };
};

const NODE = `'${process.execPath}'`;

/** The same command on this machine: from source instead of from dist, and without an installation. */
const asRunHere = (command: string): string =>
  command
    // No program may be found, or the demo would use an emulator of Google's where one is installed.
    .replace(/^npm run demo -- /, `cd '${ROOT}' && PATH='${folder}' ${NODE} local/demo.ts `)
    .replace(/^deploy\/deploy\.sh/, `'${ROOT}/deploy/deploy.sh'`)
    .replace('node dist/server.js', `${NODE} '${ROOT}/src/server.ts'`)
    .replace(/^courier /, `${NODE} '${ROOT}/bin/courier.js' `)
    .replace(/^python3 /, `'${python?.command ?? 'python3'}' -W ignore `);

const run = (transcript: Shown): Promise<string> =>
  new Promise((resolve) => {
    const shell = ['-c', `{ ${asRunHere(transcript.command)}; } 2>&1`];
    execFile('bash', shell, { cwd: folder, env: environmentOf(transcript) }, (_, stdout) => resolve(stdout));
  });

const canRun = ({ command }: Shown): boolean => !command.startsWith('python3') || python !== undefined;

test('the page follows three newcomers, each with commands', () => {
  const headings = new Set(shown.map(({ heading }) => heading));
  expect([...headings]).toEqual(['You try it', 'You deploy it', 'With the command line', 'From Python', 'From AWS']);
});

const outputs: string[] = [];
test.each(shown.map((transcript, at) => [at + 1, transcript.heading, transcript.command, transcript] as const))(
  '%i. %s: %s',
  async (_, __, ___, transcript) => {
    const output = canRun(transcript) ? await run(transcript) : transcript.output;
    outputs.push(output);
    if (process.env.FIRST_RUNS !== 'write') expect(constantPartOf(output)).toBe(constantPartOf(transcript.output));
  },
  TIMEOUT_MS,
);

afterAll(() => {
  if (process.env.FIRST_RUNS === 'write') writeFileSync(PAGE, withOutputs(page, outputs));
});
