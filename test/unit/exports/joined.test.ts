import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { CourierError } from '../../../src/errors.ts';
import { openJoined } from '../../../src/exports/prefix/join.ts';
import { joinCsv } from '../../../src/exports/prefix/join-csv.ts';
import type { ObjectName } from '../../../src/exports/sources/object-name.ts';

const textOf = async (bytes: AsyncIterable<Uint8Array>): Promise<string> => {
  const pieces: Buffer[] = [];
  for await (const piece of bytes) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
};

async function* streamed<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

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
    [['\ufeff', 'a,b\n1,2\n', '\ufeff'], 'a,b\n1,2\n'],
    [['5" disk,b\n1,2\n', '5" disk,b\n3,4\n'], '5" disk,b\n1,2\n3,4\n'],
    [['a,5"\nx,7"\n1,2\n', 'a,5"\nx,7"\n3,4\n'], 'a,5"\nx,7"\n1,2\nx,7"\n3,4\n'],
    [['\ufeff"a\nx",b\n1,2\n', '"a\nx",b\n3,4\n'], '\ufeff"a\nx",b\n1,2\n3,4\n'],
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

  test('with data after the end of the compressed data is refused, except for zero bytes', async () => {
    const [one, two] = [gzipSync('1\n'), gzipSync('2\n')];
    const padded = Buffer.concat([one, two, Buffer.alloc(5)]);
    expect(await textOf((await open({ 'x/1.gz': padded }, 'bytes').source).open())).toBe('1\n2\n');
    const { source } = open({ 'x/1.gz': Buffer.concat([one, Buffer.alloc(5), two]) }, 'bytes');
    await expect(source.then(({ open }) => textOf(open()))).rejects.toMatchObject({ reason: 'gzip' });
  });

  test.each(['csv', 'bytes'] as const)('of %s skips an empty object with a compressed name', async (join) => {
    const { source } = open({ 'x/1.gz': '', 'x/2.gz': gzipSync('a\n') }, join);
    expect(await textOf((await source).open())).toBe('a\n');
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
