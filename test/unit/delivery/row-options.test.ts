import { describe, expect, test } from '@jest/globals';
import { destination as destinationSchema } from '../../../src/config/schema/destination.ts';
import { type Destination, resolveOptions } from '../../../src/delivery/resolve-options.ts';
import type { DeliveryOptions } from '../../../src/domain.ts';

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
