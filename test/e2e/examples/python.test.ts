import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { AUDIENCE } from '../../support/courier/courier-in-world.ts';
import { blocksIn } from '../../support/pages.ts';
import { type ExampleWorld, openExampleWorld } from './courier.ts';

const execute = promisify(execFile);
const EXAMPLES = join(import.meta.dirname, '../../../examples');
const CLIENT = join(import.meta.dirname, '../../../clients/python/src');

/** Debian's google-auth and the newer one that is bundled with gcloud. */
const SDK = '/usr/lib/google-cloud-sdk';
const SDK_LIBRARIES = { PYTHONPATH: `${SDK}/lib/third_party` };
const has = (program: string, modules: string, env: Record<string, string>): boolean =>
  spawnSync(program, ['-c', `import ${modules}`], { env: { ...process.env, ...env } }).status === 0;
interface Python {
  name: string;
  program: string;
  env: Record<string, string>;
}
const CANDIDATES: readonly Python[] = [
  { name: 'the python3 of the path', program: 'python3', env: {} },
  { name: 'Debian’s python3', program: '/usr/bin/python3', env: {} },
  { name: 'gcloud’s python3', program: `${SDK}/platform/bundledpythonunix/bin/python3`, env: SDK_LIBRARIES },
];
const PYTHONS = CANDIDATES.filter(({ program, env }) => has(program, 'google.auth, requests', env));
const federating = PYTHONS.filter(({ program, env }) => has(program, 'google.auth.aws', env));
if (PYTHONS.length === 0)
  console.warn(
    'SKIPPED: no python3 with google-auth and requests here (Debian: python3-google-auth python3-requests).',
  );
if (federating.length === 0)
  console.warn('SKIPPED: no google-auth with AWS federation here, so the Python Lambda is not run.');

let world: ExampleWorld;
beforeAll(async () => {
  world = await openExampleWorld();
}, 60_000);
afterAll(() => world?.close());

let count = 0;
const newFile = (): { path: string; name: string; text: string } => {
  const name = `python-${++count}.csv`;
  const text = `day,orders\r\n2026-11-24,${count}\r\n`;
  const path = join(world.google.dataDir, name);
  writeFileSync(path, text);
  return { path, name, text };
};

const run = async (
  { program, env }: Python,
  args: readonly string[],
  more: Record<string, string> = {},
): Promise<string> => {
  const { PATH = '' } = process.env;
  const { stdout } = await execute(program, args, {
    env: { PATH, COURIER_URL: world.courier.url, NO_GCE_CHECK: 'true', PYTHONDONTWRITEBYTECODE: '1', ...env, ...more },
  });
  return stdout;
};
/** `each` needs a row even if all of them are skipped. */
const withPython = PYTHONS.length > 0 ? PYTHONS : CANDIDATES.slice(0, 1);

(PYTHONS.length > 0 ? describe : describe.skip).each(withPython)('examples/python with $name', (python) => {
  test('send_file.py posts a file with a key', async () => {
    const { path, name, text } = newFile();
    const key = world.google.world.keyFiles.exporter ?? '';
    const printed = await run(python, [
      join(EXAMPLES, 'python/send_file.py'),
      '--audience',
      AUDIENCE,
      '--key',
      key,
      path,
    ]);
    expect(printed).toMatch(/^created: https?:\/\//);
    expect(await world.contentOf(name)).toBe(text);
  });

  test('send_file_adc.py posts a file with the machine’s identity', async () => {
    const { path, name, text } = newFile();
    const metadata = {
      GCE_METADATA_HOST: world.google.metadataHost,
      GCE_METADATA_IP: world.google.metadataHost,
      NO_GCE_CHECK: 'false',
      HOME: world.google.dataDir,
    };
    const printed = await run(
      python,
      [join(EXAMPLES, 'python/send_file_adc.py'), '--audience', AUDIENCE, path],
      metadata,
    );
    expect(printed).toMatch(/^created: https?:\/\//);
    expect(await world.contentOf(name)).toBe(text);
  });

  test('send_with_client.py posts a file with the detected identity, and a repeated key creates one file', async () => {
    const { path, name, text } = newFile();
    const more = {
      GOOGLE_APPLICATION_CREDENTIALS: world.google.world.keyFiles.exporter ?? '',
      PYTHONPATH: [CLIENT, python.env.PYTHONPATH].filter(Boolean).join(':'),
      HOME: world.google.dataDir,
    };
    const args = [join(EXAMPLES, 'python/send_with_client.py'), '--audience', AUDIENCE, '--key', name, path];
    expect(await run(python, args, more)).toMatch(/^created: https?:\/\//);
    expect(await run(python, args, more)).toMatch(/^replayed: https?:\/\//);
    expect(await world.contentOf(name)).toBe(text);
    const stranger = { ...more, GOOGLE_APPLICATION_CREDENTIALS: world.google.world.keyFiles.stranger ?? '' };
    await expect(run(python, args, stranger)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^send_with_client: destination-forbidden: .*GET \/v1\/destinations/),
    });
  });

  test('send_file.py prints the problem and its remedy', async () => {
    const { path } = newFile();
    const key = world.google.world.keyFiles.stranger ?? '';
    const args = [join(EXAMPLES, 'python/send_file.py'), '--audience', AUDIENCE, '--key', key, path];
    await expect(run(python, args)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^send_file: destination-forbidden: .*GET \/v1\/destinations/),
    });
  });
});

