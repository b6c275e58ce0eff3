import { randomBytes } from 'node:crypto';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { CourierError } from '../../../src/errors.ts';
import { gunzipped } from '../../../src/exports/bytes/gunzip.ts';
import { decompressed } from '../../../src/exports/prefix/decompressed.ts';
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

/** The pieces, and whether the reader has closed them, as it must close the connection to Cloud Storage. */
const closable = (...pieces: readonly (string | Buffer)[]) => {
  const state = { isClosed: false };
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      for (const piece of pieces) yield Buffer.from(piece as string);
    } finally {
      state.isClosed = true;
    }
  }
  return { bytes: bytes(), state };
};

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
    [['\na,b\n1,2\n', '\na,b\n3,4\n']],
    [['\ufeff\r\na,b\n']],
  ])('with different or empty headers is refused (%j)', async (texts) => {
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

  test.each([
    ['whose header differs', ['a,c\n', '3,4\n']],
    ['in UTF-16', [Buffer.from('\ufeffa,b\n', 'utf16le'), 'more']],
    ['with an endless header', [`"${'x'.repeat(1_100_000)}`, 'x', 'more']],
    ['with an empty header', ['\n', 'a,b\n']],
  ])('closes a shard that it refuses: one %s', async (_, pieces) => {
    const { bytes, state } = closable(...pieces);
    const shards = [
      { label: 'gs://bucket/0', bytes: streamed([Buffer.from('a,b\n1,2\n')]) },
      { label: 'gs://bucket/1', bytes },
    ];
    await expect(textOf(joinCsv(streamed(shards)))).rejects.toMatchObject({ code: 'request-invalid' });
    expect(state.isClosed).toBe(true);
  });

  test.each(['1.csv', '1.csv.gz'])('refuses a header although the rest of its shard never comes: %s', async (name) => {
    async function* open(): AsyncGenerator<Uint8Array> {
      yield gzipSync('a,c\n3,4\n');
      await new Promise(() => undefined);
    }
    const source = { name, suffix: undefined, size: 100, mimeType: 'text/csv', open };
    const shards = [
      { label: 'gs://bucket/0', bytes: streamed([Buffer.from('a,b\n1,2\n')]) },
      { label: 'gs://bucket/1', bytes: decompressed(source, 'gs://bucket/1', 'csv') },
    ];
    const refused = textOf(joinCsv(streamed(shards))).catch(({ code }: CourierError) => code);
    expect(await Promise.race([refused, sleep(2_000, 'no answer', { ref: false })])).toBe('request-invalid');
  });

  test.each([1, 2])('closes a shard whose reader stops after %i pieces', async (count) => {
    const { bytes, state } = closable('a,b\n', '1,2\n', '3,4\n', '5,6\n');
    const pieces = joinCsv(streamed([{ label: 'gs://bucket/0', bytes }]));
    for (let read = 0; read < count; read += 1) await pieces.next();
    await pieces.return(undefined);
    expect(state.isClosed).toBe(true);
  });
});

test('decompression closes the compressed bytes if its reader stops early', async () => {
  const text = randomBytes(500_000).toString('base64');
  const packed = gzipSync(text);
  const { bytes, state } = closable(
    packed.subarray(0, 300_000),
    packed.subarray(300_000, 400_000),
    packed.subarray(400_000),
  );
  const pieces = gunzipped(bytes);
  await pieces.next();
  await pieces.return(undefined);
  await turn();
  expect(state.isClosed).toBe(true);
});

describe('a joined prefix', () => {
  const request = { caller: { sub: '1' }, requestId: 'r', signal: new AbortController().signal, deadlineMs: 0 };
  type Contents = Record<string, string | Buffer>;
  const open = (
    contents: Contents,
    join: 'csv' | 'bytes',
    generations: Record<string, string> = {},
    suffixes: Record<string, string> = {},
  ) => {
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
          const suffix = suffixes[object.object];
          // Single bytes: the mark of gzip may be in two pieces.
          const pieces = () => streamed([...bytes].map((byte) => Uint8Array.of(byte)));
          return { name: object.object, suffix, size: bytes.byteLength, mimeType: 'text/csv', open: pieces };
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

  // BigQuery compresses what it exports to any name, and some programs compress a file whose name already ends with .gz.
  test('of csv inflates what is compressed, whatever its name', async () => {
    const shard = (line: string): Buffer => gzipSync(`a\n${line}\n`);
    const contents = {
      'x/1.csv': shard('1'),
      'x/2.csv.GZ': shard('2'),
      'x/3.csv.gz': gzipSync(shard('3')),
      'x/4.csv': 'a\n4\n',
    };
    const { source } = open(contents, 'csv', {}, { 'x/3.csv.gz': '.gz' });
    expect(await textOf((await source).open())).toBe('a\n1\n2\n3\n4\n');
  });

  test('of bytes inflates by the name and the Content-Encoding only', async () => {
    const packed = gzipSync('1\n');
    const joined = (
      await open({ 'x/1': packed, 'x/2.GZ': packed, 'x/3': packed }, 'bytes', {}, { 'x/3': '.gz' }).source
    ).open();
    const pieces: Uint8Array[] = [];
    for await (const piece of joined) pieces.push(piece);
    expect(Buffer.concat(pieces)).toEqual(Buffer.concat([packed, Buffer.from('1\n1\n')]));
  });

  test.each(['.br', '.zst', '.gz.gz', ''])(
    'with an encoding that cannot be decoded is refused (%j)',
    async (suffix) => {
      for (const join of ['csv', 'bytes'] as const) {
        const { source } = open({ 'x/1': 'a\n' }, join, {}, { 'x/1': suffix });
        await expect(source.then(({ open }) => textOf(open()))).rejects.toMatchObject({
          code: 'request-invalid',
          reason: 'encoding',
        });
      }
    },
  );

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
