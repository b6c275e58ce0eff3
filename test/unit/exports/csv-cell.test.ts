import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { csvCell, csvColumn } from '../../../src/exports/csv/csv-cell.ts';

const cell = (value: unknown): string => csvCell(value, { rawCells: false });

describe('a text that a spreadsheet would run as a formula', () => {
  const SIGNS = ['=', '+', '-', '@', '\uff1d', '\uff0b', '\uff0d', '\uff20', '\ufe66', '\ufe62', '\ufe63', '\ufe6b'];
  const HIDDEN = {
    nothing: '',
    space: ' ',
    tab: '\t',
    'carriage return': '\r',
    'line feed': '\n',
    'vertical tab': '\v',
    'form feed': '\f',
    NUL: '\0',
    escape: '\x1b',
    delete: '\x7f',
    'next line': '\x85',
    'no-break space': '\u00a0',
    'soft hyphen': '\u00ad',
    'combining grapheme joiner': '\u034f',
    'Arabic letter mark': '\u061c',
    'Ogham space': '\u1680',
    'Mongolian vowel separator': '\u180e',
    'en quad': '\u2000',
    'zero width space': '\u200b',
    'zero width joiner': '\u200d',
    'left-to-right mark': '\u200e',
    'right-to-left mark': '\u200f',
    'line separator': '\u2028',
    'right-to-left override': '\u202e',
    'narrow no-break space': '\u202f',
    'word joiner': '\u2060',
    'first strong isolate': '\u2068',
    'Braille blank': '\u2800',
    'ideographic space': '\u3000',
    'Hangul filler': '\u3164',
    'variation selector': '\ufe0f',
    'byte order mark': '\ufeff',
    'language tag': '\u{e0001}',
    several: '\ufeff \u200b\t\u200e',
  };

  test.each(Object.entries(HIDDEN))('gets an apostrophe, also after: %s', (_, hidden) => {
    for (const sign of SIGNS) {
      expect(cell(`${hidden}${sign}1+1`)).toBe(`"'${hidden}${sign}1+1"`);
      expect(csvCell(`${hidden}${sign}1+1`, { rawCells: true })).toBe(`"${hidden}${sign}1+1"`);
    }
  });

  test.each(['\tx', '\rx', '\t'])('gets an apostrophe for a tab or a carriage return alone: %j', (text) => {
    expect(cell(text)).toBe(`"'${text}"`);
  });

  test.each(['a=1', '1-2', '\u200bx', ' x', '', '\ufeff', "'=1", '\u22125 °C', '*', '#REF!', '{"a":"=1"}'])(
    'gets none if it is not a formula: %j',
    (text) => {
      expect(cell(text)).toBe(`"${text.replaceAll('"', '""')}"`);
    },
  );
});

test.each(['x;=1+1', 'x\t=1+1', 'x|=1+1', 'x,=1+1', 'x\n=1+1', 'x', '1', 'true', ' '])(
  'every text is quoted, so that no other separator splits it: %j',
  (text) => {
    expect(cell(text)).toBe(`"${text}"`);
  },
);

test('numbers and booleans are unchanged, null is empty, nested values are JSON', () => {
  expect([-1.5, 0, 1e21, true, false, null, undefined].map(cell)).toEqual([
    '-1.5',
    '0',
    '1e+21',
    'true',
    'false',
    '',
    '',
  ]);
  expect(cell({ a: ['=1'] })).toBe('"{""a"":[""=1""]}"');
});

test('quoted text is read back unchanged', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const written = csvCell(text, { rawCells: true });
      expect(written.slice(1, -1).replaceAll('""', '"')).toBe(text);
      expect(written.slice(1, -1).replaceAll('""', '')).not.toContain('"');
    }),
  );
});

test.each([
  ['a', 'a'],
  ['unit_price2', 'unit_price2'],
  ['ID', '"ID"'],
  ['IDs', '"IDs"'],
  ['id', 'id'],
  ['2026', '2026'],
  ['unit price', '"unit price"'],
  ['', '""'],
  ['=cmd', '"\'=cmd"'],
  ['a;=1', '"a;=1"'],
  ['größe', '"größe"'],
])('the column %j is written %s', (name, written) => {
  expect(csvColumn(name, { rawCells: false })).toBe(written);
});
