import fc from 'fast-check';

/* Export documents as text, with numbers that no double can hold and words that are not JSON, and the file that they mean. */

interface WrittenDocument {
  text: string;
  /** The bytes of the file; undefined: the document must be refused. */
  file: Buffer | undefined;
}

const digits = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength });

/** JSON's grammar of numbers (RFC 8259, section 6), far beyond what a double holds. */
const numberText: fc.Arbitrary<string> = fc
  .record({
    sign: fc.constantFrom('', '', '-'),
    whole: fc.oneof(
      fc.constant('0'),
      fc.tuple(fc.constantFrom(...'123456789'), digits(30)).map((parts) => parts.join('')),
    ),
    fraction: fc.option(digits(25), { nil: undefined }),
    exponent: fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'E-'), digits(4)), { nil: undefined }),
  })
  .map(({ sign, whole, fraction, exponent }) => {
    const tail = fraction === undefined ? '' : `.${fraction}`;
    return `${sign}${whole}${tail}${exponent?.join('') ?? ''}`;
  });

/** What Python, JavaScript and people write, and JSON does not have. */
const notJson = fc.constantFrom(
  ...['NaN', 'Infinity', '-Infinity', 'nan', 'None', 'True', 'undefined', "'a'"],
  ...['01', '+1', '.5', '1.', '1e', '0x10', '1_000', '-', '--1', '1 2'],
);

/** Texts that no spreadsheet runs: what is run is another suite's subject. */
const plainText = fc
  .array(fc.constantFrom('a', 'B', '7', ' ', '"', '\n', '\r\n', 'ü', '日', '📊'), { maxLength: 6 })
  .map((pieces) => `t${pieces.join('')}`);

interface Cell {
  json: string;
  /** As RFC 4180 has it, a text always in quotes. */
  csv: string;
}

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

const cell: fc.Arbitrary<Cell> = fc.oneof(
  { weight: 4, arbitrary: numberText.map((text) => ({ json: text, csv: text })) },
  { weight: 3, arbitrary: plainText.map((text) => ({ json: JSON.stringify(text), csv: quoted(text) })) },
  { weight: 1, arbitrary: fc.constantFrom('true', 'false').map((text) => ({ json: text, csv: text })) },
  { weight: 1, arbitrary: fc.constant({ json: 'null', csv: '' }) },
  { weight: 1, arbitrary: numberText.map((text) => ({ json: `[${text}]`, csv: `"[${text}]"` })) },
);

const key = fc.constantFrom('b', 'a', '10', '9', '__proto__', 'constructor', 'x1');
type Row = Map<string, Cell>;
const row: fc.Arbitrary<Row> = fc
  .uniqueArray(fc.tuple(key, cell), { maxLength: 4, selector: ([name]) => name })
  .map((cells) => new Map(cells));

const jsonOf = (cells: Row): string =>
  `{${[...cells].map(([name, { json }]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;

/** The header has the keys in the order in which they are seen first. */
const csvOf = (rows: readonly Row[]): Buffer => {
  const names = [...new Set(rows.flatMap((cells) => [...cells.keys()]))];
  if (names.length === 0) return Buffer.alloc(0);
  const lines = rows.map((cells) => {
    const line = names.map((name) => cells.get(name)?.csv ?? '').join(',');
    // An empty line would be no row.
    return line === '' ? '""' : line;
  });
  const text = [names.join(','), ...lines].map((line) => `${line}\r\n`).join('');
  const hasOnlyAscii = /^[\0-\x7f]*$/.test(text);
  return Buffer.from(hasOnlyAscii ? text : `\ufeff${text}`);
};

const documentOf = (source: string): string => `{"name":"a","source":${source}}`;

export const rowsDocument: fc.Arbitrary<WrittenDocument> = fc
  .array(row, { maxLength: 5 })
  .map((rows) => ({ text: documentOf(`{"rows":[${rows.map(jsonOf).join(',')}]}`), file: csvOf(rows) }));

/** Rows of which one has a cell that is not JSON, or a key twice. */
export const brokenRowsDocument: fc.Arbitrary<WrittenDocument> = fc
  .record({ rows: fc.array(row, { maxLength: 4 }), at: fc.nat(4), word: notJson, isTwice: fc.boolean() })
  .map(({ rows, at, word, isTwice }) => {
    const all = rows.map(jsonOf);
    all.splice(at, 0, isTwice ? '{"k":1,"k":2}' : `{"k":${word}}`);
    return { text: documentOf(`{"rows":[${all.join(',')}]}`), file: undefined };
  });

/** The same words anywhere else in a document. */
export const brokenDocument: fc.Arbitrary<WrittenDocument> = fc
  .tuple(
    fc.constantFrom(
      (word: string) => documentOf(`{"json":[1,{"a":${word}}]}`),
      (word: string) => documentOf(`{"json":${word}}`),
      (word: string) => documentOf(`{"text":${word}}`),
      (word: string) => `{"name":${word},"source":{"text":"x"}}`,
      (word: string) => `{"name":"a","source":${word}}`,
      (word: string) => `${word}`,
    ),
    notJson,
  )
  .map(([place, word]) => ({ text: place(word), file: undefined }));

/** A list of numbers, saved as JSON: one a line, as written. */
export const numbersDocument: fc.Arbitrary<WrittenDocument> = fc
  .array(numberText, { minLength: 1, maxLength: 6 })
  .map((numbers) => ({
    text: documentOf(`{"json":[${numbers.join(' , ')}]}`),
    file: Buffer.from(`[\n${numbers.map((text) => `  ${text}`).join(',\n')}\n]\n`),
  }));

/** Base64 in lines, with or without padding; and with a character that does not belong there. */
export const base64Document: fc.Arbitrary<WrittenDocument> = fc
  .record({
    bytes: fc.uint8Array({ maxLength: 80 }),
    lineLength: fc.constantFrom(Infinity, 4, 19, 76),
    lineEnd: fc.constantFrom('\\n', '\\r\\n'),
    isPadded: fc.boolean(),
    stranger: fc.option(fc.constantFrom('*', '.', '%', 'é', '=A'), { nil: undefined, freq: 4 }),
  })
  .map(({ bytes, lineLength, lineEnd, isPadded, stranger = '' }) => {
    const whole = Buffer.from(bytes).toString('base64');
    const text = isPadded ? whole : whole.replaceAll('=', '');
    const lines: string[] = [];
    for (let at = 0; at < text.length; at += lineLength) lines.push(text.slice(at, at + lineLength));
    const middle = Math.floor(lines.length / 2);
    const written = [...lines.slice(0, middle), ...(stranger === '' ? [] : [stranger]), ...lines.slice(middle)];
    return {
      text: documentOf(`{"base64":"${written.join(lineEnd)}"}`),
      file: stranger === '' ? Buffer.from(bytes) : undefined,
    };
  });
