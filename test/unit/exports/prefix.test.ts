import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { CourierError } from '../../../src/errors.ts';
import { globMatcher } from '../../../src/exports/prefix/glob.ts';
import { openJoined } from '../../../src/exports/prefix/join.ts';
import { joinCsv } from '../../../src/exports/prefix/join-csv.ts';
import { listObjects } from '../../../src/exports/prefix/list-objects.ts';
import { parsePrefix, relativeName } from '../../../src/exports/prefix/prefix.ts';
import { filesOfPrefix, keyOfObject } from '../../../src/exports/prefix/prefix-files.ts';
import type { CloudStorageDependencies } from '../../../src/exports/sources/cloud-storage.ts';
import type { ObjectName } from '../../../src/exports/sources/object-name.ts';
import { busyMsOf } from '../../support/processes/loop-delay.ts';

const textOf = async (bytes: AsyncIterable<Uint8Array>): Promise<string> => {
  const pieces: Buffer[] = [];
  for await (const piece of bytes) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
};

async function* streamed<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

describe('a glob', () => {
  test.each([
    ['*.csv', 'a.csv', true],
    ['*.csv', 'deep/er/a.csv', true],
    ['*.csv', 'a.csv.gz', false],
    ['*.csv', '.csv', true],
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['a?c', 'a😀c', true],
    ['2026/*.csv', '2026/a.csv', true],
    ['2026/*.csv', '2026/11/a.csv', false],
    ['2026/*.csv', 'x/2026/a.csv', false],
    ['2026/**', '2026/11/a.csv', true],
    ['**/a.csv', 'a.csv', true],
    ['**/a.csv', 'x/y/a.csv', true],
    ['**/a.csv', 'x/ba.csv', false],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a.c', 'abc', false],
    ['日本*', '日本語.csv', true],
  ])('%j matches %j: %j', (glob, name, expected) => {
    expect(globMatcher(glob)(name)).toBe(expected);
  });

  test.each(['', 'x'.repeat(257), '[a-z]', '{a,b}', 'a\\b', '!a'])('%j is refused', (glob) => {
    expect(() => globMatcher(glob)).toThrow(expect.objectContaining({ code: 'request-invalid' }));
  });

  // With sets of positions, eight names took 200 ms.
  test.each([
    [`${'*a'.repeat(120)}b`, 'a'.repeat(1024)],
    [`${'**/'.repeat(80)}*a`, 'a/'.repeat(512)],
    [`${'**'.repeat(127)}b`, 'a/'.repeat(512)],
  ])('%# takes linear time', async (glob, name) => {
    const matches = globMatcher(glob);
    matches(name);
    const work = (): void => {
      for (let turn = 0; turn < 8; turn += 1) expect(matches(name)).toBe(false);
    };
    expect(await busyMsOf(150, work)).toBeLessThan(150);
  });

  test('compares the names of a page in many turns of the event loop', async () => {
    const items = Array.from({ length: 1_000 }, (_, index) => ({ name: `${index}`, generation: '1', size: '1' }));
    const send = async () => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify({ items })) });
    const transport = { send } as unknown as CloudStorageDependencies['transport'];
    const bearer = { token: async () => 'token' };
    let turns = 0;
    const count = (): void => {
      turns += 1;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    const names: string[] = [];
    for await (const { name } of listObjects({ transport, ...bearer }, { bucket: 'b', prefix: '' })) names.push(name);
    clearImmediate(counting);
    expect(names).toEqual(items.map(({ name }) => name));
    expect(turns).toBeGreaterThan(100);
  });
});

