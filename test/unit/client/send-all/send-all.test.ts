import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import type { SendAllInput } from '../../../../src/client/index.ts';
import { timesOf } from '../../../../src/client/send/input.ts';
import { createSendAllWorld } from './send-all-world.ts';

const { folder, courier, write, writeAll, inFolder, run, codes } = createSendAllWorld();

describe('what is sent', () => {
  test('a folder keeps its name and structure; files keep theirs', async () => {
    writeAll('exports/a.csv', 'exports/2026/11/b.csv', 'c.csv');
    const { error, receipts } = await run([inFolder('exports'), inFolder('c.csv')], { path: 'archive' });
    expect(error).toBeUndefined();
    expect(courier().paths()).toEqual(['archive/c.csv', 'archive/exports/2026/11/b.csv', 'archive/exports/a.csv']);
    expect(receipts.map(({ size, outcome, change }) => [size, outcome, change])).toContainEqual([16, 'created', 'new']);
  });

  test.each(['/', '/.'])('a folder with "%s" at the end is sent without its name', async (end) => {
    writeAll('exports/2026/b.csv');
    await run(`${inFolder('exports')}${end}`);
    expect(courier().paths()).toEqual(['2026/b.csv']);
  });

  test('without a path, folders go below the default folder of the destination', async () => {
    courier().state.defaultPath = 'inbox';
    writeAll('exports/a.csv', 'b.csv');
    await run([inFolder('exports'), inFolder('b.csv')]);
    expect(courier().paths()).toEqual(['inbox/b.csv', 'inbox/exports/a.csv']);
    courier().state.files.clear();
    await run([inFolder('exports'), inFolder('b.csv')], { path: '' });
    expect(courier().paths()).toEqual(['b.csv', 'exports/a.csv']);
  });

  test('a default folder with placeholders needs a path, unless all files go directly into it', async () => {
    courier().state.defaultPath = 'inbox/{date:yyyy}';
    writeAll('exports/a.csv', 'b.csv');
    expect((await run(inFolder('exports'))).error).toMatchObject({ code: 'usage', exitCode: 64 });
    expect(courier().state.requests).toBe(0);
    expect((await run([inFolder('b.csv'), `${inFolder('exports')}/`])).error).toBeUndefined();
    expect((await run(inFolder('exports'), { path: 'here' })).error).toBeUndefined();
    expect(courier().paths()).toContain('here/exports/a.csv');
  });

  test.each([
    ['*.csv', ['a.csv', 'b.csv']],
    ['?.csv', ['a.csv', 'b.csv']],
    ['[a].csv', ['a.csv']],
    ['2026-*', ['2026-11/c.csv', '2026-11/deep/d.csv']],
    ['*/', ['2026-11/c.csv', '2026-11/deep/d.csv']],
    ['2026-*/*/', ['2026-11/deep/d.csv']],
    ['**/', ['2026-11/c.csv', '2026-11/deep/d.csv', 'a.csv', 'b.csv', 'e.txt']],
    ['**/2026-*/', ['2026-11/c.csv', '2026-11/deep/d.csv']],
    ['**/*/', ['2026-11/c.csv', '2026-11/deep/d.csv']],
    ['2026-*/*.csv', ['2026-11/c.csv']],
    ['**/*.csv', ['2026-11/c.csv', '2026-11/deep/d.csv', 'a.csv', 'b.csv']],
    ['**', ['2026-11/c.csv', '2026-11/deep/d.csv', 'a.csv', 'b.csv', 'e.txt']],
    ['2026-11/**/d.csv', ['2026-11/deep/d.csv']],
  ])('the pattern %s matches as in a shell', async (pattern, paths) => {
    writeAll('a.csv', 'b.csv', 'e.txt', '.hidden.csv', '2026-11/c.csv', '2026-11/deep/d.csv');
    const { error } = await run(inFolder(pattern));
    expect(error).toBeUndefined();
    const fixed = pattern.startsWith('2026-11/') ? '2026-11/' : '';
    expect(
      courier()
        .paths()
        .map((path) => `${fixed}${path}`),
    ).toEqual(paths);
  });

  test('a pattern that matches nothing is a failure; a file with the characters of a pattern is a file', async () => {
    writeAll('data[1].csv');
    expect((await run(inFolder('data[1].csv'))).error).toBeUndefined();
    expect(codes(await run(inFolder('*.xlsx')))).toEqual({ '*.xlsx': 'file-unreadable' });
  });

  test('include and exclude select in gitignore syntax, relative to the folder', async () => {
    writeAll('x/a.csv', 'x/b.txt', 'x/tmp/c.csv', 'x/deep/tmp/d.csv', 'x/deep/e.csv', 'x/deep/keep.log');
    await run(inFolder('x'), { include: ['*.csv', '*.log'], exclude: ['/tmp/', 'deep/*.log', '!deep/keep.log'] });
    expect(courier().paths()).toEqual(['x/a.csv', 'x/deep/e.csv', 'x/deep/keep.log', 'x/deep/tmp/d.csv']);
  });

  test('patterns are case-sensitive, also after many files', async () => {
    for (let index = 0; index < 1_100; index++) write(`x/${index}.CSV`, '');
    writeAll('x/a.csv');
    await run(inFolder('x'), { include: ['*.csv'] });
    expect(courier().paths()).toEqual(['x/a.csv']);
  });

  test('hidden files and symbolic links are sent by request only, and reported', async () => {
    writeAll('x/.env', 'x/.git/config', 'x/a', 'outside/b');
    symlinkSync(inFolder('outside'), inFolder('x/link'));
    symlinkSync(inFolder('outside/b'), inFolder('x/b'));
    const skipped: unknown[] = [];
    await run(inFolder('x'), { onSkip: ({ file, reason }) => skipped.push([file.slice(folder().length + 3), reason]) });
    expect(courier().paths()).toEqual(['x/a']);
    expect(skipped).toEqual([
      ['.env', 'hidden'],
      ['.git', 'hidden'],
      ['b', 'symlink'],
      ['link', 'symlink'],
    ]);
    await run(inFolder('x'), { hidden: true, followSymlinks: true });
    expect(courier().paths()).toEqual(['x/.env', 'x/.git/config', 'x/a', 'x/a', 'x/b', 'x/link/b']);
  });

  test('a pattern finds symbolic links as if they were named, but does not enter folders by them', async () => {
    writeAll('x/a', 'y/b');
    symlinkSync('a', inFolder('x/file'));
    symlinkSync('../y', inFolder('x/folder'));
    const skipped: unknown[] = [];
    const options = { onSkip: ({ file, reason }: { file: string; reason: string }) => skipped.push([file, reason]) };
    expect((await run(inFolder('x/*'), options)).error).toBeUndefined();
    expect(courier().paths()).toEqual(['a', 'file', 'folder/b']);
    expect(skipped).toEqual([]);
    expect((await run(inFolder('x/**'), { ...options, path: 'deep' })).error).toBeUndefined();
    expect(courier().paths()).toEqual(['a', 'deep/a', 'deep/file', 'file', 'folder/b']);
    expect(skipped).toEqual([[inFolder('x/folder'), 'symlink']]);
  });

  test('bytes with a path of their own', async () => {
    await run([
      { input: Buffer.from('one'), path: 'a/one.txt' },
      { input: new Blob(['two']), path: 'two.txt' },
    ]);
    expect(courier().paths()).toEqual(['a/one.txt', 'two.txt']);
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
    for await (const { name } of courier().client().sendAll(slow())) {
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
    expect(courier().paths()).toEqual(['x/A', 'x/a', 'x/caf\u00e9', 'x/good', 'x/sub/good']);
    expect(result.error).toMatchObject({ code: 'files-failed', exitCode: 1, retryable: false });
    expect(result.error?.failures).toEqual(result.failures);
  });

  test('the same file named twice is sent once', async () => {
    writeAll('x/a');
    expect((await run([inFolder('x'), inFolder('x')])).error).toBeUndefined();
    expect(courier().state.requests).toBe(1);
    const otherwise = `${folder()}/./x/../x/a`;
    expect((await run([`${inFolder('x')}/`, otherwise, pathToFileURL(inFolder('x/a'))])).error).toBeUndefined();
    expect(courier().state.requests).toBe(2);
  });

  test('a file with a time that Drive cannot keep is sent without it', async () => {
    const file = new File(['x'], 'x', { lastModified: 9e15 });
    const result = await run([{ input: file, path: 'x' }, write('y', 'y')], { preserveTimes: true });
    expect(result.error).toBeUndefined();
    expect(courier().paths()).toEqual(['x', 'y']);
    const year10000 = BigInt(Date.UTC(10_000, 0));
    expect(timesOf({ mtimeMs: year10000, birthtimeMs: 0n })).toEqual({ modified: undefined, created: undefined });
  });

  test('every name that is not UTF-8 is reported, also of folders', async () => {
    writeAll('x/good');
    for (const byte of [0xfc, 0xfd]) {
      const name = Buffer.concat([Buffer.from(`${inFolder('x')}/`), Buffer.of(byte)]);
      writeFileSync(name, 'x');
      mkdirSync(Buffer.concat([name, Buffer.from('folder')]));
    }
    const { failures, receipts } = await run(inFolder('x'));
    expect(receipts).toHaveLength(1);
    expect(failures.map(({ error: { detail } }) => detail)).toEqual(Array(4).fill('The name is not UTF-8.'));
  });

  test('other bytes with the same path are a failure, the same bytes are sent once', async () => {
    const one = { input: Buffer.from('one'), path: 'a' };
    const result = await run([one, { input: Buffer.from('two'), path: 'a' }, one]);
    expect(result.failures).toMatchObject([{ file: 'a', error: { code: 'path-taken' } }]);
    expect(result.receipts).toHaveLength(1);
  });

  test('inputs of another kind are wrong usage, and a named pipe does not block', async () => {
    const url = new URL('https://files.example/a');
    for (const input of [url, { input: url, path: 'a' }, null]) {
      expect((await run([input as never])).error).toMatchObject({ code: 'usage' });
    }
    // Such as an argument of a program that is missing.
    for (const input of [undefined, null, 42, true]) {
      expect((await run(input as never)).error).toMatchObject({ code: 'usage' });
    }
    execFileSync('mkfifo', [inFolder('pipe')]);
    const { failures } = await run([{ input: inFolder('pipe'), path: 'pipe' }]);
    expect(failures).toMatchObject([{ error: { code: 'file-unreadable' } }]);
  });

  test('a file that vanishes or changes after it was listed', async () => {
    writeAll('x/a', 'x/b', 'x/c');
    courier().state.before = async (path) => {
      if (path === 'x/a') rmSync(inFolder('x/b'));
    };
    const result = await run(inFolder('x'), { concurrency: 1 });
    expect(codes(result)).toEqual({ 'x/b': 'file-unreadable' });
    expect(courier().paths()).toEqual(['x/a', 'x/c']);
  });

  test('75 as long as another run can deliver something', async () => {
    writeAll('x/a', 'x/b', 'x/c');
    courier().state.refuse = (path) =>
      path === 'x/a'
        ? { status: 503, code: 'drive-unavailable' }
        : path === 'x/b'
          ? { status: 422, code: 'digest-mismatch' }
          : undefined;
    const { error } = await run(inFolder('x'));
    expect(error).toMatchObject({ code: 'files-failed', exitCode: 75, retryable: true });
    courier().state.refuse = (path) => (path === 'x/b' ? { status: 422, code: 'digest-mismatch' } : undefined);
    const again = await run(inFolder('x'), { idempotencyKey: error?.idempotencyKey });
    expect(again.error).toMatchObject({ exitCode: 1 });
    // The same command alone would only fail again.
    expect(error?.remedy).toMatch(/^Run the same command again/);
    expect(again.error?.remedy).toMatch(/^Fix .* then run the same command again/);
    expect(courier().paths()).toEqual(['x/a', 'x/c']);
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
  for await (const _ of courier().client().sendAll(inFolder('x'), { concurrency: 2 })) break;
  // Requests that were on their way may still arrive.
  await sleep(200);
  const { requests } = courier().state;
  expect(requests).toBeLessThan(10);
  await sleep(200);
  expect(courier().state.requests).toBe(requests);
});

test('progress counts files and bytes, and knows the total', async () => {
  writeAll('x/a', 'x/b', 'x/c');
  const seen: unknown[] = [];
  courier().state.before = () => new Promise((resolve) => setTimeout(resolve, 250));
  await run(inFolder('x'), { concurrency: 1, onProgress: (progress) => seen.push(progress) });
  expect(seen.at(-1)).toEqual({ files: 3, totalFiles: 3, sentBytes: 42, totalBytes: 42 });
});
