import type { QueryConfig, ScalarType } from '../../config/schema/queries.ts';
import { CourierError } from '../../errors.ts';
import { isRawNumber } from '../json/exact-json.ts';

/** A parameter in the form of BigQuery's API. */
export interface QueryParameter {
  name: string;
  parameterType: { type: string; arrayType?: { type: string } };
  parameterValue: { value?: string; arrayValues?: { value: string }[] };
}

const DAY = String.raw`\d{4}-\d{2}-\d{2}`;
const CLOCK = String.raw`(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?`;

/** The forms of values. They are a part of what BigQuery accepts, so that a wrong one is refused before a job is started. */
const FORMS: Readonly<Record<ScalarType, { pattern: RegExp; like: string }>> = {
  BIGNUMERIC: { pattern: /^[+-]?\d{1,39}(?:\.\d{1,38})?$/, like: '12.5' },
  BOOL: { pattern: /^(?:true|false)$/, like: 'true' },
  DATE: { pattern: new RegExp(`^${DAY}$`), like: '2026-11-27' },
  DATETIME: { pattern: new RegExp(`^${DAY}[T ]${CLOCK}$`), like: '2026-11-27T06:00:00' },
  FLOAT64: { pattern: /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/, like: '12.5' },
  INT64: { pattern: /^[+-]?\d{1,19}$/, like: '12' },
  NUMERIC: { pattern: /^[+-]?\d{1,29}(?:\.\d{1,9})?$/, like: '12.5' },
  STRING: { pattern: /^/, like: 'a text' },
  TIME: { pattern: new RegExp(`^${CLOCK}$`), like: '06:00:00' },
  TIMESTAMP: {
    pattern: new RegExp(`^${DAY}[T ]${CLOCK}(?:Z|[+-](?:0\\d|1[0-3]):[0-5]\\d|[+-]14:00)$`),
    like: '2026-11-27T06:00:00Z',
  },
};

/** False for a day that no calendar has, such as February 30, and for the year 0, which BigQuery lacks. */
const isCalendarDay = (text: string): boolean => {
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10)) && !text.startsWith('0000');
};

/** False for a time whose offset moves it out of the years 1 to 9999 of UTC. */
const isInRange = (text: string): boolean => {
  const year = new Date(text.replace(' ', 'T')).getUTCFullYear();
  return year >= 1 && year <= 9999;
};

const invalid = (detail: string): CourierError => new CourierError('request-invalid', { detail });

const INT64_MAX = 2n ** 63n;
/** -2^255 to 2^255 - 1, with 38 digits behind the point. */
const BIGNUMERIC_MAX = 2n ** 255n;
const BIGNUMERIC_SCALE = 38;

/** An integer within -2^n to 2^n - 1. */
const isWithin = (digits: string, max: bigint): boolean => {
  const value = BigInt(digits.replace('+', ''));
  return value < max && value >= -max;
};

const unscaled = (text: string): string => {
  const [whole = '', fraction = ''] = text.split('.');
  return `${whole}${fraction.padEnd(BIGNUMERIC_SCALE, '0')}`;
};

/** The values of a type that have its form and are beyond its range. */
const RANGES: Readonly<Partial<Record<ScalarType, (text: string) => boolean>>> = {
  BIGNUMERIC: (text) => isWithin(unscaled(text), BIGNUMERIC_MAX),
  DATE: isCalendarDay,
  DATETIME: isCalendarDay,
  FLOAT64: (text) => Number.isFinite(Number(text)),
  INT64: (text) => isWithin(text, INT64_MAX),
  TIMESTAMP: (text) => isCalendarDay(text) && isInRange(text),
};

const isValid = (type: ScalarType, text: string): boolean =>
  FORMS[type].pattern.test(text) && text.isWellFormed() && (RANGES[type]?.(text) ?? true);

/** The text of a value in a document: a text, a number with all of its digits, or a boolean. */
const textOf = (value: unknown, type: ScalarType): string | undefined => {
  if (typeof value === 'string') return value;
  if (/NUMERIC|INT64|FLOAT64/.test(type)) {
    if (isRawNumber(value)) return value.rawJSON;
    if (typeof value === 'number') return String(value);
  }
  return typeof value === 'boolean' && type === 'BOOL' ? String(value) : undefined;
};

