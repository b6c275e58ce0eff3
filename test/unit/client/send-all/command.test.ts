import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startTinyCourier } from '../../../support/courier/tiny-courier.ts';
import { createListening } from '../../../support/network/listening.ts';
import { runInProcess } from '../../../support/processes/run-program.ts';

const listening = createListening();
let folder: string;
let courier: Awaited<ReturnType<typeof startTinyCourier>>;
let env: Record<string, string>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'courier-command-'));
  courier = await startTinyCourier(listening);
  const metadata = await listening.listen((_, response) => response.end('header.payload.signature'));
  env = { COURIER_URL: courier.url, GCE_METADATA_HOST: metadata };
});
afterEach(() => {
  listening.close();
  rmSync(folder, { recursive: true, force: true });
});

const YESTERDAY = new Date(Date.now() - 86_400_000);
const write = (path: string, content = `content of ${path}`, changed = YESTERDAY): string => {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  utimesSync(whole, changed, changed);
  return whole;
};
const inFolder = (path: string): string => join(folder, path);
const send = (args: readonly string[], options: Parameters<typeof runInProcess>[1] = {}) =>
  runInProcess(['send', ...args], { env, ...options });
const linesOf = (stdout: string): Record<string, unknown>[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('courier send with several paths', () => {
  test('prints a summary', async () => {
    write('x/a');
    write('x/.hidden');
    symlinkSync('a', inFolder('x/link'));
    const { code, stdout, stderr } = await send([inFolder('x'), write('b.csv'), '--path', 'archive']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^2 files delivered \(30 B\) in \d s\nleft out: 1 hidden .*, 1 symbolic links .*\n$/);
    expect(courier.paths()).toEqual(['archive/b.csv', 'archive/x/a']);
  });

  test('with --json prints a line for each file and a summary', async () => {
    write('x/a');
    write('x/bad\\name');
    const { code, stdout } = await send(['--json', inFolder('x')]);
    expect(code).toBe(1);
    const [first, second, third, ...rest] = linesOf(stdout);
    expect(rest).toEqual([]);
    expect([first, second]).toContainEqual(
      expect.objectContaining({ file: inFolder('x/a'), change: 'new', outcome: 'created', path: 'x' }),
    );
    expect([first, second]).toContainEqual({
      file: inFolder('x/bad\\name'),
      error: expect.objectContaining({ code: 'name-invalid', exitCode: 1, retryable: false }),
    });
    expect(third).toEqual({
      summary: {
        ...{ files: 2, delivered: 1, changed: 0, unchanged: 0, failed: 1, retryable: 0 },
        ...{ skipped: { hidden: 0, symlink: 0, special: 0 }, bytes: 14, seconds: expect.any(Number), exitCode: 1 },
      },
    });
  });

  test('ends with a table of failures, what to do, and the key that continues the run', async () => {
    write('x/a');
    write('x/b');
    write('x/bad\\name');
    courier.state.refuse = (path) =>
      path === 'x/b' ? { status: 503, code: 'drive-unavailable', headers: { 'retry-after': '3600' } } : undefined;
    const { code, stdout, stderr } = await send([inFolder('x')]);
    expect(code).toBe(75);
    expect(stdout).toContain('1 file delivered (14 B)');
    expect(stderr).toMatch(/^drive-unavailable +\S+\/x\/b +drive-unavailable$/m);
    expect(stderr).toMatch(/^name-invalid +\S+\/x\/bad\\name +/m);
    expect(stderr).toContain('drive-unavailable: A remedy.\n');
    expect(stderr).toContain('courier: files-failed: ');
    const [, key = ''] = /--key (\S+)/.exec(stderr) ?? [];
    courier.state.refuse = () => undefined;
    rmSync(inFolder('x/bad\\name'));
    expect((await send([inFolder('x'), '--key', key])).code).toBe(0);
    expect(courier.paths()).toEqual(['x/a', 'x/b']);
  });

  test('a name with a line break has one line in the table, and cannot forge another', async () => {
    write('x/a\nname-invalid  forged\u001b[2K\tb');
    const { code, stderr } = await send([inFolder('x')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^name-invalid +\S+\/x\/a\\u000aname-invalid {2}forged\\u001b\[2K\\u0009b +"a/m);
    expect(stderr).not.toMatch(/^name-invalid {2}forged/m);
    const planned = await send(['--dry-run', inFolder('x'), '--path', 'p'], { env: {} });
    expect(planned.stderr).not.toMatch(/^name-invalid {2}forged/m);
  });

  describe('without any file to send', () => {
    test.each([
      ['a pattern that matches nothing', ['x', '--include', '*.nope'], 'x that --include and --exclude select'],
      ['a pattern that excludes everything', ['x', '--exclude', '*'], 'x that --include and --exclude select'],
      ['a glob whose files are excluded', ['x/*', '--exclude', '*'], '* that --include and --exclude select'],
      ['a file that is not included', ['x/a', '--include', '*.nope'], 'a that --include and --exclude select'],
      ['an empty folder', ['empty'], 'There is no file to send in '],
      ['a dry run', ['x', '--dry-run', '--include', '*.nope'], 'x that --include and --exclude select'],
    ])('%s succeeds with a warning', async (_, [path = '', ...options], text) => {
      write('x/a');
      mkdirSync(inFolder('empty'));
      const { code, stdout, stderr } = await send([inFolder(path), ...options]);
      expect([code, courier.paths()]).toEqual([0, []]);
      expect(stdout).toMatch(/^0 files /);
      expect(stderr).toMatch(/^courier: warning: There is no file .*\n$/);
      expect(stderr).toContain(text);
    });

    test('the summary of --json has the warning', async () => {
      write('x/a');
      const { code, stdout, stderr } = await send(['--json', inFolder('x'), '--include', '*.nope']);
      expect([code, stderr]).toEqual([0, '']);
      expect(linesOf(stdout)).toEqual([
        { summary: expect.objectContaining({ files: 0, exitCode: 0, warning: expect.stringContaining('--include') }) },
      ]);
    });

    test('a manifest with all files is no reason for a warning', async () => {
      write('x/a');
      const args = [inFolder('x'), '--manifest', inFolder('m.jsonl')];
      await send(args);
      expect(await send(args)).toMatchObject({ code: 0, stderr: '' });
    });
  });

  test('with a manifest, reports which files changed, and prints no key', async () => {
    const manifest = inFolder('manifest.jsonl');
    write('x/a');
    write('x/b');
    await send([inFolder('x'), '--manifest', manifest]);
    write('x/b', 'other');
    const { code, stdout } = await send([inFolder('x'), '--manifest', manifest, '--on-conflict', 'replace']);
    expect(code).toBe(0);
    expect(stdout).toContain(`changed: ${inFolder('x/b')} (created) https://`);
    expect(stdout).toMatch(/^1 file delivered \(5 B\) in \d s, 1 of them changed, 1 unchanged$/m);
    courier.state.refuse = () => ({ status: 503, code: 'drive-unavailable', headers: { 'retry-after': '3600' } });
    write('x/c');
    expect((await send([inFolder('x'), '--manifest', manifest])).stderr).not.toContain('--key');
  });

  test('an error that every file would get is printed once', async () => {
    for (let index = 0; index < 30; index++) write(`x/${index}`);
    courier.state.refuse = () => ({ status: 403, code: 'caller-not-allowed' });
    const { code, stderr } = await send([inFolder('x')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^courier: caller-not-allowed: /m);
    expect(courier.state.requests).toBeLessThan(20);
  });

  test('Ctrl-C ends with 130, and the same command sends the rest', async () => {
    for (let index = 0; index < 40; index++) write(`x/${index}`, String(index));
    const controller = new AbortController();
    courier.state.before = async () => {
      if (courier.state.requests === 15) controller.abort('SIGINT');
    };
    const args = [inFolder('x'), '--manifest', inFolder('m.jsonl')];
    const first = await send(args, { signal: controller.signal });
    expect(first.code).toBe(130);
    expect(first.stderr).toContain('courier: stopped: ');
    const second = await send(args);
    expect([second.code, courier.state.files.size]).toEqual([0, 40]);
  });
});

describe('--dry-run', () => {
  test('lists what would be sent, without a courier', async () => {
    write('x/a');
    write('x/sub/b');
    write('x/bad\\name');
    const { code, stdout, stderr } = await send(['--dry-run', inFolder('x'), '--path', 'p'], { env: {} });
    expect(code).toBe(1);
    expect(stdout).toContain(
      `new: ${inFolder('x/a')} -> p/x/a (14 B)\nnew: ${inFolder('x/sub/b')} -> p/x/sub/b (18 B)\n`,
    );
    expect(stdout).toContain('2 files to send (32 B), 1 failed\n');
    expect(stderr).toMatch(/^name-invalid /m);
  });

  test('compares with the manifest and does not change it', async () => {
    write('x/a');
    const manifest = inFolder('manifest.jsonl');
    expect((await send(['--dry-run', inFolder('x'), '--manifest', manifest])).stdout).toMatch(/^new: /);
    expect(existsSync(manifest)).toBe(false);
    await send([inFolder('x'), '--manifest', manifest]);
    write('x/b');
    write('x/a', 'changed');
    const { stdout } = await send(['--json', '--dry-run', inFolder('x'), '--manifest', manifest]);
    expect(linesOf(stdout).slice(0, -1)).toEqual([
      { file: inFolder('x/a'), path: 'x/a', size: 7, change: 'changed' },
      { file: inFolder('x/b'), path: 'x/b', size: 14, change: 'new' },
    ]);
    expect(courier.state.requests).toBe(1);
  });
});

describe('usage', () => {
  test.each([
    ['standard input with others', ['-', 'a']],
    ['a name for several', ['a', 'b', '--name', 'c']],
    ['a name for a folder', ['.', '--name', 'c']],
    ['no number', ['a', '--concurrency', 'many']],
    ['too many at once', ['a', '--concurrency', '1000']],
    ['an empty pattern', ['a', '--exclude', '']],
    ['standard input with a manifest', ['-', '--name', 'a', '--manifest', 'm']],
  ])('%s is refused', async (_, args) => {
    expect((await send(args)).code).toBe(64);
  });

  test('options for several files also work for one', async () => {
    const { code, stdout } = await send([write('a.csv'), '--manifest', inFolder('m.jsonl')]);
    expect([code, courier.paths()]).toEqual([0, ['a.csv']]);
    expect(stdout).toContain('1 file delivered');
  });
});

test('a terminal shows one line of progress, and a log shows none in a short run', async () => {
  for (let index = 0; index < 20; index++) write(`x/${index}`);
  courier.state.before = () => new Promise((resolve) => setTimeout(resolve, 350));
  const { stderr } = await send([inFolder('x')], { isTTY: true });
  expect(stderr).toMatch(/\r\[#*\.*\] \d+ of 20 files {2}\S+ B of 290 B {2}\S+ B\/s {2}\d+ s left/);
  expect(stderr).not.toContain('\n');
});
