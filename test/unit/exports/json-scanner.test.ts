import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ByteWriter } from '../../../src/exports/bytes/byte-writer.ts';
import { createJsonFeed } from '../../../src/exports/bytes/spool.ts';
import { UniqueKeys } from '../../../src/exports/json/keys.ts';
import { JsonScanner } from '../../../src/exports/json/scanner.ts';
import { JsonWriter } from '../../../src/exports/json/writer.ts';

/** The output for a text that arrives in pieces of these sizes, repeated in a cycle. */
const rewritten = (text: string | Buffer, sizes: readonly number[] = [1_000], pretty = false): string => {
  const bytes = Buffer.from(text);
  const out = new ByteWriter(64);
  const feed = createJsonFeed(new JsonScanner(new JsonWriter(out, { pretty })));
  for (let at = 0, turn = 0; at < bytes.byteLength; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    feed.add(bytes.subarray(at, at + size));
    at += size;
  }
  feed.end();
  return out.take().toString();
};

const anyJson = fc
  .jsonValue({ maxDepth: 5 })
  .map((value) => JSON.stringify(value))
  .filter((text) => !/\\ud[89a-f]/i.test(text) && text.isWellFormed());
const anySizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

describe('scanned JSON', () => {
  test('is unchanged, however it is split and formatted', () => {
    fc.assert(
      fc.property(anyJson, anySizes, fc.constantFrom(undefined, 1, '\t'), (text, sizes, indent) => {
        const value: unknown = JSON.parse(text);
        const written = JSON.stringify(value, null, indent);
        expect(rewritten(written, sizes)).toBe(text);
        expect(rewritten(written, sizes, true)).toBe(JSON.stringify(value, null, 2));
      }),
    );
  });

  test('contains exactly the escapes that are needed', () => {
    const escaped = '["\\u0041\\/\\ud83d\\ude00\\u00fc\\u0000\\u001f\\u000a\\"\\\\\\b\\f\\n\\r\\t\\u2028\\u007f"]';
    for (const size of [1, 2, 3, 100]) expect(rewritten(escaped, [size])).toBe(JSON.stringify(JSON.parse(escaped)));
  });

  test('is rejected exactly where JSON.parse rejects it', () => {
    const piece = fc.constantFrom('', ',', '"', '\\', '{', ']', '0', '.', '-', 'e', '\0', ' ', 'nul', '\\u00', '+');
    const damaged = fc.tuple(anyJson, fc.nat(), fc.nat(), piece).map(([text, at, length, put]) => {
      const start = at % (text.length + 1);
      return text.slice(0, start) + put + text.slice(start + (length % 3));
    });
    fc.assert(
      fc.property(damaged, anySizes, (text, sizes) => {
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        let isTaken = true;
        try {
          rewritten(text, sizes);
        } catch {
          isTaken = false;
        }
        expect([text, isTaken]).toEqual([text, isJson && !/\\ud[89a-f]/i.test(text)]);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['', 1],
    ['{} {}', 4],
    ['["ü", x]', 7],
    ['["😀😀"x', 6],
    ['[1,]', 4],
    ['[01]', 3],
    ['nulL', 4],
    ['{"a" 1}', 6],
  ])('%j is rejected at character %d, in pieces of any size', (text, character) => {
    for (const size of [1, 2, 3, 5, 100]) {
      const detail = `This is not JSON: character ${character} is unexpected there.`;
      expect(() => rewritten(text, [size])).toThrow(detail);
    }
  });

  test.each([
    ['a byte that begins nothing', Buffer.from([34, 0xff, 34])],
    ['a character cut short', Buffer.from([34, 0xe2, 0x82, 34])],
    ['a character without its end', Buffer.from([34, 0xe2, 0x82])],
    ['a surrogate', Buffer.from([34, 0xed, 0xa0, 0x80, 34])],
  ])('with %s is not UTF-8', (_, bytes) => {
    for (const size of [1, 2, 100]) expect(() => rewritten(bytes, [size])).toThrow('The document is not UTF-8.');
  });

  test('may have a byte order mark only at its start', () => {
    for (const size of [1, 2, 3, 100]) {
      expect(rewritten('\ufeff[1]', [size])).toBe('[1]');
      expect(() => rewritten('\ufeff\ufeff[1]', [size])).toThrow('This is not JSON');
    }
  });
});

describe('keys', () => {
  const add = (keys: string[]): void => {
    const unique = new UniqueKeys();
    unique.open();
    for (const key of keys) unique.add(key);
    unique.close();
  };

  test.each([2, 16, 17, 500])('of %d the duplicate one is found', (count) => {
    const keys = Array.from({ length: count - 1 }, (_, index) => `key ${index}`);
    expect(() => add(keys)).not.toThrow();
    for (const again of [keys[0] ?? '', keys.at(-1) ?? '']) {
      expect(() => add([...keys, again])).toThrow(`The key "${again}" is there twice in one object.`);
    }
  });

  test('may be the same in nested or sibling objects', () => {
    const unique = new UniqueKeys();
    for (let n = 0; n < 3; n += 1) {
      unique.open();
      for (let key = 0; key < 20; key += 1) unique.add(String(key));
      unique.open();
      for (let key = 0; key < 20; key += 1) unique.add(String(key));
      unique.close();
      expect(() => unique.add('7')).toThrow('there twice');
      unique.close();
    }
  });

  test('of all open objects are limited to 250,000', () => {
    const keys = Array.from({ length: 250_001 }, (_, index) => String(index));
    expect(() => add(keys)).toThrow(expect.objectContaining({ code: 'too-large' }));
    expect(() => add(keys.slice(1))).not.toThrow();
  });
});
