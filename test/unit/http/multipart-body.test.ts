import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Busboy } from '@fastify/busboy';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CourierError } from '../../../src/errors.ts';
import { parseDisposition } from '../../../src/http/request/content-disposition.ts';
import { readParts } from '../../../src/http/request/multipart-body.ts';
import { type FormPart, formOf, inPieces } from '../../support/form-bodies.ts';

type Parsed = { name: string; fileName?: string; value: string }[] | { code: string };

async function* streamOf(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield piece;
}

/** The parts of a form with bytes as Latin-1, or the code of its error. */
const parse = async (bytes: Uint8Array, boundary: string, lengths: readonly number[] = [4096]): Promise<Parsed> => {
  const parts: { name: string; fileName?: string; value: string }[] = [];
  try {
    for await (const { headers, read } of readParts(streamOf(inPieces(bytes, lengths)), boundary)) {
      const pieces: Uint8Array[] = [];
      for await (const piece of read()) pieces.push(piece);
      const value = Buffer.concat(pieces).toString('latin1');
      const { parameters } = parseDisposition(headers.get('content-disposition') ?? 'none');
      const fileName = parameters.get('filename');
      parts.push({ name: parameters.get('name') ?? '', value, ...(fileName === undefined ? {} : { fileName }) });
    }
    return parts;
  } catch (error) {
    if (error instanceof CourierError) return { code: error.code };
    throw error;
  }
};

const lines = (...texts: string[]): Buffer => Buffer.from(texts.join('\r\n'));
const NAMED = (name: string): string => `Content-Disposition: form-data; name="${name}"`;

/**
 * The cases that @fastify/busboy publishes (test/types-multipart*.test.js, 3.2.6), each with the result expected here.
 */
const CASES: [string, string, Buffer, Parsed][] = [
  [
    'fields and files',
    '---------------------------paZqsnEHRufoShdX6fh0lUhXBP4k',
    lines(
      '-----------------------------paZqsnEHRufoShdX6fh0lUhXBP4k',
      NAMED('file_name_0'),
      '',
      'super alpha file',
      '-----------------------------paZqsnEHRufoShdX6fh0lUhXBP4k',
      'Content-Disposition: form-data; name="upload_file_0"; filename="1k_a.dat"',
      'Content-Type: application/octet-stream',
      '',
      'A'.repeat(1023),
      '-----------------------------paZqsnEHRufoShdX6fh0lUhXBP4k--',
    ),
    [
      { name: 'file_name_0', value: 'super alpha file' },
      { name: 'upload_file_0', fileName: '1k_a.dat', value: 'A'.repeat(1023) },
    ],
  ],
  ['nothing at all', 'x', Buffer.alloc(0), { code: 'body-truncated' }],
  ['an empty form', 'x', Buffer.from('--x--\r\n'), []],
  ['an empty form behind white space', 'x', Buffer.from('    --x--\r\n'), { code: 'request-invalid' }],
  ['another boundary', 'xYY', Buffer.from('--xY--\r\n'), { code: 'request-invalid' }],
  [
    'stopped within a header',
    'asdasdasdasd',
    Buffer.from(
      [
        '--asdasdasdasd\r\n',
        'Content-Type: text/plain\r\n',
        `${NAMED('foo')}\r\n`,
        '\r\n',
        'asd\r\n',
        '--asdasdasdasd--',
      ].join(':)'),
    ),
    { code: 'body-truncated' },
  ],
  // Busboy ignores what it cannot place. Here that is an error, so that no part is lost silently.
  [
    'an empty part',
    'x',
    lines('--x', NAMED('a'), '', 'yes', '--x', '--x', NAMED('b'), '', 'no', '--x--'),
    { code: 'request-invalid' },
  ],
  [
    'an unterminated header before the closing delimiter',
    'x',
    Buffer.from(`--x\r\n${NAMED('a')}\r\n--x--\r\n`),
    { code: 'body-truncated' },
  ],
  [
    'an unterminated header before another part',
    'b',
    lines('--b', NAMED('a'), '--b', NAMED('c'), '', 'y', '--b--'),
    { code: 'request-invalid' },
  ],
  [
    'a delimiter directly behind the headers',
    'XyZ',
    Buffer.from(`--XyZ\r\n${NAMED('f0')}\r\n\r\n--XyZ\r\n${NAMED('f1')}\r\n\r\nb\r\n--XyZ--\r\n`),
    [
      { name: 'f0', value: '' },
      { name: 'f1', value: 'b' },
    ],
  ],
  [
    'an epilogue',
    'boundary',
    Buffer.from(`--boundary\r\n${NAMED('field')}\r\n\r\nvalue\r\n--boundary--\r\nepilogue`),
    [{ name: 'field', value: 'value' }],
  ],
  [
    'an epilogue that does not begin a line',
    'boundary',
    Buffer.from(`--boundary\r\n${NAMED('field')}\r\n\r\nvalue\r\n--boundary--epilogue`),
    { code: 'request-invalid' },
  ],
  [
    'a header block over the limit',
    'b',
    Buffer.from(`--b\r\nX: ${'a'.repeat(20_000)}\r\n\r\n--b--`),
    { code: 'request-invalid' },
  ],
];

