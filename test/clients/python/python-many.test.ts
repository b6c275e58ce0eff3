import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { exporterEnvironment, runCourier } from '../../support/client/client-process.ts';
import { AUDIENCE, startCourierIn } from '../../support/courier/courier-in-world.ts';
import { findPythonAuths } from '../../support/processes/programs.ts';

/** The command line and the Python client with one manifest: each continues what the other began. */

jest.setTimeout(120_000);
const execute = promisify(execFile);
const SOURCE = join(import.meta.dirname, '../../../clients/python/src');
const [python] = findPythonAuths();
if (python === undefined)
  console.warn('SKIPPED: no python3 with google-auth here, so no manifest is shared with the Python client.');

const PROGRAM = `
import json, sys
from drive_courier import Client
folder, manifest, url, audience = sys.argv[1:]
for each in Client(url, audience=audience).send_all(folder + "/", path="möbel/2026", manifest=manifest):
    print(json.dumps({"file": each.file, "change": each.change, "outcome": each.outcome, "id": each.id}))
`;

interface Line {
  file: string;
  change: string;
  outcome: string;
  id: string;
}
const NAMES = ['a.csv', 'e\u0301.txt', 'x/“b”.csv', 'x/y/c 1.bin'];

(python === undefined ? describe.skip : describe)('a manifest', () => {
  let google: LocalGoogle;
  let courier: CourierProcess;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'python-many-'));
    google = await startLocalGoogle();
    const callers = [google.world.emails.exporter];
    courier = await startCourierIn(google, {
      config: {
        destinations: { default: { folder: google.places.sharedDrive, credentials: 'main', callers } },
        credentials: { main: { secret: `${google.world.secret}/versions/latest` } },
      },
    });
  });
  afterAll(async () => {
    await courier?.stop();
    await google?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const write = (root: string, name: string, content: string): void => {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), content);
    // Longer ago than the steps of file systems, with fractions of a second.
    utimesSync(join(root, name), 1_700_000_000.25, 1_700_000_000.125);
  };
  const env = () => exporterEnvironment(google, folder);
  const byCommand = async (root: string, manifest: string): Promise<Line[]> => {
    const options = ['--path', 'möbel/2026', '--manifest', manifest];
    const args = ['--json', '--audience', AUDIENCE, '--url', courier.url, 'send', `${root}/`, ...options];
    const { stdout, stderr, code } = await runCourier(args, { env: env() });
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Line);
  };
  const byPython = async (root: string, manifest: string): Promise<Line[]> => {
    const all = {
      PATH: process.env.PATH,
      NO_GCE_CHECK: 'true',
      PYTHONDONTWRITEBYTECODE: '1',
      ...env(),
      ...python?.env,
    };
    const args = ['-W', 'ignore', '-c', PROGRAM, root, manifest, courier.url, AUDIENCE];
    const search = [SOURCE, python?.env.PYTHONPATH].filter(Boolean).join(':');
    const { stdout } = await execute(python?.command ?? '', args, { env: { ...all, PYTHONPATH: search } });
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
  };
  const idsOf = (lines: readonly Line[]) => new Map(lines.map(({ file, id }) => [file, id]));
  const runs = { 'the command line': byCommand, 'the Python client': byPython };
  type Runner = keyof typeof runs;

  test.each<[Runner, Runner]>([
    ['the command line', 'the Python client'],
    ['the Python client', 'the command line'],
  ])('of %s is continued by %s', async (one, other) => {
    const root = mkdtempSync(join(folder, 'run-'));
    const manifest = `${root}.jsonl`;
    for (const name of NAMES) write(root, name, `${one} ${name}`);
    const first = await runs[one](root, manifest);
    expect(first.map(({ change, outcome }) => [change, outcome])).toEqual(NAMES.map(() => ['new', 'created']));
    const again = await runs[other](root, manifest);
    expect(again.map(({ change }) => change)).toEqual(NAMES.map(() => 'unchanged'));
    expect(idsOf(again)).toEqual(idsOf(first));
    write(root, 'a.csv', 'changed');
    write(root, 'new.txt', 'new');
    const third = await runs[other](root, manifest);
    const sent = third.filter(({ change }) => change !== 'unchanged');
    expect(sent.map(({ file, change }) => [file.slice(root.length + 1), change]).sort()).toEqual([
      ['a.csv', 'changed'],
      ['new.txt', 'new'],
    ]);
    const last = await runs[one](root, manifest);
    expect(last.map(({ change }) => change)).toEqual([...NAMES, 'new.txt'].map(() => 'unchanged'));
  });

  test('that is lost does no harm with a key: both derive the same key for each file', async () => {
    const root = mkdtempSync(join(folder, 'run-'));
    for (const name of NAMES) write(root, name, `lost ${name}`);
    const first = await byCommand(root, `${root}.1.jsonl`);
    // A manifest with the same key, and without lines.
    const [header = ''] = (await execute('head', ['-n', '1', `${root}.1.jsonl`])).stdout.split('\n');
    writeFileSync(`${root}.2.jsonl`, `${header}\n`);
    const second = await byPython(root, `${root}.2.jsonl`);
    expect(second.map(({ outcome }) => outcome)).toEqual(NAMES.map(() => 'replayed'));
    expect(idsOf(second)).toEqual(idsOf(first));
  });
});
