import { expect, test } from '@jest/globals';
import type { Field, Row } from '../../../src/exports/bigquery/encode.ts';
import { rowsOfAvro } from '../../../src/exports/bigquery/staged/avro-file.ts';
import { AvroError } from '../../../src/exports/bigquery/staged/avro-values.ts';

/** The magic bytes and most of the schema, with which both files begin. */
const HEAD = [
  'T2JqAQQWYXZyby5zY2hlbWGMDnsibmFtZSI6IlJvb3QiLCJ0eXBlIjoicmVjb3JkIiwiZmllbGRzIjpbeyJuYW1lIjoiaSIsInR5',
  'cGUiOlsibnVsbCIsImxvbmciXX0seyJuYW1lIjoiZiIsInR5cGUiOlsibnVsbCIsImRvdWJsZSJdfSx7Im5hbWUiOiJ0IiwidHlw',
  'ZSI6WyJudWxsIiwiYm9vbGVhbiJdfSx7Im5hbWUiOiJzIiwidHlwZSI6WyJudWxsIiwic3RyaW5nIl19LHsibmFtZSI6ImIiLCJ0',
  'eXBlIjpbIm51bGwiLCJieXRlcyJdfSx7Im5hbWUiOiJkIiwidHlwZSI6WyJudWxsIix7InR5cGUiOiJpbnQiLCJsb2dpY2FsVHlw',
  'ZSI6ImRhdGUifV19LHsibmFtZSI6InRpIiwidHlwZSI6WyJudWxsIix7InR5cGUiOiJsb25nIiwibG9naWNhbFR5cGUiOiJ0aW1l',
  'LW1pY3JvcyJ9XX0seyJuYW1lIjoidHMiLCJ0eXBlIjpbIm51bGwiLHsidHlwZSI6ImxvbmciLCJsb2dpY2FsVHlwZSI6InRpbWVz',
  'dGFtcC1taWNyb3MifV19LHsibmFtZSI6ImR0IiwidHlwZSI6WyJudWxsIix7InR5cGUiOiJzdHJpbmciLCJsb2dpY2FsVHlwZSI6',
  'ImRhdGV0aW1lIn1dfSx7Im5hbWUiOiJuIiwidHlwZSI6WyJudWxsIix7InR5cGUiOiJieXRlcyIsImxvZ2ljYWxUeXBlIjoiZGVj',
  'aW1hbCIsInByZWNpc2lvbiI6MzgsInNjYWxlIjo5fV19LHsibmFtZSI6ImEiLCJ0eXBlIjp7InR5cGUiOiJhcnJheSIsIml0ZW1z',
  'IjoibG9uZyJ9fSx7Im5hbWUiOiJyIiwidHlwZSI6WyJudWxsIix7Im5hbWUiOiJJbm5lciIsInR5cGUiOiJyZWNvcmQiLCJmaWVs',
  'ZHMiOlt7Im5hbWUiOiJ4IiwidHlwZSI6WyJudWxsIiwibG9uZyJdfSx7Im5hbWUiOiJ6IiwidHlwZSI6eyJ0eXBlIjoiYXJyYXki',
  'LCJpdGVtcyI6eyJuYW1lIjoiSW4yIiwidHlwZSI6InJlY29yZCIsImZpZWxkcyI6W3sibmFtZSI6InkiLCJ0eXBlIjpbIm51bGwi',
].join('');

/** Files that another implementation, avsc 5.7.9 for Node, has written, uncompressed and compressed. */
const FILES: Readonly<Record<string, string>> = {
  plain: [
    HEAD,
    'LCJzdHJpbmciXX1dfX19XX1dfV19FGF2cm8uY29kZWMIbnVsbAAHBwcHBwcHBwcHBwcHBwcHBtwCAv7///////8PApx1AIg85Dd+',
    'AgECDlrDvHJpY2gCBP8AAgECwOTr96ABAv2IegIqMjAyNi0xMS0yN1QwNjowMDowMC41AhL/VKtWcxTg9S4GAgPYBAACAg4EAgTD',
    'qQAAAAAAAAAAAAAAAAAAAn8CAAAAAAAA+H8CAAIAAgAC4MQCAgACguC+0/jOsAYCJjIwMjYtMTEtMjdUMDY6MDA6MDACCgLpDt0A',
    'AgAAAgAABwcHBwcHBwcHBwcHBwcHBw==',
  ].join(''),
  deflated: [
    HEAD,
    'LCJzdHJpbmciXX1dfX19XX1dfV19FGF2cm8uY29kZWMOZGVmbGF0ZQAHBwcHBwcHBwcHBwcHBwcHBpQCY/r3Hwz4meaUMnTYPDGv',
    'Y2Jk4os6vKcoMzmDieU/AxMj04Enr78vYGT621HFpGVkYGSma2ioa2QeYmBmZWBgZWCgZ8ok9D9kdVixyIOvemxMzDdYGJiY+FiY',
    'WA6vZEABTPVMEMaPeiYGMHxwhImJganpwb7LP85tYGNSw2I6ExfTS767DEwMIAQABwcHBwcHBwcHBwcHBwcHBw==',
  ].join(''),
};

