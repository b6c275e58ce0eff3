import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Metafile } from 'esbuild';
import { freePort } from '../../local/free-port.ts';
import { bundleFramework } from '../../scripts/build/bundle/framework.ts';

const root = join(import.meta.dirname, '../..');
const ORIGINAL = join(root, 'node_modules/@google-cloud/functions-framework');

let folder: string;
let metafile: Metafile;
const running: ChildProcess[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'courier-framework-'));
  metafile = await bundleFramework(root, folder);
  await copyFile(join(root, 'scripts/build/shipped/load.js'), join(folder, 'load.js'));
});
afterAll(async () => {
  for (const child of running) {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  await rm(folder, { recursive: true, force: true });
});

/** Starts a function that answers with the body that it was given, under the framework in `framework`. */
const startEcho = async (name: string, framework: string): Promise<string> => {
  const source = join(folder, `${name}.cjs`);
  await writeFile(
    source,
    `require(${JSON.stringify(join(framework, 'build/src/index.js'))}).http('echo', (request, response) => {
      response.type('csv').send(typeof request.body === 'string' ? request.body : JSON.stringify(request.body));
    });`,
  );
  const port = await freePort();
  const args = [join(framework, 'build/src/main.js'), `--source=${source}`, '--target=echo', `--port=${port}`];
  const child = spawn(process.execPath, args, { env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  await once(child.stdout, 'data');
  return `http://127.0.0.1:${port}/`;
};

test('the bundled framework reads and types bodies as the original does', async () => {
  const origins = [
    await startEcho('original', ORIGINAL),
    await startEcho('bundled', join(folder, 'functions-framework')),
  ];
  const bodies: [type: string, body: string | Buffer, read: string][] = [
    ['application/x-www-form-urlencoded', 'a[b]=1&a[c][]=2', '{"a":{"b":"1","c":["2"]}}'],
    ['text/plain; charset=iso-8859-1', Buffer.from('Grüße', 'latin1'), 'Grüße'],
    ['application/json; charset=utf-16', Buffer.from('\ufeff{"a":"ü"}', 'utf16le'), '{"a":"ü"}'],
  ];
  for (const [type, body, read] of bodies) {
    for (const origin of origins) {
      const response = await fetch(origin, { method: 'POST', headers: { 'content-type': type }, body });
      const answer = {
        status: response.status,
        type: response.headers.get('content-type'),
        text: await response.text(),
      };
      expect(answer).toEqual({ status: 200, type: 'text/csv; charset=utf-8', text: read });
    }
  }
}, 30_000);

test('libraries with tables are loaded only when they are used', () => {
  const isTable = (path: string): boolean => /node_modules\/(?:iconv-lite|mime-db|mime-types|qs)\//.test(path);
  const importers = Object.entries(metafile.inputs)
    .filter(([path, { imports }]) => !isTable(path) && imports.some((imported) => isTable(imported.path)))
    .map(([path]) => path);
  expect(importers.sort()).toEqual(['on-use:iconv-lite', 'on-use:mime-types', 'on-use:qs']);
});
