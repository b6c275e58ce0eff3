import { randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { notImplemented } from '../errors.ts';
import type { Field } from '../model.ts';
import type { Row } from '../values.ts';

/**
 * Exports as Avro (https://cloud.google.com/bigquery/docs/exporting-data#avro_export_details, with useAvroLogicalTypes), written
 * from the form that values have in the REST API.
 */

type Encode = (value: unknown) => Buffer;

/** A variable-length zigzag integer. */
const long = (value: bigint | number): Buffer => {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const bytes: number[] = [];
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
};

const block = (bytes: Buffer): Buffer => Buffer.concat([long(bytes.byteLength), bytes]);
const string: Encode = (value) => block(Buffer.from(String(value)));

const double: Encode = (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(Number(value));
  return bytes;
};

/** The shortest big-endian two's complement of the unscaled number. */
const decimal =
  (scale: number): Encode =>
  (value) => {
    const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(value)) ?? [];
    const unscaled = BigInt(`${sign}${whole}${fraction.padEnd(scale, '0')}`);
    let length = 1;
    while (BigInt.asIntN(8 * length, unscaled) !== unscaled) length += 1;
    return block(
      Buffer.from(
        BigInt.asUintN(8 * length, unscaled)
          .toString(16)
          .padStart(2 * length, '0'),
        'hex',
      ),
    );
  };

const days: Encode = (value) => long(Date.parse(`${String(value)}T00:00:00Z`) / 86_400_000);
const micros: Encode = (value) => {
  const [clock = '', fraction = ''] = String(value).split('.');
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(':').map(Number);
  return long((hours * 3600 + minutes * 60 + seconds) * 1_000_000 + Number(fraction.padEnd(6, '0')));
};

const number = (precision: number, scale: number): { schema: unknown; encode: Encode } => ({
  schema: { type: 'bytes', logicalType: 'decimal', precision, scale },
  encode: decimal(scale),
});

const SCALARS: Readonly<Record<string, { schema: unknown; encode: Encode }>> = {
  BIGNUMERIC: number(77, 38),
  BOOLEAN: { schema: 'boolean', encode: (value) => Buffer.from([String(value) === 'true' ? 1 : 0]) },
  BYTES: { schema: 'bytes', encode: (value) => block(Buffer.from(String(value), 'base64')) },
  DATE: { schema: { type: 'int', logicalType: 'date' }, encode: days },
  DATETIME: { schema: { type: 'string', logicalType: 'datetime' }, encode: string },
  FLOAT: { schema: 'double', encode: double },
  GEOGRAPHY: { schema: { type: 'string', sqlType: 'GEOGRAPHY' }, encode: string },
  INTEGER: { schema: 'long', encode: (value) => long(BigInt(String(value))) },
  JSON: { schema: { type: 'string', sqlType: 'JSON' }, encode: string },
  NUMERIC: number(38, 9),
  STRING: { schema: 'string', encode: string },
  TIME: { schema: { type: 'long', logicalType: 'time-micros' }, encode: micros },
  TIMESTAMP: {
    schema: { type: 'long', logicalType: 'timestamp-micros' },
    encode: (value) => long(BigInt(String(value))),
  },
};

/** Nested records have names of their own. */
const recordOf = (name: string, fields: readonly Field[]): { schema: object; encode: (row: Row) => Buffer } => {
  const columns = fields.map((field, index) => columnOf(field, `${name}_${index}`));
  return {
    schema: {
      type: 'record',
      name,
      fields: fields.map((field, index) => ({ name: field.name, type: columns[index]?.schema })),
    },
    encode: ({ f }) => Buffer.concat(columns.map(({ encode }, index) => encode(f[index]?.v))),
  };
};

const columnOf = (field: Field, name: string): { schema: unknown; encode: Encode } => {
  if (field.mode === 'REPEATED') {
    const { schema, encode } = columnOf({ ...field, mode: 'REQUIRED' }, name);
    return {
      schema: { type: 'array', items: schema },
      encode: (value) => {
        const items = value as { v: unknown }[];
        const written = items.map(({ v }) => encode(v));
        return Buffer.concat([...(items.length === 0 ? [] : [long(items.length)]), ...written, long(0)]);
      },
    };
  }
  const record = field.type === 'RECORD' ? recordOf(name, field.fields ?? []) : undefined;
  const plain =
    record === undefined ? SCALARS[field.type] : { ...record, encode: (value: unknown) => record.encode(value as Row) };
  if (plain === undefined) throw notImplemented(`exports of ${field.type} as AVRO`);
  if (field.mode === 'REQUIRED') return plain;
  return {
    schema: ['null', plain.schema],
    encode: (value) =>
      value === null || value === undefined ? long(0) : Buffer.concat([long(1), plain.encode(value)]),
  };
};

export interface AvroFile {
  /** Adds a row, and returns the size of the rows so far. */
  add(row: Row): number;
  end(): Buffer;
}

const BLOCK_BYTES = 65_536;

/** Makes a function that begins a file for rows with these columns. @throws BigQueryError `notImplemented` */
export const avroFiles = (fields: readonly Field[], compression: string): (() => AvroFile) => {
  const { schema, encode } = recordOf('Root', fields);
  const isDeflated = compression === 'DEFLATE';
  const metadata: [string, string][] = [
    ['avro.schema', JSON.stringify(schema)],
    ['avro.codec', isDeflated ? 'deflate' : 'null'],
  ];
  return () => {
    const marker = randomBytes(16);
    const pieces = [
      Buffer.from('Obj\u0001'),
      long(metadata.length),
      ...metadata.flatMap((entry) => entry.map(string)),
      long(0),
      marker,
    ];
    let rows: Buffer[] = [];
    let bytes = 0;
    let total = 0;
    const flush = (): void => {
      if (rows.length === 0) return;
      const plain = Buffer.concat(rows);
      pieces.push(long(rows.length), block(isDeflated ? deflateRawSync(plain) : plain), marker);
      rows = [];
      bytes = 0;
    };
    return {
      add(row) {
        const written = encode(row);
        rows.push(written);
        bytes += written.byteLength;
        total += written.byteLength;
        if (bytes >= BLOCK_BYTES) flush();
        return total;
      },
      end() {
        flush();
        return Buffer.concat(pieces);
      },
    };
  };
};
