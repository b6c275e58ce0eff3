import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
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

interface Started {
  child: ChildProcess;
  url: string;
}

/** Starts the function `f` under the framework in `framework`. @param code registers it with `functions` */
const start = async (name: string, framework: string, code: string, env: NodeJS.ProcessEnv = {}): Promise<Started> => {
  const source = join(folder, `${name}.cjs`);
  await writeFile(
    source,
    `const functions = require(${JSON.stringify(join(framework, 'build/src/index.js'))});${code}`,
  );
  const port = await freePort();
  const args = [join(framework, 'build/src/main.js'), `--source=${source}`, '--target=f', `--port=${port}`];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  running.push(child);
  await once(child.stdout, 'data');
  return { child, url: `http://127.0.0.1:${port}/` };
};

/** The same function under npm's copy of the framework, and under the bundled one. */
const startBoth = (name: string, code: string, env?: NodeJS.ProcessEnv): Promise<Started[]> =>
  Promise.all([
    start(`${name}-original`, ORIGINAL, code, env),
    start(`${name}-bundled`, join(folder, 'functions-framework'), code, env),
  ]);

const ECHO = `functions.http('f', (request, response) => {
  response.type('csv').send(typeof request.body === 'string' ? request.body : JSON.stringify(request.body));
});`;

test('the bundled framework reads and types bodies as the original does', async () => {
  const both = await startBoth('echo', ECHO);
  const bodies: [type: string, body: string | Buffer, read: string][] = [
    ['application/x-www-form-urlencoded', 'a[b]=1&a[c][]=2', '{"a":{"b":"1","c":["2"]}}'],
    ['text/plain; charset=iso-8859-1', Buffer.from('Grüße', 'latin1'), 'Grüße'],
    ['application/json; charset=utf-16', Buffer.from('\ufeff{"a":"ü"}', 'utf16le'), '{"a":"ü"}'],
  ];
  for (const [type, body, read] of bodies) {
    for (const { url } of both) {
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body });
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

describe('an error that nobody catches ends its request as with the original', () => {
  /** A request that fails as its query says, beside one that has begun and is answered later. */
  const FAILING = `
  const { EventEmitter } = require('node:events');
  let finish;
  const ways = {
    slow: (response) => { finish = () => response.send('slow'); },
    fast: (response) => response.send('fast'),
    thrown: () => { throw new Error('thrown'); },
    rejected: () => Promise.reject(new Error('rejected')),
    later: () => setTimeout(() => { throw new Error('later'); }, 5),
    unawaited: () => void Promise.reject(new Error('unawaited')),
    emitted: () => setImmediate(() => new EventEmitter().emit('error', new Error('emitted'))),
    awaited: async () => { await 1; setTimeout(() => { throw new Error('awaited'); }, 5); await new Promise(() => {}); },
    finish: (response) => { finish(); response.send('finished'); },
  };
  functions.http('f', (request, response) => ways[request.query.way](response));`;

  const answerOf = async (url: string) => {
    const response = await fetch(url);
    return [response.status, response.headers.get('x-google-status'), await response.text()];
  };

  test('and no other request', async () => {
    const both = await startBoth('failing', FAILING);
    const outcomes = both.map(async ({ child, url }) => {
      const ask = (way: string) => answerOf(`${url}?way=${way}`);
      const slow = ask('slow');
      await ask('fast');
      const failed: unknown[] = [];
      for (const way of ['thrown', 'rejected', 'later', 'unawaited', 'emitted', 'awaited']) failed.push(await ask(way));
      return { failed, others: [await ask('finish'), await slow], exitCode: child.exitCode };
    });
    const [original, bundled] = await Promise.all(outcomes);
    expect(original?.failed).toContainEqual([500, 'crash', 'later']);
    expect(original).toMatchObject({
      others: [
        [200, null, 'finished'],
        [200, null, 'slow'],
      ],
      exitCode: null,
    });
    expect(bundled).toEqual(original);
  }, 30_000);

  test('and outside of a request it ends the process', async () => {
    const both = await startBoth(
      'outside',
      `${ECHO} process.stdin; setTimeout(() => { throw new Error('outside'); }, 1_000);`,
    );
    const codes = both.map(async ({ child }) => child.exitCode ?? (await once(child, 'exit'))[0]);
    expect(await Promise.all(codes)).toEqual([16, 16]);
  }, 30_000);

  test.each([
    ['with a callback', '(event, done) => done(event.data.fails ? new Error("callback") : null, "done")'],
    ['with a promise', 'async (event) => { if (event.data.fails) throw new Error("promise"); return "done"; }'],
  ])(
    'also in a function for events, %s',
    async (name, code) => {
      const both = await startBoth(`event ${name}`, `functions.cloudEvent('f', ${code});`, {
        FUNCTION_SIGNATURE_TYPE: 'cloudevent',
      });
      const headers = {
        ...{ 'content-type': 'application/json', 'ce-id': '1', 'ce-source': '//s', 'ce-type': 't' },
        'ce-specversion': '1.0',
      };
      const answers = both.map(async ({ url }) => {
        const post = async (data: object) => {
          const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(data) });
          return [response.status, response.headers.get('x-google-status'), await response.text()];
        };
        return [await post({ fails: true }), await post({ fails: false })];
      });
      const [original, bundled] = await Promise.all(answers);
      expect(original).toEqual([
        [500, 'error', expect.any(String)],
        [200, null, 'done'],
      ]);
      expect(bundled).toEqual(original);
    },
    30_000,
  );
});

test('the bundled framework does not load node:domain, which adds a hook to every promise', () => {
  const imported = Object.values(metafile.inputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  expect(imported.filter((path) => /^(?:node:)?domain$/.test(path))).toEqual([]);
});
