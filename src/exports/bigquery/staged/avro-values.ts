import type { Field } from '../encode.ts';

/** Where a block of Avro's binary encoding is being read (https://avro.apache.org/docs/1.12.0/specification/#binary-encoding). */
export interface Cursor {
  bytes: Buffer;
  at: number;
}

/** Reads a value in the form of BigQuery's REST API: text for a scalar, `{f: […]}` for a STRUCT, a list of `{v: …}` for an ARRAY. */
type ReadValue = (cursor: Cursor) => unknown;

/** The file is not what the export of this column is documented to be. */
export class AvroError extends Error {}

/** The columns of the file have another form than expected, though the file is not damaged. */
export class AvroSchemaError extends AvroError {}

/** A variable-length zigzag integer whose absolute value is below 2^53: lengths, counts, days. */
const readSmall = (cursor: Cursor): number => {
  const value = readLong(cursor);
  if (typeof value === 'number') return value;
  throw new AvroError('an integer is too large');
};

/** A variable-length zigzag integer of 64 bits. It is a bigint only if it needs to be one. */
const readLong = (cursor: Cursor): number | bigint => {
  const { bytes } = cursor;
  let low = 0;
  // Up to 49 bits fit a double exactly, which covers almost all values.
  for (let factor = 1; factor <= 2 ** 42; factor *= 128) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw new AvroError('a block ends within an integer');
    low += (byte & 0x7f) * factor;
    if (byte < 0x80) return low % 2 === 0 ? low / 2 : -(low + 1) / 2;
  }
  let all = BigInt(low);
  for (let shift = 49n; shift < 70n; shift += 7n) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw new AvroError('a block ends within an integer');
    all |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asIntN(64, (all >> 1n) ^ -(all & 1n));
  }
  throw new AvroError('an integer has more than ten bytes');
};

const readBytes = (cursor: Cursor): Buffer => {
  const length = readSmall(cursor);
  const taken = cursor.bytes.subarray(cursor.at, cursor.at + length);
  if (length < 0 || taken.byteLength !== length) throw new AvroError('a block ends within a value');
  cursor.at += length;
  return taken;
};

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

const DAY_MS = 86_400_000;

/** An integer that is a day or a time of BigQuery, all of which are in the years 1 to 9999. @throws AvroError */
const within = <Value extends number | bigint>(value: Value, first: number | bigint, last: number | bigint): Value => {
  if (value >= first && value <= last) return value;
  throw new AvroError('a day or a time is out of range');
};
const FIRST_DAY = -719_162;
const LAST_DAY = 2_932_896;
const DAY_MICROS = 86_400_000_000;
const FIRST_MICROS = BigInt(FIRST_DAY) * BigInt(DAY_MICROS);
const LAST_MICROS = BigInt(LAST_DAY + 1) * BigInt(DAY_MICROS) - 1n;

const dateText = (days: number): string =>
  new Date(within(days, FIRST_DAY, LAST_DAY) * DAY_MS).toISOString().slice(0, 10);

/** `06:00:00` and, if there are microseconds, six digits of them. */
const timeText = (micros: number): string => {
  const seconds = Math.floor(micros / 1e6);
  const clock = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map((part) => pad(Math.floor(part))).join(':');
  return micros % 1e6 === 0 ? clock : `${clock}.${pad(micros % 1e6, 6)}`;
};

/** As in the REST API: "T" between day and time, and no digits or six of a fraction. */
const dateTimeText = (text: string): string => {
  const [, whole = text, fraction = ''] = /^([^.]*)(?:\.(\d+))?$/.exec(text.replace(' ', 'T')) ?? [];
  return Number(fraction) === 0 ? whole : `${whole}.${fraction.padEnd(6, '0')}`;
};

const withoutZerosAtEnd = (digits: string): string => {
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return digits.slice(0, end);
};

/** A BIGNUMERIC has 256 bits, 38 digits of them behind the point. */
const MAX_DECIMAL_BYTES = 33;
const MAX_SCALE = 38;