const scalar = (name: string, type: ScalarType, value: unknown): string => {
  const text = textOf(value, type);
  if (text !== undefined && isValid(type, text)) return text;
  throw invalid(`source.bigquery.parameters.${name} is not a ${type} such as ${JSON.stringify(FORMS[type].like)}.`);
};

/** The element's type of an array, or the type itself. */
const typesOf = (declared: string): QueryParameter['parameterType'] => {
  const [, element] = /^ARRAY<(\w+)>$/.exec(declared) ?? [];
  return element === undefined ? { type: declared } : { type: 'ARRAY', arrayType: { type: element } };
};

/** Every parameter as NULL, or as an empty array. */
export const nullParameters = ({ parameters }: Pick<QueryConfig, 'parameters'>): QueryParameter[] =>
  Object.entries(parameters).map(([name, declared]) => ({
    name,
    parameterType: typesOf(declared),
    parameterValue: {},
  }));

/**
 * The parameters of a query with their values. All must be given, and no others.
 * @throws CourierError `request-invalid`
 */
export const queryParameters = (
  { parameters }: Pick<QueryConfig, 'parameters'>,
  values: Readonly<Record<string, unknown>>,
): QueryParameter[] => {
  const unknown = Object.keys(values).find((name) => !Object.hasOwn(parameters, name));
  if (unknown !== undefined) {
    const known = Object.keys(parameters).join(', ') || 'none';
    throw invalid(
      `source.bigquery.parameters: the query has no parameter ${JSON.stringify(unknown)}; it has: ${known}.`,
    );
  }
  return Object.entries(parameters).map(([name, declared]): QueryParameter => {
    const value = values[name];
    if (value === undefined) throw invalid(`source.bigquery.parameters.${name} is missing; it is a ${declared}.`);
    const parameterType = typesOf(declared);
    const element = parameterType.arrayType?.type;
    if (element === undefined)
      return { name, parameterType, parameterValue: { value: scalar(name, declared as ScalarType, value) } };
    if (!Array.isArray(value)) throw invalid(`source.bigquery.parameters.${name} is not an array.`);
    const arrayValues = value.map((item: unknown) => ({ value: scalar(name, element as ScalarType, item) }));
    return { name, parameterType, parameterValue: { arrayValues } };
  });
};

/** The values by name, independent of their order and form in the document: `12` and `"12"` are the same. */
export const valuesOf = (parameters: readonly QueryParameter[]): Readonly<Record<string, string | string[]>> =>
  Object.fromEntries(
    parameters
      .toSorted((one, other) => (one.name < other.name ? -1 : 1))
      .map(({ name, parameterValue: { value = '', arrayValues } }) => [
        name,
        arrayValues === undefined ? value : arrayValues.map((each) => each.value),
      ]),
  );

/**
 * Fills the parameters into a name or a path: `sales-{day}.csv`. Every `{word}` must be a parameter with one value, so that a
 * misspelled one does not become the name of a file.
 * @throws CourierError `name-invalid`, `path-invalid`
 */
export const fillTemplate = (
  template: string,
  parameters: readonly QueryParameter[],
  field: 'name' | 'path',
): string => {
  const invalidTemplate = (detail: string): CourierError =>
    new CourierError(field === 'name' ? 'name-invalid' : 'path-invalid', { detail: `${field}: ${detail}` });
  return template.replaceAll(/\{([^{}]*)\}/g, (_, word: string) => {
    const value = parameters.find(({ name }) => name === word)?.parameterValue.value;
    if (value === undefined) throw invalidTemplate(`{${word}} is not a parameter of the query that has one value.`);
    // Without this, a path that is one parameter would become the folder of the destination itself.
    if (value === '') throw invalidTemplate(`the value of {${word}} is empty.`);
    if (/[/\\]/.test(value)) throw invalidTemplate(`the value of {${word}} has "/" or "\\".`);
    return value;
  });
};
