import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { runCourier } from '../../support/client/client-process.ts';
import { AUDIENCE } from '../../support/courier/courier-in-world.ts';
import { commandsIn } from '../../support/deploy/shell-commands.ts';
import { openRecipeWorld, type RecipeWorld, ROOT, recipe } from './world.ts';

const execute = promisify(execFile);
const PROGRAMS = ['curl', 'jq', 'sha256sum'] as const;
const missing = PROGRAMS.filter((program) => spawnSync(program, ['--version']).status !== 0);
if (missing.length > 0) console.warn(`SKIPPED: no ${missing.join(', ')} here, so send-large.sh is not run.`);

const MIB = 1024 * 1024;
let world: RecipeWorld;
beforeAll(async () => {
  world = await openRecipeWorld();
}, 60_000);
afterEach(() => world.google.faults.clear());
afterAll(() => world?.close());

const written = (name: string, bytes: Uint8Array | string): string => {
  const path = join(world.google.dataDir, name);
  writeFileSync(path, bytes);
  return path;
};

const writtenFolder = (name: string): string => {
  mkdirSync(join(world.google.dataDir, name), { recursive: true });
  written(join(name, 'one.csv'), 'a,b\r\n');
  written(join(name, 'two.csv'), 'c,d\r\n');
  return join(world.google.dataDir, name);
};

(missing.length > 0 ? describe.skip : describe)('examples/curl/send-large.sh', () => {
  const send = (path: string) =>
    execute(join(ROOT, 'examples/curl/send-large.sh'), [path], {
      env: {
        PATH: process.env.PATH ?? '',
        COURIER_URL: world.courier.url,
        COURIER_TOKEN: world.google.world.idToken({ email: world.google.world.emails.exporter, audience: AUDIENCE }),
        COURIER_WAIT_SECONDS: '0',
      },
    });
  const receiptOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout) as { outcome: string; size: number };

  test('sends a file above the limit, and a second run is replayed', async () => {
    const bytes = randomBytes(33 * MIB);
    const path = written('shell large é.zip', bytes);
    expect(receiptOf(await send(path))).toMatchObject({ outcome: 'created', size: bytes.length });
    expect(receiptOf(await send(path))).toMatchObject({ outcome: 'replayed' });
    expect(world.filesNamed('shell large é.zip')).toHaveLength(1);
    expect(world.bytesOf('shell large é.zip').equals(bytes)).toBe(true);
  });

  test('resumes within a run and in the next one, and creates one file', async () => {
    const bytes = randomBytes(12 * MIB);
    const path = written('shell-cut.zip', bytes);
    const cut = { kind: 'reset', when: 'during', afterBytes: 3 * MIB } as const;
    // Every second PUT queries the offset. Then Drive stays unavailable for longer than the script retries.
    world.google.faults.add([
      { method: 'PUT', nth: [2], fault: cut },
      { method: 'PUT', nth: Array.from({ length: 60 }, (_, at) => at + 3), fault: { kind: 'status', status: 503 } },
    ]);
    await expect(send(path)).rejects.toMatchObject({ code: 75, stderr: expect.stringContaining('resume') });
    world.google.faults.clear();
    world.google.calls.clear();
    expect(receiptOf(await send(path))).toMatchObject({ outcome: 'created', size: bytes.length });
    const sent = world.google.calls.list({ method: 'PUT' }).reduce((sum, { requestBytes }) => sum + requestBytes, 0);
    expect(sent).toBeLessThan(bytes.length);
    expect(world.filesNamed('shell-cut.zip')).toHaveLength(1);
    expect(world.bytesOf('shell-cut.zip').equals(bytes)).toBe(true);
  });

  test('an error of the courier is printed with its remedy', async () => {
    const token = world.google.world.idToken({ email: 'nobody@example.com', audience: AUDIENCE });
    const env = { PATH: process.env.PATH ?? '', COURIER_URL: world.courier.url, COURIER_TOKEN: token };
    const refused = execute(join(ROOT, 'examples/curl/send-large.sh'), [written('refused.txt', 'x')], { env });
    await expect(refused).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('"remedy"') });
  });
});

describe('docs/recipes/from-rclone.md', () => {
  const commands = [...recipe('from-rclone').matchAll(/`(courier send [^`]+)`/g)].flatMap(([, text = '']) =>
    commandsIn(text),
  );

  test('shows commands', () => {
    expect(commands.length).toBeGreaterThanOrEqual(3);
  });

  test.each(commands.map(({ words }) => [words.join(' '), words] as const))('courier %s', async (_, words) => {
    const args = words.map((word, at) => {
      if (words[at - 1] === '--manifest') return join(world.google.dataDir, word);
      if (at !== 1 || word === '-') return word;
      if (word.endsWith('/')) return writtenFolder(word);
      return written(word, 'a,b\r\n');
    });
    const { code, stdout } = await runCourier(['--audience', AUDIENCE, '--json', ...args], {
      input: 'from a pipe',
      env: {
        COURIER_GOOGLE_ORIGIN: world.google.origin,
        GOOGLE_APPLICATION_CREDENTIALS: world.google.world.keyFiles.exporter ?? '',
        COURIER_URL: world.courier.url,
        XDG_CACHE_HOME: world.google.dataDir,
      },
    });
    // One file has a receipt; several have a line each, and a summary at the end.
    const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
      outcome?: string;
      summary?: { delivered: number; failed: number };
    };
    expect(code).toBe(0);
    if (last.summary === undefined) expect(last.outcome).toBe('created');
    else expect(last.summary).toMatchObject({ delivered: 2, failed: 0 });
  });
});

test('docs/recipes/github-workflow.md: every line that it explains is in the workflow', () => {
  const workflow = readFileSync(join(ROOT, 'examples/github-actions/send-report.yml'), 'utf8').replace(
    /KEY: (report-\$\{\{ github\.run_id \}\})/,
    'Idempotency-Key: $1',
  );
  const lines = [...recipe('github-workflow').matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, code = '']) => code.split(/(?<=permissions:) /)),
  );
  expect(lines.length).toBeGreaterThan(5);
  expect(lines.filter((line) => !workflow.includes(line))).toEqual([]);
});
