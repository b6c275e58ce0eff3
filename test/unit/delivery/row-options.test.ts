import { describe, expect, test } from '@jest/globals';
import { destination as destinationSchema } from '../../../src/config/schema/destination.ts';
import { type Destination, resolveOptions, withRows } from '../../../src/delivery/resolve-options.ts';
import type { Delivery, DeliveryOptions } from '../../../src/domain.ts';

const config = destinationSchema.parse({ folder: '0AbCdEf', credentials: 'main', callers: ['a@example.com'] });
const resolve = (options: Partial<DeliveryOptions>) =>
  resolveOptions(
    { name: 'reports', config } as Destination,
    { name: 'a.csv', ...options },
    {
      ...{ caller: { sub: '1' }, sinceMs: 0 },
    },
  );

const APPEND = { convertTo: 'sheet', onConflict: 'append' } as const;
const REPLACE = { convertTo: 'sheet', onConflict: 'replace' } as const;

describe('options of rows', () => {
  test.each<Partial<DeliveryOptions>>([
    {},
    { ...APPEND, tab: 'A', columns: 'extend', dates: true, rollover: 'monthly' },
    { ...REPLACE, tab: 'A', dates: true },
  ])('are taken where there are rows: %j', (options) => {
    const { tab, columns, dates, rollover } = options;
    expect(resolve(options).rows).toEqual({ tab, columns, dates, rollover });
  });

  test.each<Partial<DeliveryOptions>>([
    { tab: 'A' },
    { columns: 'extend' },
    { dates: false },
    { rollover: 'monthly' },
    { convertTo: 'sheet', tab: 'A' },
    { onConflict: 'append' },
    { onConflict: 'append', convertTo: 'doc' },
    { ...REPLACE, columns: 'extend' },
    { ...REPLACE, tab: 'A', rollover: 'monthly' },
  ])('are refused where there are none: %j', (options) => {
    expect(() => resolve(options)).toThrow(expect.objectContaining({ code: 'request-invalid' }));
  });
});

describe('the bytes of a delivery', () => {
  const asRows = { size: 1, mimeType: 'text/csv', open: async function* () {} };
  const source = { ...asRows, mimeType: 'application/octet-stream' };
  const sourceFor = (options: Partial<DeliveryOptions>, given: Delivery['source'], name?: string) =>
    withRows({ options: { name }, source: given } as Delivery, resolve(options)).source;

  test.each<[Partial<DeliveryOptions>, boolean]>([
    [APPEND, true],
    [REPLACE, true],
    [{ onConflict: 'replace' }, false],
    [{ convertTo: 'sheet' }, false],
  ])('are those for rows where there are such, and the request needs rows: %j', (options, isRows) => {
    const given = { ...source, asRows };
    expect(sourceFor(options, given, 'a.csv')).toBe(isRows ? asRows : given);
    expect(sourceFor(options, source, 'a.csv')).toBe(source);
  });

  test('have the type of a default name where theirs is not known', () => {
    expect(sourceFor({}, source)).toMatchObject({ mimeType: 'text/csv' });
  });
});