/** A two's-complement big-endian integer with a decimal point, without zeros at the end. */
const decimalText = (bytes: Buffer, scale: number): string => {
  if (bytes.byteLength > MAX_DECIMAL_BYTES) throw new AvroError(`a decimal has ${bytes.byteLength} bytes`);
  const unscaled =
    bytes.byteLength === 0 ? 0n : BigInt.asIntN(8 * bytes.byteLength, BigInt(`0x${bytes.toString('hex')}`));
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const fraction = withoutZerosAtEnd(digits.slice(digits.length - scale));
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? '-' : ''}${whole}${fraction === '' || scale === 0 ? '' : `.${fraction}`}`;
};

/** A schema of Avro, as in the header of a file. */
export type AvroSchema =
  | string
  | AvroSchema[]
  | {
      type: AvroSchema;
      items?: AvroSchema;
      fields?: { name: string; type: AvroSchema }[];
      logicalType?: string;
      scale?: number;
    };

/** A row has at most 100 MB, and its values are in memory together. */
const MAX_ITEMS = 4_194_304;

/** Arrays come in blocks; a block with a negative count has its size in bytes, too. */
const readArray =
  (readItem: ReadValue): ReadValue =>
  (cursor) => {
    const items: { v: unknown }[] = [];
    for (;;) {
      const count = readSmall(cursor);
      if (count === 0) return items;
      if (count < 0) readSmall(cursor);
      if (items.length + Math.abs(count) > MAX_ITEMS) throw new AvroError('an array has too many values');
      for (let index = 0; index < Math.abs(count); index += 1) items.push({ v: readItem(cursor) });
    }
  };

const readUnion =
  (branches: readonly ReadValue[]): ReadValue =>
  (cursor) => {
    const branch = branches[readSmall(cursor)];
    if (branch === undefined) throw new AvroError('a value has an unknown type');
    return branch(cursor);
  };

const readDouble: ReadValue = (cursor) => {
  const { bytes, at } = cursor;
  if (at + 8 > bytes.byteLength) throw new AvroError('a block ends within a value');
  cursor.at += 8;
  return String(bytes.readDoubleLE(at));
};

const readBoolean: ReadValue = (cursor) => {
  const byte = cursor.bytes[cursor.at++];
  if (byte === undefined) throw new AvroError('a block ends within a value');
  return String(byte === 1);
};

/** The column's type with the type in the file, and how such a value is read. */
const SCALARS: Readonly<Record<string, ReadValue>> = {
  'BOOLEAN boolean': readBoolean,
  'BYTES bytes': (cursor) => readBytes(cursor).toString('base64'),
  'DATE int/date': (cursor) => dateText(readSmall(cursor)),
  'DATETIME string': (cursor) => dateTimeText(readBytes(cursor).toString()),
  'FLOAT double': readDouble,
  'GEOGRAPHY string': (cursor) => readBytes(cursor).toString(),
  'INTEGER long': (cursor) => String(readLong(cursor)),
  'JSON string': (cursor) => readBytes(cursor).toString(),
  'STRING string': (cursor) => readBytes(cursor).toString(),
  'TIME long/time-micros': (cursor) => timeText(within(readSmall(cursor), 0, DAY_MICROS - 1)),
  'TIMESTAMP long/timestamp-micros': (cursor) => String(within(readLong(cursor), FIRST_MICROS, LAST_MICROS)),
};

const REST_NAMES: Readonly<Record<string, string>> = {
  BOOL: 'BOOLEAN',
  FLOAT64: 'FLOAT',
  INT64: 'INTEGER',
  STRUCT: 'RECORD',
};

/** The name of a column's type in the REST API, which has two for some types. */
const typeOf = ({ type }: Field): string => REST_NAMES[type] ?? type;

const scalarReader = (field: Field, schema: Exclude<AvroSchema, AvroSchema[]>): ReadValue => {
  const { type, logicalType, scale = 0 } = typeof schema === 'string' ? { type: schema } : schema;
  const wanted = typeOf(field);
  if (!Number.isInteger(scale) || scale < 0 || scale > MAX_SCALE) throw new AvroSchemaError(`the scale ${scale}`);
  if (type === 'bytes' && logicalType === 'decimal' && /^(?:BIG)?NUMERIC$/.test(wanted))
    return (cursor) => decimalText(readBytes(cursor), scale);
  // Texts have logical types of Google's own, such as "datetime", which change nothing.
  const stored = type === 'string' || logicalType === undefined ? String(type) : `${String(type)}/${logicalType}`;
  const read = SCALARS[`${wanted} ${stored}`];
  if (read === undefined) throw new AvroSchemaError(`the column ${field.name} (${wanted}) is exported as ${stored}`);
  return read;
};

/** How the values of a column are read from a file with this schema. @throws AvroError */
const valueReader = (field: Field, schema: AvroSchema): ReadValue => {
  if (Array.isArray(schema))
    return readUnion(schema.map((branch) => (branch === 'null' ? () => null : valueReader(field, branch))));
  if (typeof schema === 'object' && schema.type === 'array' && schema.items !== undefined)
    return readArray(valueReader({ ...field, mode: 'NULLABLE' }, schema.items));
  if (typeof schema === 'object' && schema.type === 'record') return recordReader(field.fields ?? [], schema);
  // A type within a type means the same as the inner one.
  if (typeof schema === 'object' && typeof schema.type === 'object') return valueReader(field, schema.type);
  return scalarReader(field, schema);
};

/** Reads a record whose members are these columns. @throws AvroError */
export const recordReader = (
  fields: readonly Field[],
  schema: AvroSchema,
): ((cursor: Cursor) => { f: { v: unknown }[] }) => {
  const members = typeof schema === 'object' && !Array.isArray(schema) ? (schema.fields ?? []) : [];
  if (members.length !== fields.length) throw new AvroSchemaError('the file has other columns than the result');
  const readers = fields.map((field, index) => {
    const member = members[index];
    if (member?.name !== field.name) throw new AvroSchemaError('the file has other columns than the result');
    return valueReader(field, member.type);
  });
  return (cursor) => ({ f: readers.map((read) => ({ v: read(cursor) })) });
};

/**
 * True if values of the column can be read from an export: its type has a documented form in Avro
 * (https://cloud.google.com/bigquery/docs/exporting-data#avro_export_details). INTERVAL and RANGE have none.
 */
export const isInAvro = (field: Field): boolean =>
  typeOf(field) === 'RECORD'
    ? (field.fields ?? []).every(isInAvro)
    : /^(?:BIG)?NUMERIC$/.test(typeOf(field)) ||
      Object.keys(SCALARS).some((key) => key.startsWith(`${typeOf(field)} `));
