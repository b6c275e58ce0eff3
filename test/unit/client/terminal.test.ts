import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { createListening } from '../../support/network/listening.ts';
import { runInProcess } from '../../support/processes/run-program.ts';

const { listen, close } = createListening();
afterEach(close);
const folder = mkdtempSync(join(tmpdir(), 'courier-terminal-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const RECEIPT = {
  ...{ id: 'i', name: 'a', mimeType: 'text/csv', size: 2_048, sha256: null, md5: null, destination: 'd', path: '' },
  ...{ folderId: 'f', webViewLink: 'https://drive.example/i', outcome: 'created', createdTime: '', modifiedTime: '' },
  ...{ caller: 'c', idempotencyKey: null, warnings: ['Not shared.'] },
};
const TOKEN = 'header.secret-payload.signature';

/** A courier that responds to every delivery with a receipt, and a metadata server. */
const start = async () => {
  const types: (string | undefined)[] = [];
  const courier = await listen(async (request, response) => {
    types.push(request.headers['content-type']);
    for await (const _ of request);
    response.setHeader('x-request-id', 'request-1');
    response.end(JSON.stringify(RECEIPT));
  });
  const metadata = await listen((_, response) => response.end(TOKEN));
  return { types, env: { COURIER_URL: `http://${courier}`, GCE_METADATA_HOST: metadata } };
};

describe('colors', () => {
  const SEND = ['send', '-', '--name', 'a'];

  test('mark receipts and errors on a terminal', async () => {
    const { env } = await start();
    const { stdout } = await runInProcess(SEND, { env, isTTY: true });
    expect(stdout).toContain('\u001b[32mcreated:\u001b[39m a (2.0 KiB) in d\n');
    expect(stdout).toContain('\u001b[33mwarning:\u001b[39m Not shared.');
    const failed = await runInProcess(['sned'], { isTTY: true });
    expect(failed.stderr).toContain('\u001b[31mcourier: usage:\u001b[39m ');
    expect((await runInProcess(['--help'], { isTTY: true })).stdout).toContain('\u001b[1mUsage:\u001b[22m');
  });

  test.each([
    ['NO_COLOR', { NO_COLOR: '1' }, true],
    ['a terminal without colors', { TERM: 'dumb' }, true],
    ['no terminal', {}, false],
  ])('do not appear with %s', async (_, variables, isTTY) => {
    const { env } = await start();
    const runs = [SEND, ['sned'], ['--help']].map((args) =>
      runInProcess(args, { env: { ...env, ...variables }, isTTY }),
    );
    for (const { stdout, stderr } of await Promise.all(runs))
      expect(stdout + stderr.replace(/\r[^\n]*/g, '')).not.toContain('\u001b[3');
  });
});

describe('control characters', () => {
  /** Moves the cursor, sets the title of the window, and returns to the beginning of the line; also as one byte (C1). */
  const NAME = 'a\u001b[2A\u001b]0;title\u0007\u009b1J\rb\u007f';

  test('of names and of texts from a server are shown on a terminal, not run', async () => {
    const courier = await listen(async (request, response) => {
      for await (const _ of request);
      response.end(JSON.stringify({ ...RECEIPT, name: NAME, warnings: [NAME] }));
    });
    const metadata = await listen((_, response) => response.end(TOKEN));
    const env = { COURIER_URL: `http://${courier}`, GCE_METADATA_HOST: metadata };
    const missing = `/nonexistent/${NAME}`;
    const outputs = await Promise.all([
      runInProcess(['send', '-', '--name', 'a'], { env, isTTY: true }),
      runInProcess(['send', missing], { env, isTTY: true }),
      runInProcess(['send', missing, '--include', '*.csv'], { env, isTTY: true }),
      runInProcess([NAME], { isTTY: true }),
    ]);
    for (const { stdout, stderr } of outputs) {
      expect(stdout + stderr).toContain('\\u001b[2A');
      // What is left are the colors of the client, and its progress line.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that it may write
      const rest = `${stdout}${stderr}`.replaceAll(/\u001b\[\d+m|(?:\r[^\r\n]*)?\r\u001b\[K/g, '');
      expect(rest).not.toMatch(/[^\n -~\u00a0-\uffff]/);
    }
  });

  test('are left as they are where the output is no terminal', async () => {
    expect((await runInProcess([NAME])).stderr).toContain(NAME);
  });
});

describe('--verbose', () => {
  test('reports settings, identity, requests and responses on standard error, and no token', async () => {
    const { env } = await start();
    const { stdout, stderr } = await runInProcess(['-v', 'send', '-', '--name', 'a', '--key', 'k1'], {
      env,
      stdin: 'hello',
    });
    const lines = stderr.split('\n');
    expect(lines).toContain(`courier: url: ${env.COURIER_URL} (from COURIER_URL)`);
    expect(lines).toContainEqual(expect.stringMatching(/^courier: identity: metadata-server, found by /));
    expect(lines).toContain(`courier: > POST ${env.COURIER_URL}/v1/files?name=a (5 B, Idempotency-Key k1)`);
    expect(lines).toContainEqual(expect.stringMatching(/^courier: < HTTP 200 after \d+ ms, request request-1$/));
    expect(stderr).not.toContain('secret-payload');
    expect(stdout).not.toContain('>');
  });

  test('hides the queries of other hosts, which contain the secret of an upload session', async () => {
    const uploads = await listen(async (request, response) => {
      for await (const _ of request);
      response.end('{}');
    });
    const courier = await listen(async (request, response) => {
      for await (const _ of request);
      const session = {
        ...{ id: 'u', uploadUrl: `http://${uploads}/upload?upload_id=hidden`, chunkGranularity: 262_144 },
        expiresTime: new Date(Date.now() + 60_000).toISOString(),
      };
      response.end(JSON.stringify(request.url === '/v1/uploads' ? session : RECEIPT));
    });
    const metadata = await listen((_, response) => response.end(TOKEN));
    const path = join(folder, 'large.bin');
    writeFileSync(path, Buffer.alloc(9 * 1024 * 1024));
    const env = { COURIER_URL: `http://${courier}`, GCE_METADATA_HOST: metadata, XDG_CACHE_HOME: folder };
    const { code, stderr } = await runInProcess(['--verbose', 'send', path], { env });
    expect(code).toBe(0);
    expect(stderr).toContain(`> PUT http://${uploads}/upload?… (9.0 MiB, bytes 0-9437183/9437184)`);
    expect(stderr).not.toContain('hidden');
  });
});

describe('the media type', () => {
  test.each([
    ['of the name in Drive', 'data.csv', ['--name', 'a.json'], 'application/json'],
    ['of the file, if the name in Drive has no extension', 'data.csv', ['--name', 'Sales 2026'], 'text/csv'],
    ['that is given, before both', 'data.csv', ['--name', 'a.json', '--mime-type', 'text/plain'], 'text/plain'],
    ['unknown, if no name has an extension', 'data', ['--name', 'Sales'], 'application/octet-stream'],
  ])('is the one %s', async (_, file, args, expected) => {
    const { env, types } = await start();
    const path = join(folder, file);
    writeFileSync(path, 'a,b\n');
    expect((await runInProcess(['send', path, ...args], { env })).code).toBe(0);
    expect(types).toEqual([expected]);
  });
});

describe('Ctrl-C', () => {
  const stopSoon = async (args: readonly string[], reason: string, stdin?: string) => {
    const controller = new AbortController();
    const courier = await listen(() => controller.abort(reason));
    const metadata = await listen((_, response) => response.end(TOKEN));
    const env = { COURIER_URL: `http://${courier}`, GCE_METADATA_HOST: metadata };
    return runInProcess(args, { env, signal: controller.signal, ...(stdin === undefined ? {} : { stdin }) });
  };

  test('stops a delivery with 130 and prints how to resume it', async () => {
    const { code, stderr } = await stopSoon(['send', '-', '--name', 'a', '--key', 'k1'], 'SIGINT', 'x');
    expect(code).toBe(130);
    expect(stderr).toMatch(/^courier: stopped: /);
    expect(stderr).toContain('Run the same command again');
    expect(stderr).toContain(' --key k1');
  });

  test('stops a command that waits for the courier', async () => {
    const { code, stdout } = await stopSoon(['--json', 'destinations'], 'SIGINT');
    expect([code, JSON.parse(stdout)]).toMatchObject([130, { error: { code: 'stopped', exitCode: 130 } }]);
  });

  test('a SIGTERM stops it with 75', async () => {
    expect(await stopSoon(['destinations'], 'SIGTERM')).toMatchObject({ code: 75 });
  });
});

test('courier config sets, prints, lists and removes keys', async () => {
  const env = { XDG_CONFIG_HOME: folder };
  const config = (...args: string[]) => runInProcess(['config', ...args], { env });
  expect(await config('get', 'url')).toEqual({ code: 1, stdout: '', stderr: '' });
  expect(await config('set', 'url', 'https://a.example\n')).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await config('set', 'key-file', '/key.json')).toMatchObject({ code: 0 });
  expect(await config('get', 'url')).toMatchObject({ code: 0, stdout: 'https://a.example\n' });
  const path = join(folder, 'drive-courier/config.yaml');
  expect(await config('path')).toMatchObject({ stdout: `${path}\n` });
  expect(readFileSync(path, 'utf8')).toBe('url: https://a.example\nkeyFile: /key.json\n');
  expect((await config('list')).stdout).toBe(
    `url: https://a.example (from ${path})\naudience: https://a.example (from the URL)\nkeyFile: /key.json (from ${path})\n`,
  );
  expect(await config('unset', 'keyFile')).toMatchObject({ code: 0 });
  for (const args of [
    ['set', 'url', 'ftp://a.example'],
    ['set', 'ulr', 'x'],
    ['get', 'ulr'],
    ['set', 'url', ''],
  ]) {
    expect(await config(...args)).toMatchObject({ code: 64 });
  }
  expect(readFileSync(path, 'utf8')).toBe('url: https://a.example\n');
});
