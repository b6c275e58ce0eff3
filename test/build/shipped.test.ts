import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';
import { asLoaded } from '../../scripts/build/bundle.ts';

const execute = promisify(execFile);
const shipped = join(import.meta.dirname, '../../scripts/build/shipped');
const root = await mkdtemp(join(tmpdir(), 'courier-shipped-'));
afterAll(() => rm(root, { recursive: true, force: true }));

/** What is shipped as it is, with these files for the bundle's. */
const withLib = async (name: string, lib: Readonly<Record<string, string>>): Promise<string> => {
  const folder = join(root, name);
  await cp(shipped, folder, { recursive: true });
  await mkdir(join(folder, 'lib'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ scripts: { start: 'exec node server.js' } }));
  for (const [file, text] of Object.entries(lib)) await writeFile(join(folder, 'lib', file), asLoaded(text));
  return folder;
};

test('a file that did not load once is loaded anew, and so is what required it', async () => {
  const folder = await withLib('loading', {
    'outer.js': "exports.inner = require('./inner.js').value;",
    'inner.js': "if (globalThis.isBroken) throw new Error('broken'); exports.value = 7;",
  });
  const program = `
    const { renameSync } = require('node:fs');
    const { load, taken } = require('./load.js');
    const attempt = () => { try { return load('outer.js').inner ?? 'empty'; } catch (error) { return error.code ?? error.message; } };
    renameSync('lib/inner.js', 'lib/away.js');
    const said = [attempt()];
    renameSync('lib/away.js', 'lib/inner.js');
    globalThis.isBroken = true;
    said.push(attempt(), taken().files);
    globalThis.isBroken = false;
    said.push(attempt(), taken().files);
    console.log(JSON.stringify(said));`;
  const { stdout } = await execute(process.execPath, ['-e', program], { cwd: folder });
  expect(JSON.parse(stdout)).toEqual(['ENOENT', 'broken', 0, 7, 2]);
});

interface Ended {
  code?: number;
  stderr: string;
}
const warm = (folder: string, ...args: string[]): Promise<Ended> =>
  execute(process.execPath, [join(folder, 'warm.js'), ...args], { env: {} }).catch((error: Ended) => error);

test('a rehearsal that fails is said aloud and fails no deployment, but the project’s own build', async () => {
  const folder = await withLib('warming', { 'service.js': "throw new Error('no such service');" });
  const loud = /WARNING: not all code is kept for a start[\s\S]*the rehearsal of server.js failed: it ended with 1/;
  const deploying = await warm(folder);
  expect(deploying.code).toBeUndefined();
  expect(deploying.stderr).toMatch(loud);
  expect(await warm(folder, '--strict')).toMatchObject({ code: 1, stderr: expect.stringMatching(loud) });
});

test('nothing stays kept that a rehearsal failed with', async () => {
  // It has its code kept at the first rehearsal, and does not get through the second.
  const service = `
    if (require('node:fs').existsSync('.compile-cache/service.js')) throw new Error('what is kept is of no use');
    const server = require('node:http').createServer((_, response) => response.writeHead(201).end());
    server.listen(0, '127.0.0.1', () => console.log('listening on port ' + server.address().port));`;
  const folder = await withLib('half-warm', { 'service.js': service });
  expect((await warm(folder)).stderr).toContain('the rehearsal of server.js failed');
  expect(await readdir(join(folder, '.compile-cache'))).toEqual([]);
});
