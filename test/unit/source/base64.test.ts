import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeBase64 } from '../../../src/source/base64.ts';

test.each([
  ['', ''],
  ['YQ==', 'a'],
  ['YQ', 'a'],
  ['YWI=', 'ab'],
  ['YWI', 'ab'],
  ['YWJj', 'abc'],
  ['YW\r\nJj\r\n', 'abc'],
  ['YW Jj\tZA==\n', 'abcd'],
])('%j is base64 of %j', (text, bytes) => {
  expect(decodeBase64(text)?.toString()).toBe(bytes);
});

test('the URL alphabet is taken, too', () => {
  expect(decodeBase64('-_-_')).toEqual(Buffer.from([0xfb, 0xff, 0xbf]));
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
])('%j is not base64', (text) => {
  expect(decodeBase64(text)).toBeUndefined();
});

test('whatever a pattern takes is taken, and nothing else', () => {
  const BASE64 = /^(?:[\w+/-]{4})*(?:[\w+/-]{2}(?:==)?|[\w+/-]{3}=?)?$/;
  const text = fc.array(fc.constantFrom('a', 'Q', '+', '/', '-', '_', '=', '!', 'ÿ', '€', '\n', ' '), {
    maxLength: 10,
  });
  fc.assert(
    fc.property(text, (characters) => {
      const joined = characters.join('');
      expect(decodeBase64(joined) !== undefined).toBe(BASE64.test(joined.replace(/[\n ]/g, '')));
    }),
    { numRuns: 5_000 },
  );
});
