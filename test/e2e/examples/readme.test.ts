import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AUDIENCE } from '../../support/courier/courier-in-world.ts';
import { blocksIn } from '../../support/pages.ts';
import { findPythonAuths } from '../../support/processes/programs.ts';
import { type ExampleWorld, openExampleWorld } from './courier.ts';

/** Runs the curl call of README.md and the Python code of docs/callers.md as they are written there. */

const execute = promisify(execFile);
const CSV = 'day,orders\r\n2026-11-24,7\r\n';

let world: ExampleWorld;
beforeAll(async () => {
  world = await openExampleWorld();
}, 60_000);
afterAll(() => world?.close());

/** The only block of its page that contains these words. Python is in docs/callers.md, the rest in README.md. */
const blockWith = (language: string, words: string): string => {
  const path = language === 'python' ? 'docs/callers.md' : 'README.md';
  const found = blocksIn(language).filter(({ page, text }) => page === path && text.includes(words));
  const [block] = found;
  if (block === undefined || found.length > 1) throw new Error(`${found.length} blocks of ${path} have ${words}`);
  return block.text;
};

/**
 * A folder with what README's reader has: the file, and the client of the clone. The reader is a person who may get ID tokens
 * of a service account and nothing else, as deploy.sh --sender grants it: gcloud would first create an access token.
 */
const readersFolder = (): string => {
  const folder = mkdtempSync(join(world.google.dataDir, 'reader-'));
  writeFileSync(join(folder, 'sales.csv'), CSV);
  const token = world.google.world.idToken({ email: world.google.world.emails.exporter, audience: AUDIENCE });
  writeFileSync(
    join(folder, 'npx'),
    `#!/bin/sh
case "$*" in
  "courier token --url ${world.courier.url} --impersonate ${world.google.world.emails.exporter}") echo ${token} ;;
  *) echo "unexpected: npx $*" >&2; exit 1 ;;
esac
`,
  );
  writeFileSync(
    join(folder, 'gcloud'),
    '#!/bin/sh\necho "ERROR: (gcloud.auth.print-identity-token) PERMISSION_DENIED: iam.serviceAccounts.getAccessToken" >&2; exit 1\n',
  );
  for (const program of ['npx', 'gcloud']) chmodSync(join(folder, program), 0o755);
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
if (pythons.length === 0)
  console.warn('SKIPPED: no python3 with google-auth here, so the Python of docs/callers.md is not run.');
/** A program of docs/callers.md, run in its reader's folder with the surroundings that the page describes. */
const runPython = async (program: string, env: Record<string, string> = {}) => {
  const [python] = pythons;
  const surroundings = { PATH: process.env.PATH ?? '', NO_GCE_CHECK: 'true', ...python?.env, ...env };
  const whole = `COURIER_URL = ${JSON.stringify(world.courier.url)}\n${program}`;
  return execute(python?.command ?? '', ['-c', whole], { cwd: readersFolder(), env: surroundings });
};

/** Here, the audience of the tokens differs from the courier's address, and the metadata server has another address. */
const attached = (shown: string): string => {
  const script = shown
    .replace('"audience": COURIER_URL', `"audience": "${AUDIENCE}"`)
    .replace('metadata.google.internal', world.google.metadataHost);
  expect(script).not.toContain('metadata.google.internal');
  return script;
};

(pythons.length > 0 ? test : test.skip)(
  'the plain Python calls as the attached account, and prints the link',
  async () => {
    const { stdout } = await runPython(attached(blockWith('python', 'requests.post')));
    expect(stdout).toContain(`${world.google.origin}/file/d/`);
  },
);

(pythons.length > 0 ? test : test.skip)('the plain Python shows the remedy when the courier refuses', async () => {
  const shown = attached(blockWith('python', 'requests.post')).replace('reports/2026/11', 'a/../b');
  await expect(runPython(shown)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^path-invalid: \S.+ \S+/),
  });
});

(pythons.length > 0 ? test : test.skip)('the Python client sends the same file with the same key', async () => {
  const shown = blockWith('python', 'from drive_courier').replace(
    'COURIER_URL)',
    `COURIER_URL, audience="${AUDIENCE}")`,
  );
  const { stdout } = await runPython(shown, {
    PYTHONPATH: [join(import.meta.dirname, '../../../clients/python/src'), pythons[0]?.env.PYTHONPATH]
      .filter(Boolean)
      .join(':'),
    GOOGLE_APPLICATION_CREDENTIALS: world.google.world.keyFiles.exporter ?? '',
    HOME: world.google.dataDir,
  });
  expect(stdout).toContain(`${world.google.origin}/file/d/`);
});
