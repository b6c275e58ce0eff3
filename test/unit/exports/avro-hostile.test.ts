import { deflateRawSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import type { Field } from '../../../src/exports/bigquery/encode.ts';
import { rowsOfAvro } from '../../../src/exports/bigquery/staged/avro-file.ts';
import { AvroError } from '../../../src/exports/bigquery/staged/avro-values.ts';

const MARKER = Buffer.alloc(16, 7);

/** A variable-length zigzag integer. */
const long = (value: number): Buffer => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
};
const sized = (content: Buffer | string): Buffer =>
  Buffer.concat([long(Buffer.byteLength(content)), Buffer.from(content)]);

interface File {
  type: unknown;
  /** A schema that is no JSON of a record of "c". */
  schema?: string;
  /** As the block says. */
  rows?: number;
  block?: Buffer;
}

const fileOf = ({ type, schema, rows = 1, block = Buffer.alloc(0) }: File): Buffer => {
  const text = schema ?? JSON.stringify({ type: 'record', name: 'Root', fields: [{ name: 'c', type }] });
  const metadata = [long(2), sized('avro.schema'), sized(text), sized('avro.codec'), sized('deflate'), long(0)];
  return Buffer.concat([
    Buffer.from('Obj\u0001'),
    ...metadata,
    MARKER,
    long(rows),
    sized(deflateRawSync(block)),
    MARKER,
  ]);
};

const groupsOf = async (file: File, type: string, mode = 'NULLABLE'): Promise<number[]> => {
  const sizes: number[] = [];
  const field: Field = { name: 'c', type, mode };
  async function* bytes() {
    yield fileOf(file);
  }
  for await (const rows of rowsOfAvro(bytes(), [field])) sizes.push(rows.length);
  return sizes;
};

const micros = (logicalType: string) => ({ type: 'long', logicalType });
const decimal = (scale: number) => ({ type: 'bytes', logicalType: 'decimal', precision: 38, scale });
const nested = (depth: number) =>
  `{"type":"record","fields":[{"name":"c","type":${'['.repeat(depth)}${']'.repeat(depth)}}]}`;

test.each<[string, File, string]>([
  ['more rows than there are bytes', { type: 'boolean', rows: 2 ** 40, block: Buffer.from([1]) }, 'BOOLEAN'],
  ['fewer rows than none', { type: 'boolean', rows: -1 }, 'BOOLEAN'],
  ['an array longer than its bytes', { type: { type: 'array', items: 'boolean' }, block: long(2 ** 22) }, 'BOOLEAN'],
  ['an array longer than any', { type: { type: 'array', items: 'boolean' }, block: long(2 ** 45) }, 'BOOLEAN'],
  ['a decimal of many bytes', { type: decimal(9), block: sized(Buffer.alloc(34, 1)) }, 'NUMERIC'],
  ['a decimal of many digits', { type: decimal(2 ** 40), block: sized(Buffer.alloc(1, 1)) }, 'NUMERIC'],
  ['a day that is none', { type: { type: 'int', logicalType: 'date' }, block: long(2 ** 50) }, 'DATE'],
  ['a day after the year 9999', { type: { type: 'int', logicalType: 'date' }, block: long(2_932_897) }, 'DATE'],
  ['a time of no day', { type: micros('time-micros'), block: long(86_400_000_000) }, 'TIME'],
  ['a time in no year', { type: micros('timestamp-micros'), block: long(2 ** 60) }, 'TIMESTAMP'],
  ['a schema that is no JSON', { type: '', schema: '{' }, 'STRING'],
  ['a schema of nothing', { type: '', schema: 'null' }, 'STRING'],
  ['a schema without a type', { type: null }, 'STRING'],
  ['a schema that is too deep', { type: '', schema: nested(500_000) }, 'STRING'],
  ['a schema that is too long', { type: '', schema: ' '.repeat(9_000_000) }, 'STRING'],
])('%s is an error of the file', async (_, file, type) => {
  await expect(groupsOf(file, type)).rejects.toThrow(AvroError);
});

test('the first and the last day and time are read', async () => {
  const day = { type: { type: 'int', logicalType: 'date' }, rows: 2 };
  expect(await groupsOf({ ...day, block: Buffer.concat([long(-719_162), long(2_932_896)]) }, 'DATE')).toEqual([2]);
  const time = { type: micros('timestamp-micros'), rows: 2 };
  const block = Buffer.concat([long(-62_135_596_800_000_000), long(253_402_300_799_000_000)]);
  expect(await groupsOf({ ...time, block }, 'TIMESTAMP')).toEqual([2]);
});

test('few large rows, and not many, are in memory at once', async () => {
  const block = Buffer.concat(Array.from({ length: 6 }, () => sized('x'.repeat(40_000))));
  expect(await groupsOf({ type: 'string', rows: 6, block }, 'STRING')).toEqual([2, 2, 2]);
});
