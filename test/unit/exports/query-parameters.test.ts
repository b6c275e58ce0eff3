import { describe, expect, test } from '@jest/globals';
import { queries as queriesSchema } from '../../../src/config/schema/queries.ts';
import { fillTemplate, queryParameters, valuesOf } from '../../../src/exports/bigquery/parameters.ts';

const queryOf = (parameters: Readonly<Record<string, string>>) => {
  const sql = `SELECT ${Object.keys(parameters).map((name) => `@${name}`)}`;
  const { q } = queriesSchema.parse({
    q: { sql, parameters, callers: ['exporter@example.com'], destinations: ['reports'] },
  });
  if (q === undefined) throw new Error('the query was not parsed');
  return q;
};
const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

const nines = (count: number): string => '9'.repeat(count);
const BIGNUMERIC_MAX = '578960446186580977117854925043439539266.34992332820282019728792003956564819967';

describe('a value', () => {
  test.each([
    ['DATE', '0001-01-01'],
    ['DATE', '9999-12-31'],
    ['DATE', '2024-02-29'],
    ['TIME', '23:59:59.999999'],
    ['DATETIME', '2026-11-27 23:00:00'],
    ['TIMESTAMP', '2026-11-27T23:00:00-14:00'],
    ['TIMESTAMP', '9999-12-31T23:59:59.999999Z'],
    ['INT64', '-9223372036854775808'],
    ['INT64', '+5'],
    ['FLOAT64', '1e308'],
    ['FLOAT64', '1e-400'],
    ['NUMERIC', `-${nines(29)}.${nines(9)}`],
    ['BIGNUMERIC', BIGNUMERIC_MAX],
    ['BIGNUMERIC', `-${BIGNUMERIC_MAX.slice(0, -1)}8`],
    ['STRING', `'; DROP TABLE x; -- {day} \u0000`],
  ])('of the type %s may be %s', (type, value) => {
    const [parameter] = queryParameters(queryOf({ v: type }), { v: value });
    expect(parameter?.parameterValue).toEqual({ value });
    const array = queryParameters(queryOf({ v: `ARRAY<${type}>` }), { v: [value] });
    expect(array[0]?.parameterValue).toEqual({ arrayValues: [{ value }] });
  });

  test.each([
    ['DATE', '0000-01-01'],
    ['DATE', '2023-02-29'],
    ['DATE', '10000-01-01'],
    ['DATE', '2026-11-27\n'],
    ['TIME', '24:00:00'],
    ['TIME', '23:60:00'],
    ['TIME', '23:59:60'],
    ['DATETIME', '2026-11-27T24:00:00'],
    ['TIMESTAMP', '2026-11-27T23:00:00'],
    ['TIMESTAMP', '2026-11-27T23:00:00+14:01'],
    ['TIMESTAMP', '2026-11-27T23:00:00+99:99'],
    ['TIMESTAMP', '0001-01-01T00:00:00+05:00'],
    ['TIMESTAMP', '9999-12-31T23:00:00-05:00'],
    ['INT64', '9223372036854775808'],
    ['INT64', '1e3'],
    ['INT64', '0x10'],
    ['INT64', '٣'],
    ['FLOAT64', '1e400'],
    ['FLOAT64', nines(400)],
    ['FLOAT64', 'NaN'],
    ['NUMERIC', nines(30)],
    ['NUMERIC', '0.0000000001'],
    ['BIGNUMERIC', nines(39)],
    ['BIGNUMERIC', `${BIGNUMERIC_MAX.slice(0, -1)}8`],
    ['BOOL', 'TRUE'],
    ['STRING', '\uD800'],
    ['STRING', null],
    ['STRING', ['a']],
    ['INT64', true],
    ['DATE', 20261127],
  ])('of the type %s is not %s', (type, value) => {
    expect(codeOf(() => queryParameters(queryOf({ v: type }), { v: value }))).toBe('request-invalid');
    expect(codeOf(() => queryParameters(queryOf({ v: `ARRAY<${type}>` }), { v: [value] }))).toBe('request-invalid');
  });

  test('is the same in any order and form of the document', () => {
    const query = queryOf({ b: 'INT64', a: 'STRING', c: 'ARRAY<NUMERIC>' });
    const one = valuesOf(queryParameters(query, { a: 'x', b: 5, c: [1, 2] }));
    const other = valuesOf(queryParameters(query, { c: ['1', '2'], b: '5', a: 'x' }));
    expect(JSON.stringify(one)).toBe(JSON.stringify(other));
  });
});

describe('templates', () => {
  const parameters = queryParameters(queryOf({ day: 'DATE', text: 'STRING', list: 'ARRAY<INT64>' }), {
    day: '2026-11-27',
    text: '{day}',
    list: [1],
  });
  const withText = (text: string) => queryParameters(queryOf({ text: 'STRING' }), { text });

  test('take values of parameters, which are no templates themselves', () => {
    expect(fillTemplate('sales-{day}.csv', parameters, 'name')).toBe('sales-2026-11-27.csv');
    expect(fillTemplate('{day}/{day}', parameters, 'path')).toBe('2026-11-27/2026-11-27');
    expect(fillTemplate('{text}.csv', parameters, 'name')).toBe('{day}.csv');
    expect(fillTemplate('a}-{b.csv', parameters, 'name')).toBe('a}-{b.csv');
  });

  test.each(['{dya}', '{Day}', '{ day }', '{}', '{list}'])('take nothing else: %s', (template) => {
    expect(codeOf(() => fillTemplate(template, parameters, 'name'))).toBe('name-invalid');
    expect(codeOf(() => fillTemplate(`a/${template}`, parameters, 'path'))).toBe('path-invalid');
  });

  test.each(['../x', '/', 'a\\b', ''])('take no value that would change the folders: %j', (text) => {
    expect(codeOf(() => fillTemplate('sales-{text}.csv', withText(text), 'name'))).toBe('name-invalid');
    expect(codeOf(() => fillTemplate('{text}', withText(text), 'path'))).toBe('path-invalid');
  });
});