describe('a prefix', () => {
  test.each([
    ['gs://bucket/', { bucket: 'bucket', prefix: '' }],
    ['gs://bucket/a/b/', { bucket: 'bucket', prefix: 'a/b/' }],
    ['gs://bucket/a/**', { bucket: 'bucket', prefix: 'a/' }],
    ['gs://bucket/part-', { bucket: 'bucket', prefix: 'part-' }],
    ['gs://bucket/a b/ü#7', { bucket: 'bucket', prefix: 'a b/ü#7' }],
  ])('%j is read', (text, expected) => {
    expect(parsePrefix(text)).toEqual(expected);
  });

  test.each([
    'gs://bucket',
    's3://bucket/a',
    'bucket/a/',
    'gs://B/a',
    'gs://bucket/a*/b',
    'gs://bucket/a?',
    'gs://bucket/a\nb',
  ])('%j is refused', (text) => {
    expect(() => parsePrefix(text)).toThrow(expect.objectContaining({ code: 'request-invalid' }));
  });

  test('keeps the folders after its last slash', () => {
    expect(relativeName(parsePrefix('gs://bucket/a/b/'), 'a/b/c/d.csv')).toBe('c/d.csv');
    expect(relativeName(parsePrefix('gs://bucket/a/par'), 'a/part/d.csv')).toBe('part/d.csv');
  });

  const filesOf = async (names: string[], { match, base = '' }: { match?: string; base?: string } = {}) => {
    const objects = names.map((name) => ({ name, generation: '7', size: 1 }));
    const found = [];
    for await (const file of filesOfPrefix(streamed(objects), { prefix: parsePrefix('gs://bucket/x/'), match, base })) {
      found.push(file.kind === 'file' ? [file.path, file.name] : file.kind);
    }
    return found;
  };

  test('puts weird names by the rules for objects', async () => {
    expect(
      await filesOf(
        [
          'x/',
          'x/sub/',
          'x/a.csv',
          'x/a//b.csv',
          'x//c.csv',
          'x/ü/e\u0301.csv',
          'x/a b/c\\d.csv',
          'x/t\u0001.csv',
          'x/../y',
        ],
        { base: 'in' },
      ),
    ).toEqual([
      'ignored',
      'ignored',
      ['in', 'a.csv'],
      ['in/a', 'b.csv'],
      ['in', 'c.csv'],
      ['in/ü', '\u00e9.csv'],
      ['in/a b/c', 'd.csv'],
      ['in', 't_.csv'],
      'fault',
    ]);
  });

  test('has a fault for an object whose folders are too many below the path', async () => {
    expect(await filesOf([`x/${'d/'.repeat(31)}a`], { base: 'p/q' })).toEqual(['fault']);
  });

  test.each([[[]], [['x/', 'x/sub/']]])('without objects is not found (%j)', async (names: string[]) => {
    await expect(filesOf(names)).rejects.toMatchObject({ code: 'source-not-found' });
  });

  test('of which nothing matches is not found', async () => {
    await expect(filesOf(['x/a.csv'], { match: '*.json' })).rejects.toMatchObject({ code: 'source-not-found' });
  });

  test('gives each generation its own key, and another one for each key of a request', () => {
    const object = { bucket: 'bucket', object: 'a.csv', generation: '7' };
    expect(keyOfObject(undefined, object)).toBe('gs://bucket/a.csv#7');
    const keys = [keyOfObject('k', object), keyOfObject('l', object), keyOfObject('k', { ...object, generation: '8' })];
    expect(new Set(keys).size).toBe(3);
    for (const key of keys) expect(key).toMatch(/^object\/[\w-]{43}$/);
  });
});

describe('joined CSV', () => {
  const joined = (...texts: string[]) => {
    const shards = texts.map((text, index) => ({
      label: `gs://bucket/${index}`,
      // Single bytes: a record may end in any piece.
      bytes: streamed([...Buffer.from(text)].map((byte) => Uint8Array.of(byte))),
    }));
    return textOf(joinCsv(streamed(shards)));
  };

  test.each([
    [['a,b\n1,2\n', 'a,b\n3,4\n'], 'a,b\n1,2\n3,4\n'],
    [['a,b\r\n1,2\r\n', 'a,b\n3,4\n'], 'a,b\r\n1,2\r\n3,4\n'],
    [['a,b\n1,2', 'a,b\n3,4'], 'a,b\n1,2\n3,4'],
    [['a,b', 'a,b\n3,4\n'], 'a,b\n3,4\n'],
    [['a,b\n', 'a,b\n', 'a,b\n5,6\n'], 'a,b\n5,6\n'],
    [['', 'a,b\n1,2\n', ''], 'a,b\n1,2\n'],
    [['\ufeffa,b\n1,2\n', 'a,b\n3,4\n'], '\ufeffa,b\n1,2\n3,4\n'],
    [['"a\nx",b\n1,2\n', '"a\nx",b\n3,4\n'], '"a\nx",b\n1,2\n3,4\n'],
    [['"a""\n",b\n1,2\n', '"a""\n",b\n3,4\n'], '"a""\n",b\n1,2\n3,4\n'],
    [['', ''], ''],
  ])('of %j is %j', async (texts, expected) => {
    expect(await joined(...texts)).toBe(expected);
  });

  test.each([
    [['a,b\n1,2\n', 'a,c\n3,4\n']],
    [['a,b\n1,2\n', '3,4\n']],
    [['a,b\n1,2\n', 'a,b,c\n']],
    [['a,b\n', 'b,a']],
  ])('with different headers is refused (%j)', async (texts) => {
    await expect(joined(...texts)).rejects.toMatchObject({ code: 'request-invalid', reason: 'csv-header' });
  });

  test.each([
    ['ends inside a quoted cell', ['a,b\n1,"2\n', 'a,b\n3,4\n']],
    ['ends inside a quoted cell after a doubled quote', ['a,b\n1,"2""', 'a,b\n']],
    ['ends inside a quoted header', ['"a,b\n1,2\n']],
  ])('with a shard that %s is refused', async (_, texts) => {
    await expect(joined(...texts)).rejects.toMatchObject({ code: 'request-invalid', reason: 'csv-quotes' });
  });

  test('accepts quotes inside cells that are not quoted', async () => {
    const shard = 'a,b\n5" pipe,"x ""y"""\n"",1\n';
    expect(await joined(shard, shard)).toBe(`${shard}${shard.slice(4)}`);
  });

  test.each(['utf16le', 'utf-16be'] as const)('in %s is refused', async (encoding) => {
    const text = Buffer.from('\ufeffa,b\n1,2\n', 'utf16le');
    const bytes = encoding === 'utf16le' ? text : text.swap16();
    const shards = streamed([{ label: 'gs://bucket/0', bytes: streamed([bytes]) }]);
    await expect(textOf(joinCsv(shards))).rejects.toMatchObject({ code: 'request-invalid', reason: 'csv-encoding' });
  });

  test('with an endless header is refused', async () => {
    await expect(joined(`"${'x'.repeat(1_100_000)}`)).rejects.toMatchObject({ code: 'request-invalid' });
  });
});

