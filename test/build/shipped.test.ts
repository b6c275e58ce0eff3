import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { afterAll, describe, expect, test } from '@jest/globals';
import { asLoaded } from '../../scripts/build/bundle/bundle.ts';

const execute = promisify(execFile);
const shipped = join(import.meta.dirname, '../../scripts/build/shipped');
const root = await mkdtemp(join(tmpdir(), 'courier-shipped-'));
afterAll(() => rm(root, { recursive: true, force: true }));

/** The shipped scripts, with these files in place of the bundle. */
const withLib = async (name: string, lib: Readonly<Record<string, string>>): Promise<string> => {
  const folder = join(root, name);
  await cp(shipped, folder, { recursive: true });
  await mkdir(join(folder, 'lib'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ scripts: { start: 'exec node server.js' } }));
  for (const [file, text] of Object.entries(lib)) await writeFile(join(folder, 'lib', file), asLoaded(text));
  return folder;
};

test('a file that failed to load once is loaded again, and so is the one that required it', async () => {
  const folder = await withLib('loading', {
    'outer.js': "exports.inner = require('./inner.js').value;",
    'inner.js': "if (globalThis.isBroken) throw new Error('broken'); exports.value = 7;",
  });
  const program = `
    const { renameSync } = require('node:fs');
    const { load, taken } = require('./load.js');
    const attempt = () => { try { return load('outer.js').inner ?? 'empty'; } catch (error) { return error.code ?? error.message; } };
    renameSync('lib/inner.js', 'lib/away.js');
    const printed = [attempt()];
    renameSync('lib/away.js', 'lib/inner.js');
    globalThis.isBroken = true;
    printed.push(attempt(), taken().files);
    globalThis.isBroken = false;
    printed.push(attempt(), taken().files);
    console.log(JSON.stringify(printed));`;
  const { stdout } = await execute(process.execPath, ['-e', program], { cwd: folder });
  expect(JSON.parse(stdout)).toEqual(['ENOENT', 'broken', 0, 7, 2]);
});

interface Ended {
  code?: number;
  stderr: string;
}
const warm = (folder: string, ...args: string[]): Promise<Ended> =>
  execute(process.execPath, [join(folder, 'warm.js'), ...args], { env: {} }).catch((error: Ended) => error);

test('a failed rehearsal is reported, and fails only the project’s own build, not a deployment', async () => {
  const folder = await withLib('warming', { 'service.js': "throw new Error('no such service');" });
  const loud = /WARNING: not all code is kept for a start[\s\S]*the rehearsal of server.js failed: it ended with 1/;
  const deploying = await warm(folder);
  expect(deploying.code).toBeUndefined();
  expect(deploying.stderr).toMatch(loud);
  expect(await warm(folder, '--strict')).toMatchObject({ code: 1, stderr: expect.stringMatching(loud) });
});

test('a failed rehearsal leaves no cached code', async () => {
  // Its code is cached at the first rehearsal, and the second one fails.
  const service = `
    if (require('node:fs').existsSync('.compile-cache/service.js')) throw new Error('the cached code is not used');
    const server = require('node:http').createServer((_, response) => response.writeHead(201).end());
    server.listen(0, '127.0.0.1', () => console.log('listening on port ' + server.address().port));`;
  const folder = await withLib('half-warm', { 'service.js': service });
  expect((await warm(folder)).stderr).toContain('the rehearsal of server.js failed');
  expect(await readdir(join(folder, '.compile-cache'))).toEqual([]);
});

describe('code cached by another version of V8', () => {
  const lib = { 'outer.js': "exports.inner = require('./inner.js').value;", 'inner.js': 'exports.value = 7;' };
  /** Loads the files, runs all timers at once, and returns the messages and the number of files that V8 accepted. */
  const program = `
    const { setTimeout: later } = globalThis;
    globalThis.setTimeout = (work) => later(work, 1);
    const printed = [];
    console.log = (line) => printed.push(JSON.parse(line));
    const { load, taken } = require('./load.js');
    const { inner } = load('outer.js');
    const before = taken();
    later(() => process.stdout.write(JSON.stringify({ inner, ...before, printed })), 300);`;
  interface Loaded {
    inner: number;
    files: number;
    taken: number;
    printed: { severity: string; message: string }[];
  }
  const loadIn = async (folder: string, env: Record<string, string> = {}, ...args: string[]): Promise<Loaded> =>
    JSON.parse(
      (await execute(process.execPath, ['-e', program, '--', ...args], { cwd: folder, env })).stdout,
    ) as Loaded;

  /** Caches code, and then changes each file's header to that of another version of V8. */
  const keptByAnother = async (name: string): Promise<string> => {
    const folder = await withLib(name, lib);
    await execute(process.execPath, ['-e', "const c = require('./load.js'); c.load('outer.js'); c.keepCompiled();"], {
      cwd: folder,
    });
    expect(await loadIn(folder)).toMatchObject({ inner: 7, files: 2, taken: 2, printed: [] });
    for (const file of Object.keys(lib)) {
      const path = join(folder, '.compile-cache', file);
      const kept = await readFile(path);
      const code = kept.subarray(8);
      // The version's hash comes second, after a magic number.
      code[4] = (code[4] ?? 0) ^ 1;
      kept.writeUInt32LE(crc32(code), 4);
      await writeFile(path, kept);
    }
    return folder;
  };

  test('is reported once, breaks nothing, and is cached again', async () => {
    const folder = await keptByAnother('another-v8');
    const { printed, ...loaded } = await loadIn(folder);
    expect(loaded).toEqual({ inner: 7, files: 2, taken: 0 });
    expect(printed.map(({ severity, message }) => [severity, message.split(/[ :]/, 3).join(' ')])).toEqual([
      ['NOTICE', 'compiled code that'],
      ['NOTICE', 'compiled code is'],
    ]);
    expect(printed[0]?.message).toContain('--redeploy');
    expect(await loadIn(folder)).toMatchObject({ taken: 2, printed: [] });
  });

  test('stays in memory if its folder is read-only, and reports that', async () => {
    const folder = await keptByAnother('read-only');
    for (const file of Object.keys(lib)) await mkdir(join(folder, '.compile-cache', `${file}.partial`));
    const { inner, printed } = await loadIn(folder);
    expect(inner).toBe(7);
    expect(printed.map(({ message }) => message.split(/[ :]/, 4).join(' '))).toEqual([
      'compiled code that was',
      'compiled code stays in',
    ]);
  });

  test('is not reported if notices are off, or if only the configuration is checked', async () => {
    const folder = await keptByAnother('quiet');
    expect(await loadIn(folder, {}, '--check')).toMatchObject({ inner: 7, printed: [] });
    expect(await loadIn(folder, { LOG_LEVEL: 'error' })).toMatchObject({ inner: 7, printed: [] });
  });
});
