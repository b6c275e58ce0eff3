import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AUDIENCE } from '../../support/courier-in-world.ts';
import { blocksIn } from '../../support/pages.ts';
import { findPythonAuths } from '../../support/programs.ts';
import { type ExampleWorld, openExampleWorld } from './courier.ts';

/** The calls that README shows, run as they stand there. */

const execute = promisify(execFile);
const CSV = 'day,orders\r\n2026-11-24,7\r\n';

let world: ExampleWorld;
beforeAll(async () => {
  world = await openExampleWorld();
}, 60_000);
afterAll(() => world?.close());

const blockWith = (language: string, words: string): string => {
  const found = blocksIn(language).filter(({ page, text }) => page === 'README.md' && text.includes(words));
  const [block] = found;
  if (block === undefined || found.length > 1) throw new Error(`${found.length} blocks of README have ${words}`);
  return block.text;
};

/**
 * A folder with what README's reader has there: the file, the key, and a gcloud that a person is logged in to, which makes no
 * token for an audience but in the name of a service account.
 */
const readersFolder = (): string => {
  const folder = mkdtempSync(join(world.google.dataDir, 'reader-'));
  writeFileSync(join(folder, 'sales.csv'), CSV);
  copyFileSync(world.google.world.keyFiles.exporter ?? '', join(folder, 'key.json'));
  const token = world.google.world.idToken({ email: world.google.world.emails.exporter, audience: AUDIENCE });
  writeFileSync(
    join(folder, 'gcloud'),
    `#!/bin/sh
case "$*" in
  *--impersonate-service-account=*@*) echo ${token} ;;
  *) echo 'ERROR: (gcloud.auth.print-identity-token) Invalid account type for \`--audiences\`. Requires valid service account.' >&2; exit 1 ;;
esac
`,
  );
  chmodSync(join(folder, 'gcloud'), 0o755);
  return folder;
};

const CURL = 'curl';
const hasCurl = spawnSync(CURL, ['--version']).status === 0;
if (!hasCurl) console.warn('SKIPPED: no curl here, so the call that README shows is not run.');
(hasCurl ? test : test.skip)(
  'the call with curl puts the file into Drive, and the second one is replayed',
  async () => {
    const folder = readersFolder();
    const env = {
      PATH: `${folder}:${process.env.PATH}`,
      COURIER_URL: world.courier.url,
      CALLER: world.google.world.emails.exporter,
    };
    const call = async () =>
      JSON.parse((await execute('bash', ['-ec', blockWith('sh', 'curl ')], { cwd: folder, env })).stdout) as object;
    expect(await call()).toMatchObject({ outcome: 'created', name: 'sales.csv', path: 'reports/2026/11' });
    expect(await call()).toMatchObject({ outcome: 'replayed', idempotencyKey: 'sales-2026-11-24' });
    expect(await world.contentOf('sales.csv')).toBe(CSV);
  },
);

const pythons = findPythonAuths();
if (pythons.length === 0) console.warn('SKIPPED: no python3 with google-auth here, so README’s Python is not run.');
(pythons.length > 0 ? test : test.skip)('the Python asks for a token with the key, and prints the link', async () => {
  const [python] = pythons;
  const shown = blockWith('python', 'AuthorizedSession');
  // Here, what tokens are made for is not where the courier is.
  const script = shown.replace('target_audience=COURIER_URL', `target_audience="${AUDIENCE}"`);
  expect(script).not.toBe(shown);
  const env = { PATH: process.env.PATH ?? '', NO_GCE_CHECK: 'true', ...python?.env };
  const program = `COURIER_URL = ${JSON.stringify(world.courier.url)}\n${script}`;
  const { stdout } = await execute(python?.command ?? '', ['-c', program], { cwd: readersFolder(), env });
  expect(stdout).toMatch(/^https:\/\/drive\.google\.com\/\S+\n$/);
});
