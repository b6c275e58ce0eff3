import { runInNewContext } from 'node:vm';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { verboseExchange } from '../../../src/client/commands/output/verbose.ts';
import { asClientError } from '../../../src/client/errors.ts';
import { createExchange } from '../../../src/client/http/http.ts';
import { timeoutIn } from '../../../src/client/http/timeout.ts';
import { identityError } from '../../../src/client/identity/refusal.ts';
import { listAll } from '../../../src/client/send-all/files/list.ts';
import { openInput } from '../../../src/client/send/input.ts';
import { resolveOptions } from '../../../src/client/send/send-options.ts';
import { unreadableFile } from '../../../src/client/send/unreadable.ts';
import { createListening } from '../../support/network/listening.ts';

const listening = createListening();
const folder = mkdtempSync(join(tmpdir(), 'courier-realm-'));
const file = join(folder, 'a.txt');
writeFileSync(file, 'ab');
afterAll(() => {
  listening.close();
  rmSync(folder, { recursive: true });
});

/** Bytes that were made in another realm, as in a test that runs in jsdom: their class is another `Uint8Array`. */
const foreignBytes = (): Uint8Array => runInNewContext('new Uint8Array([97, 98])') as Uint8Array;

/** As the classes of jsdom are: they have the names and members of Node's, and other prototypes. */
const foreign = <T extends object>(value: T): T =>
  new Proxy(Object.create(null) as T, {
    get(_, name) {
      const member: unknown = Reflect.get(value, name, value);
      return typeof member === 'function' ? member.bind(value) : member;
    },
    has: (_, name) => name in value,
  });

const collected = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

const foreignError = (code: string): Error =>
  runInNewContext('Object.assign(new Error("failed"), { code })', { code }) as Error;

const textOf = async (parts: AsyncIterable<Uint8Array>): Promise<string> => {
  let text = '';
  for await (const part of parts) text += new TextDecoder().decode(Uint8Array.from(part));
  return text;
};

test('bytes of another realm are sent', async () => {
  const input = await openInput(foreignBytes());
  expect(input.kind).toBe('seekable');
  expect(input.kind === 'seekable' && (await textOf(input.read(0, input.size)))).toBe('ab');
});

test('a stream may consist of bytes of another realm', async () => {
  async function* parts(): AsyncIterable<Uint8Array> {
    yield foreignBytes();
  }
  const input = await openInput(parts());
  expect(input.kind === 'stream' && (await textOf(input.bytes))).toBe('ab');
});

test('a URL of another realm is a URL', async () => {
  const input = await openInput(foreign(pathToFileURL(file)));
  expect(input.kind === 'seekable' && (await textOf(input.read(0, input.size)))).toBe('ab');
  if (input.kind === 'seekable') await input.close();
  const listed = await collected(listAll([foreign(pathToFileURL(file))], {}));
  expect(listed).toMatchObject([{ file, target: { name: 'a.txt' } }]);
  const url = new URL(await listening.listen((_, response) => response.end('{}')).then((host) => `http://${host}`));
  expect(await createExchange({})({ method: 'GET', url: foreign(url) })).toMatchObject({ status: 200 });
});

test('a Blob and a File of another realm are read in parts', async () => {
  const blob = await openInput(foreign(new Blob(['ab'])));
  expect(blob.kind === 'seekable' && (await textOf(blob.read(0, blob.size)))).toBe('ab');
  const named = await openInput(foreign(new File(['ab'], 'a.txt', { lastModified: 86_400_000 })));
  expect(named).toMatchObject({ kind: 'seekable', name: 'a.txt', times: { modified: new Date(86_400_000) } });
  const listed = await collected(listAll([{ input: foreign(new Blob(['ab'])), path: 'x/a' }], {}));
  expect(listed).toMatchObject([{ target: { folder: 'x', name: 'a' } }]);
});

test('a time of another realm is a time', () => {
  const time = runInNewContext('new Date(86400000)') as Date;
  expect(resolveOptions({ name: 'a', modifiedTime: time }, { name: undefined })).toMatchObject({
    modifiedTime: '1970-01-02T00:00:00.000Z',
  });
});

test('errors of another realm keep their reasons', () => {
  expect(unreadableFile('a', foreignError('EMFILE'))).toMatchObject({ retryable: true });
  expect(timeoutIn(Object.assign(foreignError(''), { name: 'TimeoutError' }))).toBe('failed');
  expect(asClientError(foreignError(''))).toMatchObject({ detail: 'failed' });
  const wrapped = Object.assign(foreignError(''), { cause: foreignError('ECONNREFUSED') });
  expect(identityError(wrapped, 'a@example.com')).toMatchObject({ code: 'google-unreachable' });
});

test('--verbose prints the size of bytes of another realm', async () => {
  const lines: string[] = [];
  const exchange = verboseExchange(
    async () => ({ status: 200, headers: {}, text: '' }),
    (line) => lines.push(line),
    undefined,
    () => 0,
  );
  await exchange({ method: 'POST', url: 'http://127.0.0.1/a', body: foreignBytes() });
  expect(lines[0]).toBe('> POST http://127.0.0.1/a (2 B)');
});
