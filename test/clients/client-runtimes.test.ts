import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  COMMAND,
  EXPECTED,
  installClient,
  type RuntimeCommand,
  runIn,
  tryRuntime,
} from '../support/client/client-runtimes.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');

interface Runtime {
  name: string;
  /** The npm package that provides it. */
  spec: string;
  command: (program: string) => RuntimeCommand;
}

const node = (major: number): Runtime => ({ name: 'node', spec: `node@${major}`, command: (program) => [program] });
const RUNTIMES: readonly Runtime[] = [
  node(20),
  node(22),
  node(24),
  node(26),
  { name: 'bun', spec: 'bun@1', command: (program) => [program] },
  { name: 'deno', spec: 'deno@2', command: (program) => [program, 'run', '--allow-all', '--node-modules-dir=manual'] },
];
const TOO_OLD = node(18);

const folder = await mkdtemp(join(tmpdir(), 'courier-runtime-programs-'));

/** @returns the program and its version; undefined if the registry does not offer it for this machine */
const fetchRuntime = async ({ name, spec, command }: Runtime) => {
  const place = join(folder, spec.replace('@', '-'));
  const program = join(place, 'node_modules/.bin', name);
  try {
    await mkdir(place);
    await writeFile(join(place, 'package.json'), '{}');
    await execute('npm', ['install', '--no-audit', '--no-fund', spec], { cwd: place, timeout: 240_000 });
    const { stdout } = await execute(program, ['--version']);
    return { command: command(program), version: /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? '?' };
  } catch {
    console.warn(`SKIPPED: ${spec} is not available from the npm registry, so the client is not tried on it.`);
    return undefined;
  }
};

const found = new Map<string, Awaited<ReturnType<typeof fetchRuntime>>>();
for (const runtime of [...RUNTIMES, TOO_OLD]) found.set(runtime.spec, await fetchRuntime(runtime));

let installed: Awaited<ReturnType<typeof installClient>>;
beforeAll(async () => {
  installed = await installClient(root);
}, 120_000);
afterAll(async () => {
  await installed.close();
  await rm(folder, { recursive: true, force: true });
  const rows = [...found].map(
    ([spec, runtime]) => `  ${spec.padEnd(8)} ${runtime?.version ?? 'not available, skipped'}`,
  );
  console.log(`The client on runtimes (${TOO_OLD.spec} is too old, and rejected):\n${rows.join('\n')}`);
});

describe('the packed client sends files', () => {
  for (const { spec } of RUNTIMES) {
    const runtime = found.get(spec);
    (runtime === undefined ? test.skip : test)(
      `on ${spec}`,
      async () => {
        expect(await tryRuntime(installed, runtime?.command ?? [''])).toMatchObject(EXPECTED);
      },
      120_000,
    );
  }
});

const old = found.get(TOO_OLD.spec);
(old === undefined ? test.skip : test)(`${TOO_OLD.spec} is rejected as too old in one sentence`, async () => {
  const sentence = `drive-courier requires Node.js 20 or newer, and this is Node.js ${old?.version}.`;
  const run = await runIn(installed, old?.command ?? [''], COMMAND, 'send', 'table.csv');
  expect(run).toEqual({ code: 64, stdout: '', stderr: `courier: ${sentence}\n` });
  for (const script of ['send.mjs', 'send.cjs']) {
    expect((await runIn(installed, old?.command ?? [''], script)).stderr).toContain(`Error: ${sentence}`);
  }
});