describe('the forms of busboy’s own tests', () => {
  test.each(CASES)('%s', async (_, boundary, bytes, expected) => {
    expect(await parse(bytes, boundary)).toEqual(expected);
  });

  test.each(CASES)('%s, split in two at every position', async (_, boundary, bytes, expected) => {
    for (let at = 1; at < Math.min(bytes.byteLength, 400); at += 1) {
      expect([at, await parse(bytes, boundary, [at, bytes.byteLength])]).toEqual([at, expected]);
    }
  });

  const fixtures = join(dirname(fileURLToPath(import.meta.resolve('@fastify/busboy'))), 'test/fixtures');
  const original = (name: string): Buffer => readFileSync(join(fixtures, name, 'original'));
  const WEBKIT = '----WebKitFormBoundaryWLHCs9qmcJJoyjKR';

  test.each([
    ['many', WEBKIT, 'request-invalid'],
    ['many-noend', WEBKIT, 'body-truncated'],
    ['many-wrongboundary', 'LOLOLOL', 'request-invalid'],
  ])('the file %s, where busboy omits the rest', async (name, boundary, code) => {
    for (const lengths of [[1], [7, 3], [65_536]]) {
      expect(await parse(original(name), boundary, lengths)).toEqual({ code });
    }
  });

  test('the file many, without the text after its closing boundary', async () => {
    const bytes = original('many').subarray(0, -'Extra'.length);
    const expected = Array.from({ length: 7 }, (_, index) =>
      readFileSync(join(fixtures, 'many', `part${index + 1}`), 'latin1'),
    );
    for (const lengths of [[1], [7, 3], [65_536]]) {
      const parsed = await parse(bytes, WEBKIT, lengths);
      expect('code' in parsed ? parsed : parsed.map(({ value }) => value)).toEqual(expected);
    }
  });

  test('the file nested: a form within a form is one part', async () => {
    expect(await parse(original('nested'), 'AaB03x', [5])).toEqual([
      { name: 'foo', value: 'bar' },
      { name: 'files', value: readFileSync(join(fixtures, 'nested', 'part2'), 'latin1') },
    ]);
  });
});

const SEED = 20_261_124;
/** Bytes that often look like delimiters. */
const awkward = (boundary: string): fc.Arbitrary<Buffer> =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '\r',
          '\n',
          '\r\n',
          '-',
          '--',
          '\r\n--',
          `--${boundary.slice(0, 3)}`,
          `\r\n-${boundary}`,
          '\0',
          'x',
        ),
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      ),
      { maxLength: 30 },
    )
    .map((pieces) => Buffer.from(pieces.join(''), 'latin1'))
    .filter((bytes) => !Buffer.concat([Buffer.from('\r\n'), bytes]).includes(`\r\n--${boundary}`));
const forms = fc
  .constantFrom('x', '----WebKitFormBoundary7MA4YWxkTrZu0gW', "a'b(c)+_,-./:=? d", '-'.repeat(20))
  .chain((boundary) =>
    fc.record({
      boundary: fc.constant(boundary),
      parts: fc.array(
        fc.record(
          {
            name: fc.stringMatching(/^[a-zA-Z0-9 _.[\]-]{1,20}$/),
            value: awkward(boundary),
            fileName: fc.stringMatching(/^[a-zA-Z0-9 _.-]{1,20}$/),
            type: fc.constantFrom('text/plain', 'application/octet-stream'),
          },
          { requiredKeys: ['name', 'value'] },
        ),
        { maxLength: 6 },
      ),
      lengths: fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 5 }),
    }),
  );
