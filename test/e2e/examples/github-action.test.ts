import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { packClient } from '../../support/client/client-package.ts';
import { AUDIENCE } from '../../support/courier/courier-in-world.ts';
import { REPOSITORY } from '../../support/pages.ts';
import { type ExampleWorld, openExampleWorld } from './courier.ts';

/** The script of action.yml, run as a runner does: with its inputs as environment variables and the packed client. */

const execute = promisify(execFile);
const TIMEOUT_MS = 120_000;

let world: ExampleWorld;
let tarball: string;
beforeAll(async () => {
  world = await openExampleWorld();
  const folder = join(world.google.dataDir, 'package');
  mkdirSync(folder);
  ({ tarball } = await packClient(REPOSITORY, folder));
}, TIMEOUT_MS);
afterAll(() => world?.close());

interface Action {
  inputs: Record<string, { default?: string }>;
  runs: { steps: { run?: string; env?: Record<string, string> }[] };
}
const action = parse(readFileSync(join(REPOSITORY, 'action.yml'), 'utf8')) as Action;

const runAction = async (inputs: Record<string, string>) => {
  const step = action.runs.steps.at(-1);
  const output = join(world.google.dataDir, 'output');
  writeFileSync(output, '');
  const inputOf = (expression: string): string => {
    const [, name = ''] = /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(expression) ?? [];
    return inputs[name] ?? action.inputs[name]?.default ?? '';
  };
  const env = Object.fromEntries(Object.entries(step?.env ?? {}).map(([name, value]) => [name, inputOf(value)]));
  const { stdout } = await execute('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step?.run ?? ''], {
    cwd: world.google.dataDir,
    env: {
      ...{ PATH: process.env.PATH, HOME: world.google.dataDir, GITHUB_OUTPUT: output, ...env },
      ...{ GOOGLE_APPLICATION_CREDENTIALS: world.google.world.keyFiles.exporter },
      // The credentials that google-github-actions/auth leaves are found the same way. The registry is not contacted.
      ...{ COURIER_GOOGLE_ORIGIN: world.google.origin, npm_config_offline: 'true', npm_config_audit: 'false' },
    },
  });
  const lines = readFileSync(output, 'utf8').trim().split('\n');
  return { ...Object.fromEntries(lines.map((line) => line.split(/=(.*)/).slice(0, 2))), stdout };
};

test(
  'sends a file whose name contains shell syntax and outputs its receipt; a repeated run sends it once',
  async () => {
    const name = '$(touch ran) `x` -- report.csv';
    writeFileSync(join(world.google.dataDir, name), 'day,orders\r\n');
    const inputs = {
      ...{ file: name, url: world.courier.url, audience: AUDIENCE, client: tarball, key: 'report-1' },
      path: 'reports/2026',
    };
    const first = await runAction(inputs);
    expect(first).toMatchObject({ outcome: 'created', link: expect.stringContaining(String(first.id)) });
    expect(JSON.parse(String(first.receipt))).toMatchObject({ id: first.id, name, path: 'reports/2026' });
    expect(await runAction(inputs)).toMatchObject({ outcome: 'replayed', id: first.id });
    expect(await world.contentOf(name)).toBe('day,orders\r\n');
  },
  TIMEOUT_MS,
);

test(
  'appends rows to a sheet',
  async () => {
    writeFileSync(join(world.google.dataDir, 'rows.csv'), 'day,orders\r\n2026-11-24,7\r\n');
    const outputs = await runAction({
      ...{ file: 'rows.csv', url: world.courier.url, audience: AUDIENCE, client: tarball, name: 'Orders' },
      ...{ 'convert-to': 'sheet', 'on-conflict': 'append', tab: 'Q4 26', columns: 'strict', dates: 'true' },
    });
    const receipt = JSON.parse(String(outputs.receipt));
    expect(receipt.sheet).toMatchObject({ tab: 'Q4 26', range: "'Q4 26'!A2:B2", rows: 1 });
    expect(world.google.sheets.rowsOf(receipt.id, 'Q4 26')).toEqual([
      ['day', 'orders'],
      [46350, 7],
    ]);
  },
  TIMEOUT_MS,
);

test(
  'fails with the problem when the file cannot be delivered',
  async () => {
    writeFileSync(join(world.google.dataDir, 'a.csv'), 'a');
    const inputs = { file: 'a.csv', url: world.courier.url, audience: AUDIENCE, client: tarball };
    await expect(runAction({ ...inputs, destination: 'nowhere' })).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^::error::.*destination-forbidden/m),
    });
  },
  TIMEOUT_MS,
);

test(
  'sends folders, patterns and files, reports those that fail, and sends only what is missing when it runs again',
  async () => {
    const { dataDir } = world.google;
    const root = join(dataDir, 'many files');
    for (const [path, content] of Object.entries({
      'a.csv': 'a',
      'x/b.csv': 'b',
      'x/c.tmp': 'c',
      'x/$(touch ran).csv': 'd',
    })) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    writeFileSync(join(dataDir, 'single-one.txt'), 'e');
    const inputs = {
      ...{
        url: world.courier.url,
        audience: AUDIENCE,
        client: tarball,
        path: 'many',
        manifest: 'm.jsonl',
        exclude: '*.tmp\n',
      },
      paths: '\n  many files/\n\nsingle-*.txt\n  missing.txt',
    };
    const summaryIn = (outputs: Record<string, unknown>) =>
      (JSON.parse(String(outputs.summary)) as { summary: object }).summary;
    await expect(runAction(inputs)).rejects.toMatchObject({
      stdout: expect.stringMatching(/^::error::.*"failed":1,/m),
    });
    const rest = await runAction({ ...inputs, paths: 'many files/\nsingle-one.txt' });
    expect(summaryIn(rest)).toMatchObject({ files: 4, unchanged: 4, failed: 0 });
    expect(rest).toMatchObject({ receipt: '', id: '', link: '', outcome: '' });
    expect(await world.contentOf('$(touch ran).csv')).toBe('d');
    const single = await runAction({ ...inputs, paths: 'single-one.txt', path: 'other', manifest: '' });
    expect(summaryIn(single)).toMatchObject({ files: 1, delivered: 1 });
    expect(single.stdout).not.toContain('::warning::');
    const none = await runAction({ ...inputs, paths: 'many files/', include: '*.nope', manifest: '' });
    expect(none.stdout).toMatch(/^::warning::No file was sent\. .*--include/m);
    expect(existsSync(join(dataDir, 'ran'))).toBe(false);
  },
  TIMEOUT_MS,
);

test('fails without a path, and with two kinds of them', async () => {
  for (const inputs of [{}, { file: 'a.csv', paths: 'b.csv' }])
    await expect(runAction({ ...inputs, client: tarball })).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^::error::/m),
    });
});
