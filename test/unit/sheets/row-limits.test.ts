import { describe, expect, test } from '@jest/globals';
import { readRows } from '../../../src/sheets/rows/read-rows.ts';
import { busyMsOf } from '../../support/processes/loop-delay.ts';

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

/** Far below the seconds that these tables took in one turn, and far above the noise of a cold process. */
const MAX_BUSY_MS = 250;

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => 100_000 + index);

/** Reads the rows. */
const read = async (text: string, mimeType: string) => {
  const bytes = Buffer.from(text);
  let rows = 0;
  let error: unknown;
  try {
    for await (const { cells } of readRows(piecesOf(bytes), { mimeType, dates: false })) rows += cells ? 1 : 0;
  } catch (thrown) {
    error = thrown;
  }
  return { rows, error };
};

const JSON_LINES = 'application/x-ndjson';
const WIDEST = numbers(18_278);

describe('rows do not block other requests', () => {
  test.each([
    ['as many columns as a sheet has, in CSV', 'text/csv', `${WIDEST.map((each) => `column ${each}`).join()}\n1\n`],
    ['as many columns as a sheet has, in JSON Lines', JSON_LINES, `{${WIDEST.map((each) => `"c${each}":1`).join()}}`],
    ['a long line of long texts', JSON_LINES, `{${numbers(40).map((each) => `"${each}":"${'x'.repeat(45_000)}"`)}}`],
  ])('%s', async (_, mimeType, text) => {
    const work = async (): Promise<void> => expect(await read(text, mimeType)).toEqual({ rows: 1, error: undefined });
    expect(await busyMsOf(MAX_BUSY_MS, work)).toBeLessThan(MAX_BUSY_MS);
  });

  test.each([
    ['a line of millions of nested values', JSON_LINES, `{"a":[${'1,'.repeat(500_000)}1]}`],
    ['a line of a giant text', JSON_LINES, `{"a":"${'x'.repeat(1_000_000)}"}`],
    ['a line of nested objects without an end', JSON_LINES, '{"a":'.repeat(200_000)],
    ['a row of millions of empty cells', 'text/csv', `a,b\n${','.repeat(1_000_000)}\n`],
    ['a header of millions of empty cells', 'text/csv', `${','.repeat(1_000_000)}\n`],
    ['a giant cell in a short row', 'text/csv', `a,b\n"${'""'.repeat(1_000_000)}"\n`],
    ['a giant name of a column', 'text/csv', `a,${'b'.repeat(50_001)}\n1,2\n`],
  ])('%s is refused', async (_, mimeType, text) => {
    const work = async (): Promise<void> =>
      expect((await read(text, mimeType)).error).toMatchObject({ code: 'request-invalid' });
    expect(await busyMsOf(MAX_BUSY_MS, work)).toBeLessThan(MAX_BUSY_MS);
  });

  test('values in texts do not count, and a new line begins at zero', async () => {
    const line = `{"a":"${'[,{'.repeat(15_000)}\\"[","b":[${'1,'.repeat(15_000)}1]}`;
    expect(await read(`${line}\n${line}\n`, JSON_LINES)).toMatchObject({ rows: 2, error: undefined });
  });
});
