import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bareCell, dateOf, textCell } from '../../../../src/sheets/rows/cell.ts';
import { numberOf } from '../../../../src/text/exact-number.ts';

describe('the value of a cell', () => {
  test.each([
    ['0', 0],
    ['42', 42],
    ['-7', -7],
    ['12.50', 12.5],
    ['0.1', 0.1],
    ['1000', 1000],
    ['9007199254740992', 9007199254740992],
    ['1.5e-7', 1.5e-7],
    ['1e+21', 1e21],
    ['1.5E10', 1.5e10],
    ['true', true],
    ['FALSE', false],
    ['', null],
  ])('%j is %j', (text, cell) => {
    expect(bareCell(text, false)).toBe(cell);
  });

  test.each([
    ...['007', '00', '+49123', '1,000', '1_000', ' 5', '5 ', '.5', '5.', '-0', '-0.0', '0x1F', 'NaN', 'Infinity'],
    ...['9007199254740993', '0.12345678901234567891', '2310009E13', '1e5', '1e+400', '123456789012345678901234567890'],
    ...['=SUM(A1:A9)', '+1+1', '-A1', '@x', '2026-11-24', 'yes', 'tRUE', '9'.repeat(1_000)],
  ])('%j stays a text', (text) => {
    expect(bareCell(text, false)).toBe(text);
  });

  test('a number that a double represents exactly is the same number in any notation', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(numberOf(String(value))).toBe(Object.is(value, -0) ? 0 : value);
      }),
    );
    fc.assert(
      fc.property(fc.bigInt(), (value) => {
        const isKept = BigInt(Number(value)) === value;
        expect(numberOf(String(value)) === undefined || isKept).toBe(true);
      }),
    );
  });

  test.each([
    ['2026-11-24', { serial: 46350, type: 'DATE', pattern: 'yyyy-mm-dd' }],
    ['1900-01-01', { serial: 2, type: 'DATE', pattern: 'yyyy-mm-dd' }],
    ['2026-11-24T06:00:00Z', { serial: 46350.25, type: 'DATE_TIME', pattern: 'yyyy-mm-dd hh:mm:ss' }],
    ['2026-11-24 06:00', { serial: 46350.25, type: 'DATE_TIME', pattern: 'yyyy-mm-dd hh:mm:ss' }],
    ['2026-11-24T06:00:00+09:00', { serial: 46349.875, type: 'DATE_TIME', pattern: 'yyyy-mm-dd hh:mm:ss' }],
    ['2026-11-24T12:00:00.5', { serial: 46350.500005787035, type: 'DATE_TIME', pattern: 'yyyy-mm-dd hh:mm:ss.000' }],
  ])('%s is the date %j if dates are asked for', (text, cell) => {
    expect(dateOf(text)).toEqual(cell);
    expect(textCell(text, true)).toEqual(cell);
    expect(textCell(text, false)).toBe(text);
  });

  test.each(['2026-02-30', '2026-13-01', '1899-12-31', '2026-11-24T25:00', '24.11.2026', '2026-11-24T06:00:00X'])(
    '%s is no date',
    (text) => {
      expect(textCell(text, true)).toBe(text);
    },
  );
});