const expectedOf = (parts: readonly FormPart[]): Parsed =>
  parts.map(({ name, fileName, value }) => ({
    name,
    value: Buffer.from(value).toString('latin1'),
    ...(fileName === undefined ? {} : { fileName }),
  }));

describe('any form', () => {
  test('returns its parts byte for byte, however it is split', async () => {
    await fc.assert(
      fc.asyncProperty(forms, async ({ boundary, parts, lengths }) => {
        expect(await parse(formOf(parts, boundary), boundary, lengths)).toEqual(expectedOf(parts));
      }),
      { seed: SEED, numRuns: 1_500 },
    );
  });

  test('that is cut anywhere is truncated, and its parts before the cut are the first of the whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        forms,
        fc.double({ min: 0, max: 1, noNaN: true }),
        async ({ boundary, parts, lengths }, where) => {
          const whole = formOf(parts, boundary);
          const end = whole.byteLength - '\r\n'.length;
          const cut = whole.subarray(0, Math.min(end - 1, Math.floor(where * end)));
          const seen: string[] = [];
          const read = async (): Promise<void> => {
            for await (const part of readParts(streamOf(inPieces(cut, lengths)), boundary)) {
              const pieces: Uint8Array[] = [];
              for await (const piece of part.read()) pieces.push(piece);
              seen.push(Buffer.concat(pieces).toString('latin1'));
            }
          };
          await expect(read()).rejects.toMatchObject({ code: 'body-truncated' });
          expect(parts.slice(0, seen.length).map(({ value }) => Buffer.from(value).toString('latin1'))).toEqual(seen);
        },
      ),
      { seed: SEED, numRuns: 1_500 },
    );
  });

  test('with bytes changed, removed or inserted yields parts or an error code', async () => {
    await fc.assert(
      fc.asyncProperty(
        forms,
        fc.array(
          fc.record({ at: fc.nat(), drop: fc.integer({ min: 0, max: 4 }), add: fc.uint8Array({ maxLength: 4 }) }),
          {
            minLength: 1,
            maxLength: 5,
          },
        ),
        async ({ boundary, parts, lengths }, changes) => {
          let bytes: Buffer = formOf(parts, boundary);
          for (const { at, drop, add } of changes) {
            const where = at % (bytes.byteLength + 1);
            bytes = Buffer.concat([bytes.subarray(0, where), add, bytes.subarray(where + drop)]);
          }
          const parsed = await parse(bytes, boundary, lengths);
          if ('code' in parsed) expect(['request-invalid', 'body-truncated']).toContain(parsed.code);
          // The split makes no difference to the result.
          expect(await parse(bytes, boundary, [bytes.byteLength + 1])).toEqual(parsed);
        },
      ),
      { seed: SEED, numRuns: 2_000 },
    );
  });

  test('is parsed as busboy parses it', async () => {
    const busboy = (bytes: Uint8Array, boundary: string, lengths: readonly number[]): Promise<Parsed> =>
      new Promise((resolve, reject) => {
        const parts: { name: string; fileName?: string; value: string }[] = [];
        const type = `multipart/form-data; boundary="${boundary}"`;
        const parser = new Busboy({ headers: { 'content-type': type }, defCharset: 'latin1', preservePath: true });
        parser
          .on('field', (name, value) => void parts.push({ name, value }))
          .on('file', (name, stream, fileName) => {
            const part = { name, fileName, value: '' };
            parts.push(part);
            stream.on('data', (piece: Buffer) => {
              part.value += piece.toString('latin1');
            });
          })
          .on('finish', () => resolve(parts))
          .on('error', reject);
        for (const piece of inPieces(bytes, lengths)) parser.write(piece);
        parser.end();
      });
    await fc.assert(
      fc.asyncProperty(forms, async ({ boundary, parts, lengths }) => {
        // For a part without a file name, busboy treats application/octet-stream as a file; RFC 7578 does not.
        const plain = parts.map((part) =>
          part.fileName === undefined ? { name: part.name, value: part.value } : part,
        );
        const bytes = formOf(plain, boundary);
        expect(await parse(bytes, boundary, lengths)).toEqual(await busboy(bytes, boundary, lengths));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});