describe('a joined prefix', () => {
  const request = { caller: { sub: '1' }, requestId: 'r', signal: new AbortController().signal, deadlineMs: 0 };
  type Contents = Record<string, string | Buffer>;
  const open = (contents: Contents, join: 'csv' | 'bytes', generations: Record<string, string> = {}) => {
    const opened: ObjectName[] = [];
    const source = openJoined(
      {
        openPrefix: async () => ({
          destinationPath: '',
          objects: streamed(
            Object.keys(contents).map((name) => ({ name, generation: generations[name] ?? '1', size: 1 })),
          ),
        }),
        async openObject(object) {
          opened.push(object);
          const content = contents[object.object];
          if (content === undefined) throw new CourierError('source-not-found');
          const bytes = Buffer.from(content as string);
          return { name: object.object, size: bytes.byteLength, mimeType: 'text/csv', open: () => streamed([bytes]) };
        },
      },
      { gcsPrefix: 'gs://bucket/x/', join, name: 'all.jsonl' },
      request,
    );
    return { source, opened };
  };

  test('reads the listed generations in order, and inflates compressed shards', async () => {
    const { source, opened } = open({ 'x/': '', 'x/0.csv': 'a\n1\n', 'x/1.csv.gz': gzipSync('a\n2\n') }, 'csv', {
      'x/0.csv': '17',
    });
    expect(await textOf((await source).open())).toBe('a\n1\n2\n');
    expect(opened).toEqual([
      { bucket: 'bucket', object: 'x/0.csv', generation: '17' },
      { bucket: 'bucket', object: 'x/1.csv.gz', generation: '1' },
    ]);
  });

  test('of bytes is their concatenation', async () => {
    const { source } = open({ 'x/0': '{"a":1}\n', 'x/1.gz': gzipSync('{"a":2}\n') }, 'bytes');
    expect(await textOf((await source).open())).toBe('{"a":1}\n{"a":2}\n');
  });

  test('with damaged gzip is refused', async () => {
    const { source } = open({ 'x/1.gz': gzipSync('{"a":2}\n').subarray(0, 12) }, 'bytes');
    await expect(source.then(({ open }) => textOf(open()))).rejects.toMatchObject({ code: 'request-invalid' });
  });

  test('has an identity that changes with any generation, and with the way of joining', async () => {
    const contents = { 'x/0': 'a', 'x/1': 'b' };
    const identityOf = async (...rest: [join: 'csv' | 'bytes', generations?: Record<string, string>]) =>
      (await open(contents, ...rest).source).identity;
    const first = await identityOf('bytes');
    expect(await identityOf('bytes')).toBe(first);
    expect(await identityOf('csv')).not.toBe(first);
    expect(await identityOf('bytes', { 'x/1': '2' })).not.toBe(first);
  });

  test('without objects is not found', async () => {
    await expect(open({ 'x/': '' }, 'csv').source).rejects.toMatchObject({ code: 'source-not-found' });
  });
});
