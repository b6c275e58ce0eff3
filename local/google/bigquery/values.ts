import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBListType,
  DuckDBListValue,
  DuckDBStructType,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
} from '@duckdb/node-api';
import { notImplemented } from './errors.ts';
import type { Field } from './model.ts';

const SCALAR_TYPES: ReadonlyMap<DuckDBTypeId, string> = new Map([
  [DuckDBTypeId.BOOLEAN, 'BOOLEAN'],
  [DuckDBTypeId.INTEGER, 'INTEGER'],
  [DuckDBTypeId.BIGINT, 'INTEGER'],
  [DuckDBTypeId.HUGEINT, 'INTEGER'],
  // SELECT NULL has the type INT64.
  [DuckDBTypeId.SQLNULL, 'INTEGER'],
  [DuckDBTypeId.DOUBLE, 'FLOAT'],
  [DuckDBTypeId.DECIMAL, 'NUMERIC'],
  [DuckDBTypeId.VARCHAR, 'STRING'],
  [DuckDBTypeId.BLOB, 'BYTES'],
  [DuckDBTypeId.DATE, 'DATE'],
  [DuckDBTypeId.TIME, 'TIME'],
  [DuckDBTypeId.TIMESTAMP, 'DATETIME'],
  [DuckDBTypeId.TIMESTAMP_TZ, 'TIMESTAMP'],
  [DuckDBTypeId.INTERVAL, 'INTERVAL'],
]);

const WRAPPED: Readonly<Record<string, string>> = { __bignumeric: 'BIGNUMERIC', __geography: 'GEOGRAPHY' };

/** The column for a DuckDB type. @throws BigQueryError `notImplemented` */
export const fieldOf = (name: string, type: DuckDBType): Field => {
  if (type instanceof DuckDBListType) {
    const inner = fieldOf(name, type.valueType);
    if (inner.mode === 'REPEATED') throw notImplemented('arrays of arrays, which BigQuery lacks');
    return { ...inner, mode: 'REPEATED' };
  }
  if (type instanceof DuckDBStructType) {
    const wrapped = type.entryCount === 1 ? WRAPPED[type.entryNames[0] ?? ''] : undefined;
    if (wrapped !== undefined) return { name, type: wrapped, mode: 'NULLABLE' };
    const fields = type.entryNames.map((member, index) => fieldOf(member, type.entryTypes[index] as DuckDBType));
    return { name, type: 'RECORD', mode: 'NULLABLE', fields };
  }
  if (type.alias === 'JSON') return { name, type: 'JSON', mode: 'NULLABLE' };
  const scalar = SCALAR_TYPES.get(type.typeId);
  if (scalar === undefined) throw notImplemented(`the type ${type.toString()} of column ${name}`);
  return { name, type: scalar, mode: 'NULLABLE' };
};

/** A double as Java's `Double.toString` writes it, which is the form of BigQuery's REST API: `1.0`, `1.0E10`. */
const doubleText = (value: number): string => {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-3 && size < 1e7)) {
    const text = Object.is(value, -0) ? '-0' : String(value);
    return text.includes('.') ? text : `${text}.0`;
  }
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
};

/** Digits with a decimal point, without zeros at the end. */
const scaledText = (digits: bigint, scale: number): string => {
  const all = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const fraction = all.slice(all.length - scale).replace(/0+$/, '');
  const whole = all.slice(0, all.length - scale);
  return `${digits < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
};

const clockText = (micros: bigint): string => {
  const pad = (value: bigint, width = 2): string => value.toString().padStart(width, '0');
  const seconds = micros / 1_000_000n;
  const fraction = micros % 1_000_000n;
  const clock = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map((part) => pad(part)).join(':');
  return fraction === 0n ? clock : `${clock}.${pad(fraction, 6)}`;
};

const DAY_MICROS = 86_400_000_000n;

/** `2026-11-29T12:00:00` and, if there are microseconds, `.000001`. */
const dateTimeText = (micros: bigint): string => {
  const clock = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS;
  const day = Number((micros - clock) / DAY_MICROS);
  return `${dateText(day)}T${clockText(clock)}`;
};

const dateText = (days: number): string => new DuckDBDateValue(days).toString();

/** `[sign]Y-M [sign]D [sign]H:M:S[.F]`, without zeros at the front. */
const intervalText = ({ months, days, micros }: DuckDBIntervalValue): string => {
  const sign = (isNegative: boolean): string => (isNegative ? '-' : '');
  const size = Math.abs(months);
  const time = micros < 0n ? -micros : micros;
  const seconds = time / 1_000_000n;
  const fraction = (time % 1_000_000n).toString().padStart(6, '0');
  const clock = `${seconds / 3600n}:${(seconds / 60n) % 60n}:${seconds % 60n}${Number(fraction) === 0 ? '' : `.${fraction.replace(/(?:000)?$/, '')}`}`;
  return `${sign(months < 0)}${Math.floor(size / 12)}-${size % 12} ${days} ${sign(micros < 0n)}${clock}`;
};

export interface FormatOptions {
  /** TIMESTAMP as microseconds; otherwise as seconds in the form of a double. */
  useInt64Timestamp: boolean;
}

const scalarText = (value: DuckDBValue, { useInt64Timestamp }: FormatOptions): string => {
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return doubleText(value);
  if (value instanceof DuckDBDecimalValue) return scaledText(value.value, value.scale);
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('base64');
  if (value instanceof DuckDBDateValue) return value.toString();
  if (value instanceof DuckDBTimeValue) return clockText(value.micros);
  if (value instanceof DuckDBTimestampTZValue)
    return useInt64Timestamp ? String(value.micros) : doubleText(Number(value.micros) / 1e6);
  if (value instanceof DuckDBTimestampValue) return dateTimeText(value.micros);
  if (value instanceof DuckDBIntervalValue) return intervalText(value);
  throw new Error(`no form for ${String(value)}`);
};

interface Cell {
  v: unknown;
}

/** The form of a value in `TableCell`: text for scalars, `{f: […]}` for a RECORD, a list for a REPEATED column. */
const contentOf = (field: Field, value: DuckDBValue, options: FormatOptions): unknown => {
  if (field.mode === 'REPEATED') {
    // A NULL array is an empty one in a result (https://cloud.google.com/bigquery/docs/arrays#arrays_and_nulls).
    const items = value instanceof DuckDBListValue ? value.items : [];
    return items.map((item): Cell => ({ v: contentOf({ ...field, mode: 'NULLABLE' }, item, options) }));
  }
  if (value === null) return null;
  if (value instanceof DuckDBStructValue) {
    if (field.type === 'BIGNUMERIC') {
      const digits = value.entries.__bignumeric;
      return digits === null || digits === undefined ? null : scaledText(BigInt(digits as bigint), 38);
    }
    if (field.type === 'GEOGRAPHY') return value.entries.__geography ?? null;
    return rowOf(field.fields ?? [], Object.values(value.entries), options);
  }
  // DuckDB's INTEGER arrives as a number, and FLOAT64 does too.
  if (field.type === 'INTEGER') return String(value);
  return scalarText(value, options);
};

export interface Row {
  f: Cell[];
}

export const rowOf = (fields: readonly Field[], values: readonly DuckDBValue[], options: FormatOptions): Row => ({
  f: fields.map((field, index): Cell => ({ v: contentOf(field, values[index] ?? null, options) })),
});
