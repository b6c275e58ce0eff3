import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { ask, jsonBody } from './redirect.ts';

const started: ChildProcess[] = [];
const folders: string[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]): ChildProcess => {
  const child = spawn(process.execPath, ['local/google/main.ts', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  return child;
};

const readyOf = async (child: ChildProcess): Promise<Record<string, string>> => {
  if (child.stdout === null) throw new Error('no output');
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return JSON.parse(line) as Record<string, string>;
};

test('prints one line when it is ready, serves, and exits on SIGTERM', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'local-google-main-'));
  folders.push(dataDir);
  const child = run('--port', '0', '--data', dataDir);
  const ready = await readyOf(child);
  expect(ready).toMatchObject({
    origin: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    dataDir,
    keyFile: join(dataDir, 'keys', 'courier.json'),
    callerKeyFile: join(dataDir, 'keys', 'exporter.json'),
    secret: 'projects/local-project/secrets/drive-key/versions/latest',
    bucket: 'local-exports',
  });
  expect(ready.origin).toBe(`http://${ready.metadataHost}`);
  expect((await ask(`${ready.origin}/www.googleapis.com/oauth2/v3/certs`)).status).toBe(200);

  const admin = (verb: string, body: unknown) => ask(`${ready.origin}/_admin/${verb}`, jsonBody(body));
  const { body } = await admin('idToken', { email: 'alice@example.com', audience: 'aud', claims: { nonce: 'n' } });
  expect(decodeJwt(String(body.token))).toMatchObject({ email: 'alice@example.com', nonce: 'n' });
  expect((await admin('deleteKey', { email: 'nobody@example.com' })).status).toBe(400);
  expect((await admin('deleteKey', { mail: 'x' })).status).toBe(400);
  expect((await admin('constructor', {})).status).toBe(404);
  expect((await ask(`${ready.origin}/_calls`)).body.calls).toMatchObject([{ path: '/oauth2/v3/certs', status: 200 }]);

  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('wrong usage exits 64 and prints the usage', async () => {
  const child = run('--prot', '1');
  let output = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(64);
  expect(output).toContain('Usage: npm run google');
});

test('--help prints the usage and exits with 0', async () => {
  const child = run('--help');
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(output).toBe('Usage: npm run google -- [--port PORT] [--data DIR]\n');
});

test('a port in use exits with 1 and a message', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'local-google-main-'));
  folders.push(dataDir);
  const first = await readyOf(run('--port', '0', '--data', dataDir));
  const second = run('--port', new URL(first.origin ?? '').port);
  let output = '';
  second.stderr?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  expect(await once(second, 'close')).toEqual([1, null]);
  expect(output).toContain('EADDRINUSE');
  expect(output).toContain('Choose another port with --port, or 0 for any free port.');
});
