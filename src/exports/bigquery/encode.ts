import { csvCell, csvColumn } from '../csv/csv-cell.ts';

/** A column, as in `TableFieldSchema`. */
export interface Field {
  name: string;
  type: string;
  mode?: string | undefined;
  fields?: Field[] | undefined;
}

/** A row of the REST API: a text for a scalar, `{f: […]}` for a STRUCT, a list of `{v: …}` for an ARRAY. */
export interface Row {
  f: { v: unknown }[];
}

/** The REST API has two names for some types. */
const NUMBERS = new Set(['INTEGER', 'INT64', 'NUMERIC', 'BIGNUMERIC']);
const isFloat = (type: string): boolean => type === 'FLOAT' || type === 'FLOAT64';
const isStruct = (type: string): boolean => type === 'RECORD' || type === 'STRUCT';
export const isBoolean = (type: string): boolean => type === 'BOOLEAN' || type === 'BOOL';

/** True for types whose values are decimal numbers, or NaN or infinity. */
export const isNumber = (type: string): boolean => NUMBERS.has(type) || isFloat(type);

/** Microseconds since 1970 as RFC 3339 in UTC, with microseconds only if there are any. */
const timestamp = (micros: string): string => {
  const all = BigInt(micros);
  const fraction = ((all % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((all - fraction) / 1_000n)).toISOString().slice(0, -5);
  if (fraction === 0n) return `${seconds}Z`;
  // Of the decimal fraction 0.5, this keeps "5".
  const digits = String(1_000_000n + fraction).slice(1);
  const width = [1, 2, 3, 4, 5].find((each) => Number(digits.slice(each)) === 0) ?? 6;
  return `${seconds}.${digits.slice(0, width)}Z`;
};

/** The shortest digits that read back as the same number; NaN, Infinity and -Infinity as words. */
const float = (text: string): string => String(Number(text));

const scalarText = ({ type }: Field, value: string): string =>
  type === 'TIMESTAMP' ? timestamp(value) : isFloat(type) ? float(value) : value;

/** A value as JSON. Numbers keep all of their digits; NaN and infinity, which JSON lacks, are texts. */
const jsonOf = (field: Field, value: unknown): string => {
  if (field.mode === 'REPEATED') {
    const items = Array.isArray(value) ? (value as { v: unknown }[]) : [];
    return `[${items.map(({ v }) => jsonOf({ ...field, mode: 'NULLABLE' }, v)).join(',')}]`;
  }
  if (value === null || value === undefined) return 'null';
  if (isStruct(field.type)) return objectOf(field.fields ?? [], value as Row);
  const text = scalarText(field, String(value));
  const isBare =
    NUMBERS.has(field.type) ||
    isBoolean(field.type) ||
    field.type === 'JSON' ||
    (isFloat(field.type) && Number.isFinite(Number(text)));
  return isBare ? text : JSON.stringify(text);
};

const objectOf = (fields: readonly Field[], { f }: Row): string =>
  `{${fields.map((field, index) => `${JSON.stringify(field.name)}:${jsonOf(field, f[index]?.v)}`).join(',')}}`;

/** Types whose texts contain nothing that CSV or a spreadsheet would interpret. */
const PLAIN = new Set(['DATE', 'TIME', 'DATETIME', 'TIMESTAMP']);

/** The text of a value in a table: ARRAY and STRUCT are JSON; null for NULL. */
export const textOf = (field: Field, value: unknown): string | null => {
  if (value === null || value === undefined) return null;
  return field.mode === 'REPEATED' || isStruct(field.type) ? jsonOf(field, value) : scalarText(field, String(value));
};

const cellOf = (field: Field, value: unknown, options: { rawCells: boolean }): string => {
  const text = textOf(field, value);
  if (text === null) return '';
  const isPlain = isNumber(field.type) || isBoolean(field.type) || PLAIN.has(field.type);
  return isPlain && field.mode !== 'REPEATED' ? text : csvCell(text, options);
};

export interface Encoder {
  head(fields: readonly Field[]): string;
  line(fields: readonly Field[], row: Row): string;
  /** What follows the last row. */
  tail: string;
}

/**
 * How rows are written. CSV follows RFC 4180, with a byte order mark, without which Excel assumes the local code page: NULL is
 * nothing, an empty text is `""`, and ARRAY and STRUCT are JSON. JSONL is one object a line.
 */
export const createEncoder = (format: 'csv' | 'jsonl', options: { rawCells: boolean }): Encoder =>
  format === 'csv'
    ? {
        head: (fields) => `\uFEFF${fields.map(({ name }) => csvColumn(name, options)).join(',')}\r\n`,
        line: (fields, { f }) =>
          `${fields.map((field, index) => cellOf(field, f[index]?.v ?? null, options)).join(',')}\r\n`,
        tail: '',
      }
    : { head: () => '', line: (fields, row) => `${objectOf(fields, row)}\n`, tail: '' };
