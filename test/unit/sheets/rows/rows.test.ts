import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Batch, batchesOf } from '../../../../src/sheets/rows/batches.ts';
import { readRows } from '../../../../src/sheets/rows/read-rows.ts';
import type { RowOrHeader } from '../../../../src/sheets/rows/table.ts';

async function* piecesOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const collect = async <Item>(items: AsyncIterable<Item>): Promise<Item[]> => {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
};

const read = async (
  text: string | Uint8Array,
  options: Partial<Parameters<typeof readRows>[1]> = {},
  size = 3,
): Promise<RowOrHeader[]> => {
  const bytes = piecesOf(Buffer.from(text), size);
  return collect(readRows(bytes, { mimeType: 'text/csv', dates: false, ...options }));
};

const csvOf = (rows: readonly (readonly string[])[]): string =>
  rows.map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')).join('\r\n');

const cellsOf = (rows: readonly RowOrHeader[]) => rows.flatMap(({ cells }) => (cells === undefined ? [] : [cells]));
const invalid = { code: 'request-invalid' };

describe('rows of CSV', () => {
  test('the first row names the columns', async () => {
    const rows = await read('\ufeffid,name,ok\r\n1,"a ""b"", c",true\r\n\r\n007,,no\n');
    expect(rows.map(({ columns }) => columns)).toEqual(Array(3).fill(['id', 'name', 'ok']));
    expect(cellsOf(rows)).toEqual([
      [1, 'a "b", c', true],
      ['007', null, 'no'],
    ]);
  });

  test('a table without rows has its columns', async () => {
    expect(await read('a,b\n')).toEqual([{ columns: ['a', 'b'], cells: undefined }]);
    expect(await read('')).toEqual([]);
  });

  test('semicolons and tabs', async () => {
    expect(cellsOf(await read('"a,x";b\n1;2\n'))).toEqual([[1, 2]]);
    expect(cellsOf(await read('a\tb\n1\t2,5\n', { mimeType: 'text/tab-separated-values' }))).toEqual([[1, '2,5']]);
  });

  test('quoted cells are texts if the source is marked so', async () => {
    const text = 'a,b,c\n"42",42,"true"\n';
    expect(cellsOf(await read(text))).toEqual([[42, 42, true]]);
    expect(cellsOf(await read(text, { quotedIsText: true }))).toEqual([['42', 42, 'true']]);
  });

  test('another charset', async () => {
    const latin = Buffer.from('name\nM\xfcller\n', 'latin1');
    expect(cellsOf(await read(latin, { mimeType: 'text/csv; charset=iso-8859-1' }))).toEqual([['Müller']]);
    await expect(read(latin)).rejects.toMatchObject(invalid);
    await expect(read('a\n1', { mimeType: 'text/csv; charset=klingon' })).rejects.toMatchObject({
      code: 'conversion-refused',
    });
  });

  test('short rows are filled up, long ones are refused unless the rest is empty', async () => {
    expect(cellsOf(await read('a,b\n1\n1,2,,\n'))).toEqual([[1], [1, 2]]);
    await expect(read('a,b\n1,2,3\n')).rejects.toMatchObject(invalid);
  });

  test.each([['a,,c\n1,2,3'], ['a,b,a\n1,2,3'], ['a,b\n"1,2'], ['a\nx"y"'], [`a\n${'x'.repeat(50_001)}`]])(
    '%# is refused',
    async (text) => {
      await expect(read(text, {}, 65_536)).rejects.toMatchObject(invalid);
    },
  );

  test('bytes without rows are refused', async () => {
    await expect(read('%PDF', { mimeType: 'application/pdf' })).rejects.toMatchObject({ code: 'conversion-refused' });
  });

  test('an error of the bytes is passed on', async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a\n1\n');
      throw new Error('cut off');
    };
    const rows = readRows(failing(), { mimeType: 'text/csv', dates: false });
    await expect(collect(rows)).rejects.toThrow('cut off');
  });

  test('random tables are read as they were written, in pieces of any size', async () => {
    const cell = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 8 }),
      fc.constantFrom('"', ',', '\r\n', '=1+1', "'"),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { maxLength: 8 }),
        fc.integer({ min: 1, max: 9 }),
        async (rows, size) => {
          const text = csvOf([['a', 'b'], ...rows]);
          const found = cellsOf(await read(text, { quotedIsText: true }, size));
          expect(found).toEqual(rows.map((cells) => cells.map((one) => (one === '' ? null : one))));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('rows of JSON Lines', () => {
  const mimeType = 'application/x-ndjson';

  test('types are those of JSON', async () => {
    const rows = await read('{"a":1,"b":"1","c":true}\n\n{"c":null,"d":{"x":[1.50]}}\r\n{"a":12345678901234567890}', {
      mimeType,
    });
    expect(rows).toEqual([
      { columns: ['a', 'b', 'c'], cells: [1, '1', true] },
      { columns: ['c', 'd'], cells: [null, '{"x":[1.50]}'] },
      { columns: ['a'], cells: ['12345678901234567890'] },
    ]);
  });

  test.each(['[1]', '1', '{"a":1', '{"":1}', '{"a":1}{"b":2}'])('%s is refused', async (text) => {
    await expect(read(text, { mimeType })).rejects.toMatchObject(invalid);
  });
});

describe('batches', () => {
  const batches = (text: string, maxBytes?: number): Promise<Batch[]> =>
    collect(batchesOf(readRows(piecesOf(Buffer.from(text), 64), { mimeType: 'text/csv', dates: false }), maxBytes));

  test('a small table is one batch', async () => {
    const [only, ...more] = await batches('a,b\n1,x\n');
    expect(more).toEqual([]);
    expect(only).toMatchObject({ index: 0, isLast: true, columns: ['a', 'b'], rows: [{ cells: [1, 'x'] }] });
  });

  test('a table without rows is one batch, with its columns', async () => {
    expect(await batches('a,b\n')).toMatchObject([{ isLast: true, columns: ['a', 'b'], rows: [] }]);
  });

  test('a large table is split in the same way each time, and no batch is too large', async () => {
    const text = `a,b\n${Array.from({ length: 500 }, (_, n) => `${n},${'é"'.repeat(n % 7)}`.replaceAll('"', '')).join('\n')}`;
    const first = await batches(text, 2_000);
    expect(first.length).toBeGreaterThan(10);
    expect(first.map(({ index }) => index)).toEqual(first.map((_, index) => index));
    expect(first.filter(({ isLast }) => isLast)).toEqual(first.slice(-1));
    expect(first.every(({ cost }) => cost <= 2_000)).toBe(true);
    expect(first.flatMap(({ rows }) => rows)).toHaveLength(500);
    expect((await batches(text, 2_000)).map(({ digest }) => digest)).toEqual(first.map(({ digest }) => digest));
    expect((await batches(text.replace('\n7,', '\n8,'), 2_000))[0]?.digest).not.toBe(first[0]?.digest);
  });
});
