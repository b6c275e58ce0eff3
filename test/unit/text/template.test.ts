import { describe, expect, test } from '@jest/globals';
import { destination as destinationSchema } from '../../../src/config/schema/destination.ts';
import { type Destination, resolveOptions } from '../../../src/delivery/resolve-options.ts';
import { faultOfTemplate, isTimeZone, renderTemplate } from '../../../src/text/template.ts';

const BERLIN = 'Europe/Berlin';
const at = (time: string, text: string, timeZone = BERLIN) =>
  renderTemplate(text, { nowMs: Date.parse(time), timeZone, caller: 'a@example.com' });

test.each([
  ['{date:yyyy/MM}', '2026/11'],
  ['{date}', '2026-11-29'],
  ['{time}', '09-05-07'],
  ['{time:HH.mm}', '09.05'],
  ['x/{caller}/{date:dd}', 'x/a@example.com/29'],
  ['report_{date}_{caller}.csv', 'report_2026-11-29_a@example.com.csv'],
  ['{date:yyyyMMdd_HHmmss}', '20261129_090507'],
])('%s', (text, expected) => {
  expect(faultOfTemplate(text)).toBeUndefined();
  expect(at('2026-11-29T08:05:07Z', text)).toBe(expected);
});

describe('on the days when clocks change', () => {
  const stamp = '{date:yyyy-MM-dd} {time:HH:mm}';

  test.each([
    ['2026-03-28T23:30:00Z', '2026-03-29 00:30'],
    ['2026-03-29T00:59:00Z', '2026-03-29 01:59'],
    // 02:00 to 03:00 does not exist.
    ['2026-03-29T01:00:00Z', '2026-03-29 03:00'],
    ['2026-03-29T21:59:00Z', '2026-03-29 23:59'],
    ['2026-03-29T22:00:00Z', '2026-03-30 00:00'],
    ['2026-10-24T22:00:00Z', '2026-10-25 00:00'],
    // 02:00 to 03:00 comes twice.
    ['2026-10-25T00:30:00Z', '2026-10-25 02:30'],
    ['2026-10-25T01:30:00Z', '2026-10-25 02:30'],
    ['2026-10-25T22:59:00Z', '2026-10-25 23:59'],
    ['2026-10-25T23:00:00Z', '2026-10-26 00:00'],
  ])('in Berlin, %s is %s', (time, expected) => {
    expect(at(time, stamp)).toBe(expected);
  });

  test.each([
    // Clocks change at midnight: 00:00 to 01:00 does not exist.
    ['America/Santiago', '2026-09-06T03:59:59Z', '2026-09-05 23:59'],
    ['America/Santiago', '2026-09-06T04:00:00Z', '2026-09-06 01:00'],
    // By half an hour.
    ['Australia/Lord_Howe', '2026-10-03T15:29:00Z', '2026-10-04 01:59'],
    ['Australia/Lord_Howe', '2026-10-03T15:30:00Z', '2026-10-04 02:30'],
    ['Asia/Kolkata', '2026-12-31T18:30:00Z', '2027-01-01 00:00'],
    ['UTC', '2026-12-31T23:59:00Z', '2026-12-31 23:59'],
  ])('in %s, %s is %s', (timeZone, time, expected) => {
    expect(at(time, stamp, timeZone)).toBe(expected);
  });

  test('midnight is 00, not 24', () => {
    expect(at('2026-11-28T23:00:00Z', '{time:HH}')).toBe('00');
  });
});

test.each([
  '{dat:yyyy}',
  '{date:YYYY}',
  '{date:yy}',
  '{caller:x}',
  '{}',
  '{date',
  'date}',
  '{property:a}',
  '{date:MMMM}',
])('the template %s is rejected', (text) => {
  expect(faultOfTemplate(text)).toBeDefined();
  const config = { folder: 'folder', credentials: 'main', callers: ['a@example.com'], path: text };
  expect(destinationSchema.safeParse(config).success).toBe(false);
});

test('time zones are IANA names', () => {
  expect(['Europe/Berlin', 'UTC', 'Asia/Tokyo'].map(isTimeZone)).toEqual([true, true, true]);
  expect(['Berlin', '', 'Mars/Olympus'].map(isTimeZone)).toEqual([false, false, false]);
});

test('a path of the request takes precedence, and a retry uses the time of the first try', () => {
  const config = destinationSchema.parse({
    ...{ folder: 'folder', credentials: 'main', callers: ['a@example.com'] },
    ...{ path: 'in/{date:yyyy/MM}/{caller}', timeZone: 'Asia/Tokyo' },
  });
  const destination = { name: 'reports', config, render: renderTemplate } as unknown as Destination;
  const asked = { caller: { sub: '1', email: 'a@example.com' }, sinceMs: Date.parse('2026-11-30T15:00:00Z') };
  expect(resolveOptions(destination, { name: 'a' }, asked).path).toBe('in/2026/12/a@example.com');
  expect(resolveOptions(destination, { name: 'a', path: 'x' }, asked).path).toBe('x');
  expect(resolveOptions(destination, { name: 'a', path: '' }, asked).path).toBe('');
});

test('the name of a caller makes no folders', () => {
  const values = { nowMs: 0, timeZone: 'UTC', caller: 'a/../b\\c@example.com' };
  expect(renderTemplate('{caller}', values)).toBe('a_.._b_c@example.com');
});

describe('the default of a name', () => {
  const destinationWith = (name: string) =>
    destinationSchema.safeParse({ folder: 'folder', credentials: 'main', callers: ['a@example.com'], name });

  test.each(['{date:yyyy/MM}.csv', 'a/b.csv', '{day}.csv', 'a{.csv', '', ' ', '..'])(
    '%j is refused at start',
    (name) => {
      expect(destinationWith(name).success).toBe(false);
    },
  );

  test('is refused for a caller that makes it too long', () => {
    const { data: config } = destinationWith('{caller}.csv');
    const destination = { name: 'reports', config, render: renderTemplate } as unknown as Destination;
    const named = (email: string) => resolveOptions(destination, {}, { caller: { sub: '1', email }, sinceMs: 0 }).name;
    expect(named('a@example.com')).toBe('a@example.com.csv');
    expect(() => named(`${'a'.repeat(250)}@example.com`)).toThrow('name-invalid');
  });
});
