import fc from 'fast-check';

/** What a cell of a sheet must have. */
type Meant = string | number | boolean | null | { date: string };

interface RandomCell {
  /** As the file has it, without quotes. */
  text: string;
  meant: Meant;
  isQuoted: boolean;
}

export interface RandomTable {
  columns: string[];
  rows: RandomCell[][];
  lineBreak: '\n' | '\r\n';
  dates: boolean;
}

/** XML has no other control characters, so .xlsx has none. */
const isWritable = (text: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is searched for
  text.isWellFormed() && !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text);

const looksTyped = (text: string): boolean => /^[-\d]/.test(text) || /^(?:true|false)$/i.test(text);

const grapheme = fc.string({ unit: 'grapheme', maxLength: 12 }).filter(isWritable);
const same = (text: string): { text: string; meant: Meant } => ({ text, meant: text });
const number = (text: string): { text: string; meant: Meant } => ({ text, meant: Number(text) });

const anyText = grapheme.filter((text) => text !== '' && !looksTyped(text)).map(same);
const awkward = fc.constantFrom(
  '"',
  '""',
  ',',
  ';',
  'a\nb',
  'a\r\nb',
  '\t',
  ' ',
  ' x ',
  "'",
  "'=1",
  '\u{1F4C8}',
  '名古屋',
  'é',
  'e\u0301',
);
const formulas = fc.constantFrom('=1+1', '=SUM(A1:A9)', '+1+1', '-A1', '@x', '=HYPERLINK("http://x.example","y")', '=');
const zeros = fc.integer({ min: 0, max: 99_999 }).map((value) => `0${value}`);
/** More digits than a double keeps. */
const beyond = fc.tuple(fc.bigInt({ min: 10n ** 18n, max: 10n ** 30n }), fc.integer({ min: 1, max: 9 }));
const plainTexts = fc.constantFrom(
  '+49123',
  '1,000',
  '.5',
  '5.',
  '-0',
  'NaN',
  '2310009E13',
  '1e5',
  'tRUE',
  'null',
  '2026-02-30',
);

const integers = fc.maxSafeInteger().map(String).map(number);
const decimals = fc
  .tuple(fc.integer({ min: -999_999, max: 999_999 }), fc.integer({ min: 0, max: 99 }))
  .map(([whole, cents]) => number(`${whole}.${String(cents).padStart(2, '0')}`))
  .filter(({ text }) => !text.startsWith('-0'));
const doubles = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .filter((value) => !Object.is(value, -0) && !/^-?\d+e\d+$/.test(String(value)))
  .map(String)
  .map(number);
const booleans = fc.constantFrom('true', 'false', 'True', 'FALSE').map((text) => ({ text, meant: /^t/i.test(text) }));
const days = fc
  .date({ min: new Date('1901-01-01'), max: new Date('2199-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));

const cellOf = (dates: boolean): fc.Arbitrary<RandomCell> =>
  fc
    .tuple(
      fc.oneof(
        ...[anyText, awkward.map(same), formulas.map(same), zeros.map(same), plainTexts.map(same)],
        beyond.map(([digits, last]) => same(`${digits}${last}`)),
        ...[integers, decimals, doubles, booleans],
        days.map((text) => ({ text, meant: dates ? { date: text } : text })),
        fc.constant({ text: '', meant: null }),
      ),
      fc.boolean(),
    )
    .map(([cell, isQuoted]) => ({ ...cell, isQuoted }));

/** Tables with everything that a file can bring. The first column has the number of the row, so no row is empty. */
export const randomTables: fc.Arbitrary<RandomTable> = fc
  .record({
    columns: fc.array(grapheme, { maxLength: 5 }),
    lineBreak: fc.constantFrom('\n', '\r\n'),
    dates: fc.boolean(),
  })
  .chain(({ columns, lineBreak, dates }) =>
    fc
      .array(fc.array(cellOf(dates), { minLength: columns.length, maxLength: columns.length }), { maxLength: 12 })
      .map((rows) => ({
        columns: ['row', ...columns.map((name, at) => `${at} ${name}`)],
        rows: rows.map((cells, at) => [{ text: String(at), meant: at, isQuoted: false }, ...cells]),
        ...{ lineBreak: lineBreak as RandomTable['lineBreak'], dates },
      })),
  );

const quoted = (text: string, isQuoted: boolean): string =>
  isQuoted || /[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

export const csvOf = ({ columns, rows, lineBreak }: RandomTable): string =>
  [
    columns.map((name) => quoted(name, true)).join(),
    ...rows.map((cells) => cells.map(({ text, isQuoted }) => quoted(text, isQuoted)).join()),
    '',
  ].join(lineBreak);
