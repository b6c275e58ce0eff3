import { expect, test } from '@jest/globals';
import readExcelFile from 'read-excel-file/node';
import { fromBuffer } from 'yauzl';
import type { Field, Row } from '../../../src/exports/bigquery/encode.ts';
import { createSheetEncoder } from '../../../src/exports/bigquery/encode-xlsx.ts';
import { createSheetRows, type WorkbookCell, workbookOf } from '../../../src/exports/xlsx/workbook.ts';
import { ZipLimitError, zipStream } from '../../../src/exports/xlsx/zip-stream.ts';

const bytesOf = async (pieces: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return Buffer.concat(all);
};

const workbook = (fields: readonly Field[], rows: readonly unknown[][]): Promise<Buffer> => {
  const { head, line, tail } = createSheetEncoder();
  async function* sheet(): AsyncGenerator<Buffer> {
    yield Buffer.from(head(fields));
    for (const values of rows) yield Buffer.from(line(fields, { f: values.map((v) => ({ v })) } satisfies Row));
    yield Buffer.from(tail);
  }
  return bytesOf(workbookOf(sheet()));
};

/** Each value in a row of its own, read back by a reader that is not ours. */
const readBack = async (type: string, values: readonly unknown[], more: Partial<Field> = {}): Promise<unknown[]> => {
  const bytes = await workbook(
    [{ name: 'value', type, ...more }],
    values.map((value) => [value]),
  );
  const [sheet] = await readExcelFile(bytes, { trim: false });
  return (sheet?.data ?? []).slice(1).map(([cell]) => cell);
};

test('a number that a double keeps is a number, any other stays a text with all digits', async () => {
  expect(await readBack('INTEGER', ['42', '-9007199254740991', '9223372036854775807'])).toEqual([
    42,
    -9007199254740991,
    '9223372036854775807',
  ]);
  expect(await readBack('NUMERIC', ['12.5', '12345678901234567890123456789.123456789'])).toEqual([
    12.5,
    '12345678901234567890123456789.123456789',
  ]);
  expect(await readBack('FLOAT', ['0.1', '1.0E300', 'NaN', '-Infinity'])).toEqual([0.1, 1e300, 'NaN', '-Infinity']);
});

test('texts stay texts: formulas, numbers, white space, XML, control characters', async () => {
  const texts = ['=1+1', '007', ' a ', 'a\r\nb\tc', '<b>&amp;"\'', 'Zürich 🎉', '@x'];
  expect(await readBack('STRING', texts)).toEqual(texts);
  const bytes = await workbook([{ name: '=1+1', type: 'STRING' }], [['\u0000\u000b\ufffe\ud800'], ['_x0041_ _x41_']]);
  const xml = await entryOf(bytes, 'xl/worksheets/sheet1.xml');
  expect(xml).toContain('_x0000__x000B__xFFFE__xD800_');
  expect(xml).toContain('_x005F_x0041_ _x41_');
  expect(xml).not.toContain('<f>');
});

test('the other types: booleans, days and times as texts, bytes, NULL, ARRAY and STRUCT', async () => {
  expect(await readBack('BOOLEAN', ['true', 'false'])).toEqual([true, false]);
  expect(await readBack('DATE', ['2026-11-27', '0001-01-01'])).toEqual(['2026-11-27', '0001-01-01']);
  expect(await readBack('TIMESTAMP', ['1795759200500000'])).toEqual(['2026-11-27T06:00:00.5Z']);
  expect(await readBack('BYTES', ['/wA='])).toEqual(['/wA=']);
  expect(await readBack('INTEGER', [[{ v: '1' }, { v: '2' }]], { mode: 'REPEATED' })).toEqual(['[1,2]']);
  const fields = [{ name: 'x', type: 'INTEGER' }];
  expect(await readBack('RECORD', [{ f: [{ v: '7' }] }], { fields })).toEqual(['{"x":7}']);
  const [sheet] = await readExcelFile(
    await workbook(
      [
        { name: 'a', type: 'STRING' },
        { name: 'b', type: 'INTEGER' },
      ],
      [
        [null, '1'],
        ['x', null],
      ],
    ),
  );
  expect(sheet?.data).toEqual([
    ['a', 'b'],
    [null, 1],
    ['x', null],
  ]);
});

const entryOf = (bytes: Buffer, wanted: string): Promise<string> =>
  new Promise((resolve, reject) => {
    fromBuffer(bytes, { lazyEntries: true }, (error, zip) => {
      if (error) return reject(error);
      zip.on('error', reject);
      zip.on('entry', (entry) => {
        if (entry.fileName !== wanted) return zip.readEntry();
        zip.openReadStream(entry, async (failure, stream) => {
          if (failure) reject(failure);
          else resolve((await bytesOf(stream)).toString());
        });
      });
      zip.readEntry();
    });
  });

test('columns beyond Z have two letters', async () => {
  const fields = Array.from({ length: 730 }, (_, index) => ({ name: `c${index}`, type: 'INTEGER' }));
  const bytes = await workbook(fields, [fields.map((_, index) => String(index))]);
  const xml = await entryOf(bytes, 'xl/worksheets/sheet1.xml');
  for (const [address, value] of [
    ['Z2', 25],
    ['AA2', 26],
    ['AZ2', 51],
    ['BA2', 52],
    ['ZZ2', 701],
    ['AAA2', 702],
  ])
    expect(xml).toContain(`<c r="${address}"><v>${value}</v></c>`);
});

test('the same rows make the same bytes', async () => {
  const make = () => workbook([{ name: 'a', type: 'STRING' }], [['x'], ['y']]);
  expect((await make()).equals(await make())).toBe(true);
});

test('more rows or longer cells than Excel allows are refused', async () => {
  const row = createSheetRows();
  const none: WorkbookCell[] = [];
  for (let count = 0; count < 1_048_576; count += 1) row(none);
  expect(() => row(none)).toThrow(expect.objectContaining({ code: 'too-large', reason: 'xlsx-limit' }));
  await expect(readBack('STRING', ['x'.repeat(32_768)])).rejects.toMatchObject({ code: 'too-large' });
  expect(await readBack('STRING', ['x'.repeat(32_767)])).toEqual(['x'.repeat(32_767)]);
});

test('an error in an entry is passed on, and a limit of the format is an error of the request', async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('x');
    throw new ZipLimitError('broken');
  }
  await expect(bytesOf(zipStream([{ name: 'a', bytes: failing() }]))).rejects.toThrow('broken');
  async function* sheet(): AsyncGenerator<Uint8Array> {
    yield* failing();
  }
  await expect(bytesOf(workbookOf(sheet()))).rejects.toMatchObject({ code: 'too-large' });
});
