import { BigQueryError, notImplemented } from '../errors.ts';

/**
 * Scalar types: their name in GoogleSQL, their name in the REST API, and the DuckDB type that holds them. BIGNUMERIC and
 * GEOGRAPHY have none in DuckDB. They are kept in structs of one member, so that they can be stored, read and compared,
 * and DuckDB refuses to calculate with them.
 */
export const SCALARS: Readonly<Record<string, { rest: string; duck: string }>> = {
  BIGNUMERIC: { rest: 'BIGNUMERIC', duck: 'STRUCT(__bignumeric BIGNUM)' },
  BOOL: { rest: 'BOOLEAN', duck: 'BOOLEAN' },
  BYTES: { rest: 'BYTES', duck: 'BLOB' },
  DATE: { rest: 'DATE', duck: 'DATE' },
  DATETIME: { rest: 'DATETIME', duck: 'TIMESTAMP' },
  FLOAT64: { rest: 'FLOAT', duck: 'DOUBLE' },
  GEOGRAPHY: { rest: 'GEOGRAPHY', duck: 'STRUCT(__geography VARCHAR)' },
  INT64: { rest: 'INTEGER', duck: 'BIGINT' },
  INTERVAL: { rest: 'INTERVAL', duck: 'INTERVAL' },
  JSON: { rest: 'JSON', duck: 'JSON' },
  NUMERIC: { rest: 'NUMERIC', duck: 'DECIMAL(38,9)' },
  STRING: { rest: 'STRING', duck: 'VARCHAR' },
  TIME: { rest: 'TIME', duck: 'TIME' },
  TIMESTAMP: { rest: 'TIMESTAMP', duck: 'TIMESTAMPTZ' },
};

/** Other names of the types, in GoogleSQL and in the REST API. */
const ALIASES: Readonly<Record<string, string>> = {
  BIGDECIMAL: 'BIGNUMERIC',
  BIGINT: 'INT64',
  BOOLEAN: 'BOOL',
  DECIMAL: 'NUMERIC',
  FLOAT: 'FLOAT64',
  INT: 'INT64',
  INTEGER: 'INT64',
};

/** @throws BigQueryError `notImplemented` for a type that this BigQuery lacks */
export const scalarNamed = (name: string): string => {
  const upper = name.toUpperCase();
  const type = ALIASES[upper] ?? upper;
  if (!Object.hasOwn(SCALARS, type)) throw notImplemented(`the type ${name}`);
  return type;
};

export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const invalid = (type: string, text: string): BigQueryError =>
  new BigQueryError('invalidQuery', `Invalid ${type} literal: ${JSON.stringify(text)}`, 'query');

/** BIGNUMERIC has 38 digits after the point. Further ones are refused here rather than rounded. */
const SCALE = 38;
/** Unscaled values from -2^255 to 2^255 - 1 (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#decimal_types). */
const BIGNUMERIC_BITS = 256;

const bigNumeric = (text: string): string => {
  const [, sign = '', whole = '', fraction = ''] = /^\s*([+-]?)(\d*)(?:\.(\d*))?\s*$/.exec(text) ?? [];
  if (whole + fraction === '' || fraction.length > SCALE || whole.length > 39) throw invalid('BIGNUMERIC', text);
  const unscaled = BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction.padEnd(SCALE, '0')}`);
  if (BigInt.asIntN(BIGNUMERIC_BITS, unscaled) !== unscaled) throw invalid('BIGNUMERIC', text);
  return `struct_pack(__bignumeric := ${quoteText(String(unscaled))}::BIGNUM)`;
};

/** The canonical form `[sign]Y-M [sign]D [sign]H:M:S[.F]`. */
const interval = (text: string): string => {
  const found = /^(-?)(\d+)-(\d+) (-?\d+) (-?)(\d+):(\d+):(\d+)(?:\.(\d{1,6}))?$/.exec(text);
  if (found === null)
    throw notImplemented(`the INTERVAL ${JSON.stringify(text)}, which is not of the form "Y-M D H:M:S"`);
  const [, minus, years, months, days, negative, hours, minutes, seconds, fraction = ''] = found;
  const micros =
    (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1_000_000 + Number(fraction.padEnd(6, '0'));
  const all = (Number(years) * 12 + Number(months)) * (minus === '-' ? -1 : 1);
  return `(to_months(${all}) + to_days(${Number(days)}) + to_microseconds(${negative === '-' ? -micros : micros}))`;
};

const json = (text: string): string => {
  try {
    return `${quoteText(JSON.stringify(JSON.parse(text)))}::JSON`;
  } catch {
    throw invalid('JSON', text);
  }
};

/** Text forms that GoogleSQL and DuckDB read alike. */
const FORMS: Readonly<Record<string, RegExp>> = {
  BOOL: /^(?:true|false)$/i,
  DATE: /^\d{4}-\d{1,2}-\d{1,2}$/,
  DATETIME: /^\d{4}-\d{1,2}-\d{1,2}(?:[ T]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d{1,6})?)?$/i,
  FLOAT64: /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|inf|infinity)$/i,
  INT64: /^[+-]?\d{1,19}$/,
  NUMERIC: /^[+-]?(?:\d{1,29}(?:\.\d{0,9})?|\.\d{1,9})$/,
  TIME: /^\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d{1,6})?$/,
  TIMESTAMP:
    /^\d{4}-\d{1,2}-\d{1,2}(?:[ T]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d{1,6})?(?: ?UTC|Z|[+-]\d{1,2}(?::\d{2})?)?)?$/i,
};

/**
 * Values that have the form of their type and that DuckDB takes, but GoogleSQL does not: days are in the years 1 to 9999, hours
 * end at 23, and offsets at 14:00 (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types).
 */
const isOutOfRange = (type: string, text: string): boolean => {
  if (type === 'FLOAT64') return /\d/.test(text) && !Number.isFinite(Number(text));
  if (!/^(?:DATE|TIME)/.test(type)) return false;
  const [, hour = '0', offset = '0', minutes = '0'] =
    /(?:^|[T ])(\d{1,2}):\d{1,2}:\d{1,2}(?:\.\d+)?(?:[+-](\d{1,2})(?::(\d{2}))?)?/i.exec(text) ?? [];
  return /^0000-/.test(text) || Number(hour) > 23 || Number(offset) * 60 + Number(minutes) > 14 * 60;
};

/**
 * A value of a type, as DuckDB's SQL.
 * @param text in the form that GoogleSQL has for a cast from STRING; BYTES in base64
 * @throws BigQueryError `invalidQuery`
 */
export const sqlValue = (type: string, text: string): string => {
  switch (type) {
    case 'STRING':
      return quoteText(text);
    case 'BYTES':
      return `unhex('${Buffer.from(text, 'base64').toString('hex')}')`;
    case 'BIGNUMERIC':
      return bigNumeric(text);
    case 'GEOGRAPHY':
      return `struct_pack(__geography := ${quoteText(text)})`;
    case 'INTERVAL':
      return interval(text);
    case 'JSON':
      return json(text);
  }
  if (FORMS[type]?.test(text.trim()) !== true || isOutOfRange(type, text.trim())) throw invalid(type, text);
  const plain =
    type === 'TIMESTAMP' && !/(?:UTC|Z|[+-]\d{1,2}(?::\d{2})?)$/i.test(text.slice(10)) ? `${text}+00` : text;
  return `CAST(${quoteText(plain.trim().replace(/ ?UTC$/i, '+00'))} AS ${SCALARS[type]?.duck})`;
};