const column = (name: string, type: string, more: Partial<Field> = {}): Field => ({
  name,
  type,
  mode: 'NULLABLE',
  ...more,
});
const FIELDS: readonly Field[] = [
  column('i', 'INTEGER'),
  column('f', 'FLOAT'),
  column('t', 'BOOLEAN'),
  column('s', 'STRING'),
  column('b', 'BYTES'),
  column('d', 'DATE'),
  column('ti', 'TIME'),
  column('ts', 'TIMESTAMP'),
  column('dt', 'DATETIME'),
  column('n', 'NUMERIC'),
  column('a', 'INTEGER', { mode: 'REPEATED' }),
  column('r', 'RECORD', {
    fields: [column('x', 'INTEGER'), column('z', 'RECORD', { mode: 'REPEATED', fields: [column('y', 'STRING')] })],
  }),
];

const v = (value: unknown) => ({ v: value });
const ROWS = [
  ['4503599627370495', '1e+300', 'true', 'Zürich', '/wA=', '1969-12-31', '06:00:00.500000', '-999999'],
  Array.from({ length: 8 }, () => null),
  ['-64', 'NaN', 'false', '', '', '2026-11-27', '00:00:00', '1795759200000001'],
];
const MORE = [
  [
    '2026-11-27T06:00:00.500000',
    '-12345678901.23456789',
    [v('1'), v('-2'), v('300')],
    { f: [v('7'), v([v({ f: [v('é')] }), v({ f: [v(null)] })])] },
  ],
  [null, null, [], null],
  ['2026-11-27T06:00:00', '12.5', [v('0')], { f: [v(null), v([])] }],
];

/** The file in pieces of any size. */
async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

const read = async (bytes: Uint8Array, size: number, fields: readonly Field[] = FIELDS): Promise<Row[]> => {
  const rows: Row[] = [];
  for await (const some of rowsOfAvro(pieces(bytes, size), fields)) rows.push(...some);
  return rows;
};

test.each(Object.entries(FILES))('values of all types are read from a %s file, however it is cut', async (_, file) => {
  const bytes = Buffer.from(file, 'base64');
  const expected = ROWS.map((row, index) => ({ f: [...row, ...(MORE[index] ?? [])].map(v) }));
  for (const size of [1, 7, 64, bytes.byteLength]) expect(await read(bytes, size)).toEqual(expected);
});

test('a file that is cut, damaged or of other columns is an error', async () => {
  const bytes = Buffer.from(FILES.deflated ?? '', 'base64');
  await expect(read(bytes.subarray(0, -1), 50)).rejects.toThrow(AvroError);
  await expect(read(bytes.subarray(0, 10), 50)).rejects.toThrow('not complete');
  await expect(read(Buffer.from('a,b\n1,2\n'), 50)).rejects.toThrow('not an Avro file');
  await expect(read(bytes, 50, FIELDS.slice(1))).rejects.toThrow('other columns');
  const other = FIELDS.map((field) => (field.name === 'i' ? { ...field, type: 'STRING' } : field));
  await expect(read(bytes, 50, other)).rejects.toThrow('the column i (STRING) is exported as long');
  const damaged = Buffer.from(bytes);
  damaged[damaged.byteLength - 1] = 0;
  await expect(read(damaged, 50)).rejects.toThrow('does not end');
});

test('a reader that stops early ends the stream of bytes', async () => {
  let isEnded = false;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      yield* pieces(Buffer.from(FILES.plain ?? '', 'base64'), 2_000);
      yield* pieces(Buffer.alloc(10), 1);
    } finally {
      isEnded = true;
    }
  }
  for await (const rows of rowsOfAvro(bytes(), FIELDS)) {
    expect(rows).toHaveLength(3);
    break;
  }
  expect(isEnded).toBe(true);
});
