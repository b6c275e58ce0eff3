import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { type Parsed, parseForm } from '../../support/http/parsed-form.ts';

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
    expect(await parseForm(bytes, boundary)).toEqual(expected);
  });

  test.each(CASES)('%s, split in two at every position', async (_, boundary, bytes, expected) => {
    for (let at = 1; at < Math.min(bytes.byteLength, 400); at += 1) {
      expect([at, await parseForm(bytes, boundary, [at, bytes.byteLength])]).toEqual([at, expected]);
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
      expect(await parseForm(original(name), boundary, lengths)).toEqual({ code });
    }
  });

  test('the file many, without the text after its closing boundary', async () => {
    const bytes = original('many').subarray(0, -'Extra'.length);
    const expected = Array.from({ length: 7 }, (_, index) =>
      readFileSync(join(fixtures, 'many', `part${index + 1}`), 'latin1'),
    );
    for (const lengths of [[1], [7, 3], [65_536]]) {
      const parsed = await parseForm(bytes, WEBKIT, lengths);
      expect('code' in parsed ? parsed : parsed.map(({ value }) => value)).toEqual(expected);
    }
  });

  test('the file nested: a form within a form is one part', async () => {
    expect(await parseForm(original('nested'), 'AaB03x', [5])).toEqual([
      { name: 'foo', value: 'bar' },
      { name: 'files', value: readFileSync(join(fixtures, 'nested', 'part2'), 'latin1') },
    ]);
  });
});
