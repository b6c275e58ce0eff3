import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EXPECTED, installClient, tryRuntime } from '../../support/client/client-runtimes.ts';

/** The other runtimes are tested in test/clients/client-runtimes.test.ts. */
const root = join(import.meta.dirname, '../../..');

const versionOf = (program: string): string => execFileSync(program, ['--version'], { encoding: 'utf8' }).trim();

/** Node 20, if the machine has it: the oldest version that the client supports. */
const node20 = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .map((folder) => join(folder, 'node'))
  .find((program) => existsSync(program) && versionOf(program).startsWith('v20.'));
if (node20 === undefined) console.warn('SKIPPED: there is no Node 20 here, so the client is not tried on it.');

let installed: Awaited<ReturnType<typeof installClient>>;
beforeAll(async () => {
  installed = await installClient(root);
}, 120_000);
afterAll(() => installed.close());

test('the packed client sends files on the Node version that runs the tests', async () => {
  expect(await tryRuntime(installed, [process.execPath])).toMatchObject(EXPECTED);
}, 60_000);

(node20 === undefined ? test.skip : test)(
  'and on Node 20',
  async () => {
    expect(await tryRuntime(installed, [node20 ?? ''])).toMatchObject(EXPECTED);
  },
  60_000,
);