const CLIENT_README = 'clients/python/README.md';

(PYTHONS.length > 0 ? test : test.skip)('the Python client’s README runs as it stands', async () => {
  const blocks = blocksIn('python').filter(({ page }) => page === CLIENT_README);
  expect(blocks.length).toBeGreaterThan(1);
  const [python] = withPython;
  if (python === undefined) throw new Error('no Python');
  // Here, the audience of the tokens differs from the courier's address.
  const audience = `import drive_courier, functools
drive_courier.Client = functools.partial(drive_courier.Client, audience=${JSON.stringify(AUDIENCE)})`;
  writeFileSync(join(world.google.dataDir, 'sales.csv'), 'day,orders\r\n');
  mkdirSync(join(world.google.dataDir, 'exports'));
  writeFileSync(join(world.google.dataDir, 'exports', 'orders-of-a-day.csv'), 'day,orders\r\n');
  const printed: string[] = [];
  for (const { text } of blocks) {
    const script = `import os; os.chdir(${JSON.stringify(world.google.dataDir)})\n${audience}\n${text}`;
    const more = {
      GOOGLE_APPLICATION_CREDENTIALS: world.google.world.keyFiles.exporter ?? '',
      PYTHONPATH: [CLIENT, python.env.PYTHONPATH].filter(Boolean).join(':'),
      HOME: world.google.dataDir,
    };
    printed.push(await run(python, ['-c', script], more));
  }
  expect(printed[0]).toMatch(/^created https?:\/\/\S+\/file\/d\//);
  expect(printed[1]).toMatch(/^reports \d+\n$/);
  expect(await world.contentOf('orders.csv')).toBe('day,orders\r\n2026-11-24,8\r\n');
});

(federating.length > 0 ? describe : describe.skip)('examples/aws-lambda/python', () => {
  test('the handler gets an ID token as its AWS role, and a repeated event creates one file', async () => {
    // Does what Lambda does: sets the role's environment and calls the handler. Google's addresses are built into
    // Python's library, so they are redirected here.
    const script = `
import json, os, sys
import google.auth.iam as iam
for name in ("_IAM_ENDPOINT", "_IAM_IDTOKEN_ENDPOINT"):
    setattr(iam, name, getattr(iam, name).replace("https://", os.environ["COURIER_GOOGLE_ORIGIN"] + "/"))
sys.path.insert(0, sys.argv[1])
import handler
event = {"day": "2026-11-24", "orders": [{"order": 1, "total": "12.50"}]}
print(json.dumps([handler.handler(event, None), handler.handler(event, None)]))`;
    const [python] = federating;
    if (python === undefined) throw new Error('no Python');
    const printed = await run(python, ['-c', script, join(EXAMPLES, 'aws-lambda/python')], {
      ...AWS_ENVIRONMENT,
      GOOGLE_APPLICATION_CREDENTIALS: world.google.world.keyFiles['external-account-aws'] ?? '',
      COURIER_GOOGLE_ORIGIN: world.google.origin,
      COURIER_AUDIENCE: AUDIENCE,
    });
    const answers = JSON.parse(printed) as { outcome: string }[];
    expect(answers.map(({ outcome }) => outcome)).toEqual(['created', 'replayed']);
    expect(await world.contentOf('orders-2026-11-24.csv')).toBe('order,total\r\n1,12.50\r\n');
  });
});
