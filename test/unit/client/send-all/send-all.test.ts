import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  CourierClientError,
  type FileFailure,
  type FileReceipt,
  type SendAllInput,
  type SendAllOptions,
} from '../../../../src/client/index.ts';
import { createListening } from '../../../support/listening.ts';
import { startTinyCourier } from '../../../support/tiny-courier.ts';

const listening = createListening();
let folder: string;
let courier: Awaited<ReturnType<typeof startTinyCourier>>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'courier-many-'));
  courier = await startTinyCourier(listening);
});
afterEach(() => {
  listening.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Long ago, so that its time of change can be trusted. */
const YESTERDAY = new Date(Date.now() - 86_400_000);
const write = (path: string, content: string, changed = YESTERDAY): string => {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  utimesSync(whole, changed, changed);
  return whole;
};
const writeAll = (...paths: string[]): void => {
  for (const path of paths) write(path, `content of ${path}`);
};
const inFolder = (path: string): string => join(folder, path);

interface Run {
  receipts: FileReceipt[];
  failures: FileFailure[];
  error: CourierClientError | undefined;
}

const run = async (
  inputs: SendAllInput | Iterable<SendAllInput> | AsyncIterable<SendAllInput>,
  options: SendAllOptions = {},
  client = courier.client(),
): Promise<Run> => {
  const receipts: FileReceipt[] = [];
  const failures: FileFailure[] = [];
  try {
    const all = client.sendAll(inputs, { onFailure: (failed) => failures.push(failed), ...options });
    for await (const receipt of all) receipts.push(receipt);
  } catch (error) {
    if (!(error instanceof CourierClientError)) throw error;
    return { receipts, failures, error };
  }
  return { receipts, failures, error: undefined };
};
const changes = ({ receipts }: Run): Record<string, string> =>
  Object.fromEntries(receipts.map(({ file, change }) => [file.slice(folder.length + 1), change]));
const codes = ({ failures }: Run): Record<string, string> =>
  Object.fromEntries(failures.map(({ file, error }) => [file.slice(folder.length + 1), error.code]));

describe('what is sent', () => {
  test('a folder keeps its name and structure; files keep theirs', async () => {
    writeAll('exports/a.csv', 'exports/2026/11/b.csv', 'c.csv');
    const { error, receipts } = await run([inFolder('exports'), inFolder('c.csv')], { path: 'archive' });
    expect(error).toBeUndefined();
    expect(courier.paths()).toEqual(['archive/c.csv', 'archive/exports/2026/11/b.csv', 'archive/exports/a.csv']);
    expect(receipts.map(({ size, outcome, change }) => [size, outcome, change])).toContainEqual([16, 'created', 'new']);
  });

  test.each(['/', '/.'])('a folder with "%s" at the end is sent without its name', async (end) => {
    writeAll('exports/2026/b.csv');
    await run(`${inFolder('exports')}${end}`);
    expect(courier.paths()).toEqual(['2026/b.csv']);
  });

  test('without a path, folders go below the default folder of the destination', async () => {
    courier.state.defaultPath = 'inbox';
    writeAll('exports/a.csv', 'b.csv');
    await run([inFolder('exports'), inFolder('b.csv')]);
    expect(courier.paths()).toEqual(['inbox/b.csv', 'inbox/exports/a.csv']);
    courier.state.files.clear();
    await run([inFolder('exports'), inFolder('b.csv')], { path: '' });
    expect(courier.paths()).toEqual(['b.csv', 'exports/a.csv']);
  });

  test('a default folder with placeholders needs a path, unless all files go directly into it', async () => {
    courier.state.defaultPath = 'inbox/{date:yyyy}';
    writeAll('exports/a.csv', 'b.csv');
    expect((await run(inFolder('exports'))).error).toMatchObject({ code: 'usage', exitCode: 64 });
    expect(courier.state.requests).toBe(0);
    expect((await run([inFolder('b.csv'), `${inFolder('exports')}/`])).error).toBeUndefined();
    expect((await run(inFolder('exports'), { path: 'here' })).error).toBeUndefined();
    expect(courier.paths()).toContain('here/exports/a.csv');
  });

  test.each([
    ['*.csv', ['a.csv', 'b.csv']],
    ['?.csv', ['a.csv', 'b.csv']],
    ['[a].csv', ['a.csv']],
    ['2026-*', ['2026-11/c.csv', '2026-11/deep/d.csv']],
    ['2026-*/*.csv', ['2026-11/c.csv']],
    ['**/*.csv', ['2026-11/c.csv', '2026-11/deep/d.csv', 'a.csv', 'b.csv']],
    ['**', ['2026-11/c.csv', '2026-11/deep/d.csv', 'a.csv', 'b.csv', 'e.txt']],
    ['2026-11/**/d.csv', ['2026-11/deep/d.csv']],
  ])('the pattern %s matches as in a shell', async (pattern, paths) => {
    writeAll('a.csv', 'b.csv', 'e.txt', '.hidden.csv', '2026-11/c.csv', '2026-11/deep/d.csv');
    const { error } = await run(inFolder(pattern));
    expect(error).toBeUndefined();
    const fixed = pattern.startsWith('2026-11/') ? '2026-11/' : '';
    expect(courier.paths().map((path) => `${fixed}${path}`)).toEqual(paths);
  });

  test('a pattern that matches nothing is a failure; a file with the characters of a pattern is a file', async () => {
    writeAll('data[1].csv');
    expect((await run(inFolder('data[1].csv'))).error).toBeUndefined();
    expect(codes(await run(inFolder('*.xlsx')))).toEqual({ '*.xlsx': 'file-unreadable' });
  });

  test('include and exclude select in gitignore syntax, relative to the folder', async () => {
    writeAll('x/a.csv', 'x/b.txt', 'x/tmp/c.csv', 'x/deep/tmp/d.csv', 'x/deep/e.csv', 'x/deep/keep.log');
    await run(inFolder('x'), { include: ['*.csv', '*.log'], exclude: ['/tmp/', 'deep/*.log', '!deep/keep.log'] });
    expect(courier.paths()).toEqual(['x/a.csv', 'x/deep/e.csv', 'x/deep/keep.log', 'x/deep/tmp/d.csv']);
  });

  test('patterns are case-sensitive, also after many files', async () => {
    for (let index = 0; index < 1_100; index++) write(`x/${index}.CSV`, '');
    writeAll('x/a.csv');
    await run(inFolder('x'), { include: ['*.csv'] });
    expect(courier.paths()).toEqual(['x/a.csv']);
  });

  test('hidden files and symbolic links are sent by request only, and reported', async () => {
    writeAll('x/.env', 'x/.git/config', 'x/a', 'outside/b');
    symlinkSync(inFolder('outside'), inFolder('x/link'));
    symlinkSync(inFolder('outside/b'), inFolder('x/b'));
    const skipped: unknown[] = [];
    await run(inFolder('x'), { onSkip: ({ file, reason }) => skipped.push([file.slice(folder.length + 3), reason]) });
    expect(courier.paths()).toEqual(['x/a']);
    expect(skipped).toEqual([
      ['.env', 'hidden'],
      ['.git', 'hidden'],
      ['b', 'symlink'],
      ['link', 'symlink'],
    ]);
    await run(inFolder('x'), { hidden: true, followSymlinks: true });
    expect(courier.paths()).toEqual(['x/.env', 'x/.git/config', 'x/a', 'x/a', 'x/b', 'x/link/b']);
  });

  test('bytes with a path of their own', async () => {
    await run([
      { input: Buffer.from('one'), path: 'a/one.txt' },
      { input: new Blob(['two']), path: 'two.txt' },
    ]);
    expect(courier.paths()).toEqual(['a/one.txt', 'two.txt']);
    const wrong = { input: {}, path: 'x' } as unknown as SendAllInput;
    expect((await run([wrong])).error).toMatchObject({ code: 'usage' });
  });

  test('an asynchronous list whose next item takes long does not hold back receipts', async () => {
    writeAll('a', 'b');
    let sendRest = (): void => undefined;
    const rest = new Promise<void>((resolve) => {
      sendRest = resolve;
    });
    async function* slow(): AsyncGenerator<string> {
      yield inFolder('a');
      await rest;
      yield inFolder('b');
    }
    const files: string[] = [];
    for await (const { name } of courier.client().sendAll(slow())) {
      files.push(name);
      sendRest();
    }
    expect(files).toEqual(['a', 'b']);
  });
});

describe('a file that cannot be sent does not stop the others', () => {
  test('unreadable entries, loops, names, and files with one path', async () => {
    writeAll(
      'x/good',
      'x/sub/good',
      'x/cafe\u0301',
      'x/caf\u00e9',
      'x/A',
      'x/a',
      'x/back\\slash',
      'x/fo\\lder/a',
      'x/bell\u0007',
    );
    symlinkSync('..', inFolder('x/sub/loop'));
    symlinkSync('nowhere', inFolder('x/broken'));
    const result = await run([inFolder('x'), inFolder('missing')], { followSymlinks: true });
    expect(codes(result)).toEqual({
      'x/sub/loop': 'file-unreadable',
      'x/broken': 'file-unreadable',
      'x/back\\slash': 'name-invalid',
      'x/fo\\lder/a': 'path-invalid',
      'x/bell\u0007': 'name-invalid',
      'x/caf\u00e9': 'path-taken',
      missing: 'file-unreadable',
    });
    expect(courier.paths()).toEqual(['x/A', 'x/a', 'x/caf\u00e9', 'x/good', 'x/sub/good']);
    expect(result.error).toMatchObject({ code: 'files-failed', exitCode: 1, retryable: false });
    expect(result.error?.failures).toEqual(result.failures);
  });

  test('the same file named twice is sent once', async () => {
    writeAll('x/a');
    expect((await run([inFolder('x'), inFolder('x')])).error).toBeUndefined();
    expect(courier.state.requests).toBe(1);
  });

  test('a file that vanishes or changes after it was listed', async () => {
    writeAll('x/a', 'x/b', 'x/c');
    courier.state.before = async (path) => {
      if (path === 'x/a') rmSync(inFolder('x/b'));
    };
    const result = await run(inFolder('x'), { concurrency: 1 });
    expect(codes(result)).toEqual({ 'x/b': 'file-unreadable' });
    expect(courier.paths()).toEqual(['x/a', 'x/c']);
  });

  test('75 as long as another run can deliver something', async () => {
    writeAll('x/a', 'x/b', 'x/c');
    courier.state.refuse = (path) =>
      path === 'x/a'
        ? { status: 503, code: 'drive-unavailable' }
        : path === 'x/b'
          ? { status: 422, code: 'digest-mismatch' }
          : undefined;
    const { error } = await run(inFolder('x'));
    expect(error).toMatchObject({ code: 'files-failed', exitCode: 75, retryable: true });
    courier.state.refuse = (path) => (path === 'x/b' ? { status: 422, code: 'digest-mismatch' } : undefined);
    const again = await run(inFolder('x'), { idempotencyKey: error?.idempotencyKey });
    expect(again.error).toMatchObject({ exitCode: 1 });
    expect(courier.paths()).toEqual(['x/a', 'x/c']);
  });
});

describe('errors that every file would get end the run', () => {
  test.each([
    [403, 'caller-not-allowed', 8],
    [401, 'token-invalid', 8],
    [502, 'key-revoked', 32],
    [503, 'drive-unavailable', 32],
  ])('%d %s', async (status, code, mostRequests) => {
    for (let index = 0; index < 60; index++) write(`x/${index}`, String(index));
    courier.state.refuse = () => ({ status, code });
    const { error } = await run(inFolder('x'));
    expect(error).toMatchObject({ code });
    expect(courier.state.requests).toBeLessThanOrEqual(mostRequests + 16);
  });

  test('errors about one file do not', async () => {
    for (let index = 0; index < 40; index++) write(`x/${index}`, String(index));
    courier.state.refuse = () => ({ status: 409, code: 'name-taken' });
    const { error, failures } = await run(inFolder('x'), { onConflict: 'fail' });
    expect(error).toMatchObject({ code: 'files-failed', exitCode: 1 });
    expect(failures).toHaveLength(40);
  });
});

describe('concurrency', () => {
  const writeMany = (count: number): void => {
    for (let index = 0; index < count; index++) write(`x/${index}`, String(index));
  };

  test('is bounded, and connections are used again', async () => {
    writeMany(30);
    courier.state.before = () => new Promise((resolve) => setTimeout(resolve, 40));
    await run(inFolder('x'), { concurrency: 5 });
    expect(courier.state.most).toBe(5);
    expect(courier.state.connections).toBe(5);
  });

  test('is halved by an answer 429, once for the files that are on the way, and grows slowly', async () => {
    writeMany(60);
    /** The most requests at the same time since the last one that ended, for each request. */
    const seen: number[] = [];
    courier.state.refuse = (_, turn) => (turn > 8 && turn <= 16 ? { status: 429, code: 'busy' } : undefined);
    courier.state.before = async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      seen.push(courier.state.most);
      courier.state.most = 0;
    };
    const patient = courier.client({ retry: { attempts: 9, baseMs: 1 } });
    const { receipts } = await run(inFolder('x'), { concurrency: 8 }, patient);
    expect(receipts).toHaveLength(60);
    expect(Math.max(...seen.slice(0, 8))).toBe(8);
    // The refused ones are repeated; after them, four at a time, and soon five.
    const later = seen.slice(24, 31);
    expect(Math.max(...later)).toBeGreaterThanOrEqual(4);
    expect(Math.max(...later)).toBeLessThanOrEqual(6);
  });

  test.each([0, 101, 1.5])('%d is refused', async (concurrency) => {
    expect((await run([], { concurrency })).error).toMatchObject({ code: 'usage' });
  });
});

describe('the manifest', () => {
  const manifest = (): string => inFolder('manifest.jsonl');
  const lines = (): Record<string, unknown>[] =>
    readFileSync(manifest(), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const send = (options: SendAllOptions = {}) => run(inFolder('x'), { manifest: manifest(), ...options });

  test('has a line for each delivery with its receipt', async () => {
    writeAll('x/a');
    const { receipts } = await send();
    const [header, entry] = lines();
    expect(header).toMatchObject({ manifest: 'drive-courier', version: 1 });
    expect(entry).toEqual({
      ...{ file: inFolder('x/a'), path: 'x/a', size: 14, mtime: expect.stringMatching(/^\d{4}-.*T.*\.\d{9}Z$/) },
      ...{ sha256: receipts[0]?.sha256, key: receipts[0]?.idempotencyKey },
      receipt: expect.objectContaining({ id: 'id-0', outcome: 'created' }),
    });
  });

  test('the same call again sends what is new or changed', async () => {
    writeAll('x/a', 'x/b');
    const first = await send();
    write('x/b', 'other bytes', new Date());
    writeAll('x/c');
    const second = await send({ onConflict: 'replace' });
    expect(changes(second)).toEqual({ 'x/a': 'unchanged', 'x/b': 'changed', 'x/c': 'new' });
    expect(courier.state.requests).toBe(4);
    const named = ({ receipts }: Run, wanted: string) => receipts.find(({ name }) => name === wanted);
    expect(named(second, 'a')).toEqual({ ...named(first, 'a'), change: 'unchanged' });
    const rules = [...courier.state.files.values()].map(({ onConflict }) => onConflict);
    expect(rules).toEqual([null, null, 'replace', 'replace']);
    expect(changes(await send())).toEqual({ 'x/a': 'unchanged', 'x/b': 'unchanged', 'x/c': 'unchanged' });
    expect(courier.state.requests).toBe(4);
  });

  test('a change that keeps size and time of a fresh file is noticed', async () => {
    const now = new Date();
    write('x/a', 'one', now);
    await send();
    write('x/a', 'two', now);
    expect(changes(await send())).toEqual({ 'x/a': 'changed' });
  });

  test('on another machine, where files have other times and folders, bytes are compared', async () => {
    writeAll('x/a', 'x/b');
    await send();
    const other = mkdtempSync(join(tmpdir(), 'courier-other-'));
    for (const name of ['a', 'b']) {
      mkdirSync(join(other, 'x'), { recursive: true });
      writeFileSync(join(other, 'x', name), `content of x/${name}`);
    }
    const again = await run(join(other, 'x'), { manifest: manifest() });
    rmSync(other, { recursive: true });
    expect(again.receipts.map(({ change }) => change)).toEqual(['unchanged', 'unchanged']);
    expect(courier.state.requests).toBe(2);
  });

  test('two runs with one manifest at the same time create no duplicates', async () => {
    for (let index = 0; index < 40; index++) write(`x/${index}`, String(index));
    const [one, other] = await Promise.all([send(), send()]);
    expect([one.receipts.length, other.receipts.length]).toEqual([40, 40]);
    expect(courier.state.files.size).toBe(40);
    expect(changes(await send())).toEqual(
      Object.fromEntries([...Array(40).keys()].map((each) => [`x/${each}`, 'unchanged'])),
    );
  });

  test('is not sent itself, also below a folder that is sent', async () => {
    writeAll('x/a');
    for (let turn = 0; turn < 2; turn++) await run(inFolder('x'), { manifest: inFolder('x/m.jsonl') });
    expect(courier.paths()).toEqual(['x/a']);
  });

  test('a line that a crash cut off is ignored, and the next line is whole', async () => {
    writeAll('x/a', 'x/b');
    await send({ concurrency: 1 });
    const whole = readFileSync(manifest(), 'utf8');
    writeFileSync(manifest(), whole.slice(0, -30));
    expect(changes(await send())).toEqual({ 'x/a': 'unchanged', 'x/b': 'new' });
    expect(courier.state.files.size).toBe(2);
    expect(changes(await send())).toEqual({ 'x/a': 'unchanged', 'x/b': 'unchanged' });
  });

  test('an empty file becomes a manifest; another file, another version and another key are refused', async () => {
    writeAll('x/a');
    writeFileSync(manifest(), '');
    expect((await send({ idempotencyKey: 'k' })).error).toBeUndefined();
    expect(lines()[0]).toMatchObject({ key: 'k' });
    expect((await send({ idempotencyKey: 'other' })).error).toMatchObject({ code: 'usage' });
    for (const content of ['name,size\n', '{"manifest":"drive-courier","version":2,"key":"k"}\n']) {
      writeFileSync(manifest(), content);
      expect((await send()).error).toMatchObject({ code: 'usage' });
      expect(readFileSync(manifest(), 'utf8')).toBe(content);
    }
    expect((await send({ manifest: join(folder, 'missing/m') })).error).toMatchObject({ code: 'file-unwritable' });
  });

  test('belongs to what is sent where: another path or destination is another delivery', async () => {
    writeAll('x/a');
    await send({ path: 'one' });
    expect(changes(await send({ path: 'two' }))).toEqual({ 'x/a': 'new' });
    expect(changes(await send({ path: 'two', destination: 'other' }))).toEqual({ 'x/a': 'new' });
    expect(changes(await send({ path: 'two' }))).toEqual({ 'x/a': 'unchanged' });
  });

  test('after a stop, the next run sends the rest', async () => {
    for (let index = 0; index < 30; index++) write(`x/${index}`, String(index));
    const controller = new AbortController();
    courier.state.before = async () => {
      if (courier.state.requests === 10) controller.abort('SIGINT');
    };
    const first = await send({ signal: controller.signal });
    expect(first.error).toMatchObject({ code: 'stopped' });
    expect(first.failures).toEqual([]);
    const second = await send();
    expect(second.error).toBeUndefined();
    expect(courier.state.files.size).toBe(30);
    expect(second.receipts.filter(({ change }) => change === 'unchanged').length).toBeGreaterThanOrEqual(1);
  });
});

test('keys depend on the key of the run, the path and the bytes alone', async () => {
  writeAll('x/a', 'x/b');
  const keysOf = async (idempotencyKey: string): Promise<(string | null)[]> =>
    (await run(inFolder('x'), { idempotencyKey })).receipts.map((each) => each.idempotencyKey).toSorted();
  const one = await keysOf('one');
  expect(await keysOf('one')).toEqual(one);
  expect(new Set([...one, ...(await keysOf('two'))]).size).toBe(4);
  expect(one.every((key) => key?.startsWith('one:'))).toBe(true);
});

test('a caller that stops reading ends the run', async () => {
  for (let index = 0; index < 60; index++) write(`x/${index}`, String(index));
  for await (const _ of courier.client().sendAll(inFolder('x'), { concurrency: 2 })) break;
  const { requests } = courier.state;
  expect(requests).toBeLessThan(10);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(courier.state.requests).toBe(requests);
});

test('progress counts files and bytes, and knows the total', async () => {
  writeAll('x/a', 'x/b', 'x/c');
  const seen: unknown[] = [];
  courier.state.before = () => new Promise((resolve) => setTimeout(resolve, 250));
  await run(inFolder('x'), { concurrency: 1, onProgress: (progress) => seen.push(progress) });
  expect(seen.at(-1)).toEqual({ files: 3, totalFiles: 3, sentBytes: 42, totalBytes: 42 });
});
