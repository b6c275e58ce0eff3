import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';

const execute = promisify(execFile);
const shipped = join(import.meta.dirname, '../../scripts/build/shipped');
const root = await mkdtemp(join(tmpdir(), 'courier-shipped-'));
afterAll(() => rm(root, { recursive: true, force: true }));

/** What is shipped as it is, with these files for the bundle's. */
const withLib = async (name: string, lib: Readonly<Record<string, string>>): Promise<string> => {
  const folder = join(root, name);
  await cp(shipped, folder, { recursive: true });
  await mkdir(join(folder, 'lib'));
  for (const [file, text] of Object.entries(lib)) await writeFile(join(folder, 'lib', file), text);
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
