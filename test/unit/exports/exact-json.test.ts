import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bytesOf } from '../../../src/exports/bytes/spool.ts';
import { jsonOf } from '../../../src/exports/bytes/transcode.ts';
import { isRawNumber, keysOf, parseExactJson } from '../../../src/exports/json/exact-json.ts';

const prettyOf = async (text: string): Promise<string> => {
  const bytes = bytesOf(Buffer.from(text));
  const chunks: Uint8Array[] = [];
  for await (const chunk of jsonOf(bytes, { start: 0, end: bytes.size }).open()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
};

/** JSON that JavaScript represents exactly and that is valid I-JSON. */
const anyJson = fc
  .jsonValue({ maxDepth: 6 })
  .map((value) => JSON.stringify(value))
  .filter((text) => !/\\ud[89a-f]/i.test(text) && text.isWellFormed());

describe('exact JSON', () => {
  test('equals the result of JSON.parse for all that JavaScript can represent, indented or not', () => {
    fc.assert(
      fc.property(anyJson, fc.constantFrom(undefined, 1, '\t', ' \r\n'), (text, indent) => {
        const value: unknown = JSON.parse(text);
        expect(JSON.stringify(parseExactJson(JSON.stringify(value, null, indent)))).toBe(text);
      }),
    );
  });

  test('is printed as JSON.stringify does', async () => {
    await fc.assert(
      fc.asyncProperty(anyJson, async (text) => {
        const plain: unknown = JSON.parse(text);
        expect(await prettyOf(text)).toBe(`${JSON.stringify(plain, null, 2)}\n`);
      }),
    );
  });

  test('rejects what JSON.parse rejects', () => {
    const damaged = fc
      .tuple(anyJson, fc.nat(), fc.nat(), fc.constantFrom('', ',', '"', '\\', '{', ']', '0', '.', '-', 'e', '\0', ' '))
      .map(([text, at, length, piece]) => {
        const start = at % (text.length + 1);
        return text.slice(0, start) + piece + text.slice(start + (length % 3));
      });
    fc.assert(
      fc.property(damaged, (text) => {
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        // Accepted text is JSON. Rejected text is not JSON or violates I-JSON.
        const rules = /is there twice|lone surrogate/;
        try {
          parseExactJson(text);
          expect([text, isJson]).toEqual([text, true]);
        } catch (error) {
          if (isJson) expect(String(error)).toMatch(rules);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    '9007199254740993',
    '-0',
    '1.50',
    '1e400',
    '-1E-400',
    '0.1000000000000000055',
    '100000000000000000000000',
  ])('keeps the number %s', async (written) => {
    const parsed = parseExactJson(`[${written}]`) as unknown[];
    expect(isRawNumber(parsed[0])).toBe(true);
    expect(await prettyOf(`[${written}]`)).toBe(`[\n  ${written}\n]\n`);
  });

  test.each(['0', '-1', '1.5', '999999999999999', '0.1', '1e+21'])('parses %s as a JavaScript number', (written) => {
    expect(parseExactJson(written)).toBe(Number(written));
  });

  test.each(['01', '1.', '.5', '+1', '1e', '0x1', 'NaN', 'Infinity', '-', '1 2'])('rejects %s', (written) => {
    expect(() => parseExactJson(written)).toThrow('is not JSON');
  });

  test.each([
    ['NaN', 'NaN'],
    ['Infinity', 'Infinity'],
    ['-Infinity', 'Infinity'],
  ])('names %s, which other languages write, in the error', (written, named) => {
    expect(() => parseExactJson(`[1, ${written}]`)).toThrow(`${named} is not JSON`);
  });

  test('keeps the order of keys', () => {
    expect(keysOf(parseExactJson('{"b":1,"10":2,"9":3,"a":4}') as object)).toEqual(['b', '10', '9', 'a']);
    expect(keysOf(parseExactJson('{"b":1,"a":2}') as object)).toEqual(['b', 'a']);
  });

  test('treats "__proto__" like any other key, and changes no prototype', () => {
    const parsed = parseExactJson('{"__proto__":{"polluted":true}}') as Record<string, unknown>;
    expect(Object.keys(parsed)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect(parsed.polluted).toBeUndefined();
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test.each([
    ['100 levels', 100, undefined],
    ['101 levels', 101, 'deeper than 100 levels'],
    ['a million', 1_000_000, 'deeper than 100 levels'],
  ])('nested %s deep', (_, depth, refusal) => {
    const nested = '['.repeat(depth) + ']'.repeat(depth);
    if (refusal === undefined) expect(() => parseExactJson(nested)).not.toThrow();
    else expect(() => parseExactJson(nested)).toThrow(refusal);
  });

  test('names a duplicate key, truncated, and no value', () => {
    expect(() => parseExactJson(`{"${'k'.repeat(100)}":"secret","${'k'.repeat(100)}":1}`)).toThrow(
      `The key "${'k'.repeat(60)}…" is there twice in one object.`,
    );
  });
});
