import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { publint } from 'publint';
import { packClient } from '../support/client/client-package.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/** The package as npm packs it, unpacked where an application has it. */
let folder: string;
let app: string;
let installed: string;
let tarball: string;
let files: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'courier-package-'));
  ({ tarball, files } = await packClient(root, folder));
  app = join(folder, 'app');
  installed = join(app, 'node_modules/drive-courier');
  await mkdir(installed, { recursive: true });
  await execute('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const readManifest = async () => JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));

describe('the package', () => {
  test('contains exactly what it needs', () => {
    const scripts = files.filter((path) => /^lib\/[\w-]+\.js$/.test(path));
    expect(scripts).toEqual(expect.arrayContaining(['lib/index.js', 'lib/main.js']));
    expect(files.filter((path) => !scripts.includes(path)).toSorted()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'THIRD_PARTY_LICENSES.txt',
      'courier.cjs',
      'index.cjs',
      'index.d.cts',
      'index.d.ts',
      'index.js',
      'lib/index.d.ts',
      'lib/package.json',
      'package.json',
      'runtime.cjs',
    ]);
  });

  test('has correct metadata, and can be published with provenance', async () => {
    const manifest = await readManifest();
    const own = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject({
      name: own.name,
      version: own.version,
      license: own.license,
      engines: { node: '>=20' },
      bin: { courier: 'courier.cjs' },
      publishConfig: { access: 'public', provenance: true },
    });
    expect(manifest.private).toBeUndefined();
    expect(manifest.dependencies).toBeUndefined();
    expect([manifest.repository, manifest.homepage, manifest.bugs]).toEqual([own.repository, own.homepage, own.bugs]);
  });

  test('passes publint', async () => {
    const { messages } = await publint({ pkgDir: installed, strict: true, pack: false });
    expect(messages).toEqual([]);
  });

  test('has correct types for every kind of import', async () => {
    const { stdout } = await execute(process.execPath, [
      join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
      ...['--format', 'json', '--no-emoji', tarball],
    ]).catch((error: { stdout: string }) => error);
    const { analysis } = JSON.parse(stdout) as {
      analysis: { types: unknown; problems?: unknown[] };
      problems?: unknown;
    };
    expect(analysis.types).toMatchObject({ kind: 'included' });
    expect(analysis.problems).toEqual([]);
  }, 60_000);
});

/** Compiled in one run: the compiler takes seconds to start. */
const SOURCES = {
  'all.ts': `
import { CourierClient, CourierClientError, type DoctorReport, type Receipt } from 'drive-courier/client';
import { CourierClient as Same } from 'drive-courier';
const courier: Same = new CourierClient({ url: new URL('https://c.example'), retry: { attempts: 2 }, chunkBytes: 262_144 });
const receipt: Receipt = await courier.send(new Blob(['x']), { name: 'x', onConflict: 'replace', signal: AbortSignal.timeout(1) });
await courier.send(process.stdin, { name: undefined, onProgress: ({ sentBytes }) => console.log(sentBytes + 1) });
await courier.export({ name: 'x.csv', source: { rows: [{ a: 1 }] } });
const { ok, findings = [] }: DoctorReport = await courier.doctor({ write: true });
const code: string = new Error() instanceof CourierClientError ? '' : receipt.webViewLink;
console.log(ok, findings[0]?.destinations[0]?.trim(), code, (await courier.destinations())[0]?.maxBytes?.toFixed());
`,
  'common.cts': `
import courier = require('drive-courier/client');
const client: courier.CourierClient = new courier.CourierClient({ url: 'https://c.example', identity: { idToken: async () => '' } });
client.token().then((token) => token.trim());
`,
  'typos.ts': `
import { CourierClient } from 'drive-courier/client';
declare const client: CourierClient;
// @ts-expect-error
new CourierClient({ url: '', audiance: '' });
// @ts-expect-error: not public
new CourierClient({ url: '', exchange: fetch });
// @ts-expect-error
new CourierClient({ url: '', retry: { atempts: 1 } });
// @ts-expect-error
client.send('x', { onConflikt: 'new' });
// @ts-expect-error
client.send('x', { onConflict: 'merge' });
// @ts-expect-error
client.export('{}', { idempotencykey: '' });
// @ts-expect-error
client.export({ nmae: '', source: { text: '' } });
// @ts-expect-error
client.export({ source: { txt: '' } });
// @ts-expect-error
client.doctor({ wirte: true });
`,
};

test('the types compile strictly as ES modules and CommonJS, including the examples, and a typo in an option is an error', async () => {
  const types = join(app, 'node_modules/@types');
  await mkdir(types, { recursive: true });
  await symlink(join(root, 'node_modules/@types/node'), join(types, 'node'));
  await symlink(join(root, 'node_modules/undici-types'), join(app, 'node_modules/undici-types'));
  await writeFile(join(app, 'package.json'), '{ "type": "module" }');
  const pages = [join(installed, 'README.md'), join(root, 'docs/client.md')].map((path) => readFile(path, 'utf8'));
  const blocks = [...(await Promise.all(pages)).join('\n').matchAll(/```ts\n([\s\S]*?)```/g)];
  const examples = blocks.map(([, text = '']) => text).filter((text) => text.startsWith('import '));
  expect(examples).toHaveLength(2);
  const sources: Record<string, string> = {
    ...SOURCES,
    ...Object.fromEntries(examples.map((text, at) => [`example-${at}.ts`, text])),
    // As a source file it is type-checked. Library declarations are not, which saves the time for Node's.
    'declarations.ts': await readFile(join(installed, 'lib/index.d.ts'), 'utf8'),
  };
  for (const [file, text] of Object.entries(sources)) await writeFile(join(app, file), text);
  const options = ['--strict', '--exactOptionalPropertyTypes', '--noEmit', '--skipLibCheck'];
  const settings = ['--types', 'node', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022'];
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const args = [compiler, ...options, ...settings, ...Object.keys(sources)];
  const { stdout } = await execute(process.execPath, args, { cwd: app }).catch((error: { stdout: string }) => error);
  expect(stdout).toBe('');
}, 120_000);

test('import and require share one copy of the library', async () => {
  const script = `
const required = require('drive-courier/client');
Promise.all([import('drive-courier/client'), import('drive-courier')]).then((imported) => {
  console.log(imported.every((each) => each.CourierClientError === required.CourierClientError));
});`;
  const { stdout } = await execute(process.execPath, ['--input-type=commonjs', '-e', script], { cwd: app, env: {} });
  expect(stdout).toBe('true\n');
});

test('an outdated runtime gets a one-sentence error', async () => {
  const old = join(folder, 'old');
  await cp(installed, old, { recursive: true });
  const runtime = join(old, 'runtime.cjs');
  const text = await readFile(runtime, 'utf8');
  await writeFile(runtime, text.replace('process.versions.node', "'18.20.8'"));
  const sentence = 'drive-courier requires Node.js 20 or newer, and this is Node.js 18.20.8.';
  const command = await execute(process.execPath, [join(old, 'courier.cjs'), 'send', 'x']).catch((error) => error);
  expect(command).toMatchObject({ code: 64, stdout: '', stderr: `courier: ${sentence}\n` });
  for (const library of [`require('./index.cjs')`, `import('./index.js')`]) {
    const failed = await execute(process.execPath, ['-e', library], { cwd: old }).catch((error) => error);
    expect(failed.stderr).toContain(`Error: ${sentence}\n`);
    expect(failed.stderr.length).toBeLessThan(1_500);
  }
});
