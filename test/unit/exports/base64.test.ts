import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Base64Check, decoded } from '../../../src/exports/bytes/base64.ts';

/** The decoded bytes if a text in pieces of this size is valid base64. */
const decodeBase64 = async (text: string, size = 3): Promise<Buffer | undefined> => {
  const bytes = Buffer.from(text);
  const check = new Base64Check({ allowUrlAlphabet: true });
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
  }
  for await (const piece of pieces()) check.plain(piece, 0, piece.byteLength);
  if (!check.isValid) return undefined;
  const found: Buffer[] = [];
  for await (const piece of decoded(pieces())) found.push(piece);
  expect(Buffer.concat(found).byteLength).toBe(check.size);
  return Buffer.concat(found);
};

test.each([
  ['', ''],
  ['YQ==', 'a'],
  ['YQ', 'a'],
  ['YWI=', 'ab'],
  ['YWI', 'ab'],
  ['YWJj', 'abc'],
  ['YW\r\nJj\r\n', 'abc'],
  ['YW Jj\tZA==\n', 'abcd'],
])('%j is base64 of %j', async (text, bytes) => {
  expect((await decodeBase64(text))?.toString()).toBe(bytes);
});

test('the URL alphabet is accepted too', async () => {
  expect(await decodeBase64('-_-_')).toEqual(Buffer.from([0xfb, 0xff, 0xbf]));
});

test.each([
  'Y',
  'YWJjZ',
  '=',
  '==',
  'Y=',
  'YQ=',
  'YQ=a',
  'Y===',
  'YWI==',
  'YWJj====',
  'YQ==YQ==',
  'YW!j',
  'YWJ€',
  'YQ=\0',
  '!',
  'é===',
  'data:,a',
])('%j is not base64', async (text) => {
  expect(await decodeBase64(text)).toBeUndefined();
});

test('the decoder accepts exactly what a pattern accepts', async () => {
  const BASE64 = /^(?:[\w+/-]{4})*(?:[\w+/-]{2}(?:==)?|[\w+/-]{3}=?)?$/;
  const text = fc.array(fc.constantFrom('a', 'Q', '+', '/', '-', '_', '=', '!', 'ÿ', '€', '\n', ' '), {
    maxLength: 10,
  });
  await fc.assert(
    fc.asyncProperty(text, async (characters) => {
      const joined = characters.join('');
      expect((await decodeBase64(joined)) !== undefined).toBe(BASE64.test(joined.replace(/[\n ]/g, '')));
    }),
    { numRuns: 5_000 },
  );
});
