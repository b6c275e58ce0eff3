import { stringify } from 'csv-stringify/sync';
import type { Source } from '../delivery.ts';

export type Row = Readonly<Record<string, unknown>>;

const ROWS_A_CHUNK = 500;
const BYTE_ORDER_MARK = '\ufeff';

/** Column names in the order in which they are first seen. */
const columnsOf = (rows: readonly Row[]): string[] => {
  const columns = new Set<string>();
  for (const row of rows) for (const key of Object.keys(row)) columns.add(key);
  return [...columns];
};

const cast = {
  boolean: (value: boolean): string => String(value),
  object: (value: object): string => JSON.stringify(value),
};

function* csv(rows: readonly Row[], rawCells: boolean): Generator<string> {
  const columns = columnsOf(rows);
  if (columns.length === 0) return;
  // `escape_formulas` puts ' before a text cell that a spreadsheet would run as a formula (=, +, -, @, tab, CR; OWASP "CSV Injection").
  const options = { record_delimiter: '\r\n', escape_formulas: !rawCells, cast } as const;
  yield stringify([columns], options);
  for (let start = 0; start < rows.length; start += ROWS_A_CHUNK) {
    const cells = rows.slice(start, start + ROWS_A_CHUNK).map((row) => columns.map((column) => row[column]));
    yield stringify(cells, options);
  }
}

const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

/**
 * Rows as CSV (RFC 4180: CRLF, quotes doubled), made as it is read: header from the keys in first-seen order; nested values as JSON.
 * A byte order mark goes first when any cell is not ASCII, since Excel takes a file without one for the local code page.
 */
export const rowsSource = (rows: readonly Row[], { rawCells = false }: { rawCells?: boolean } = {}): Source => {
  async function* open(): AsyncGenerator<Uint8Array> {
    let allAscii = true;
    for (const text of csv(rows, rawCells)) allAscii &&= isAscii(text);
    if (!allAscii) yield Buffer.from(BYTE_ORDER_MARK);
    for (const text of csv(rows, rawCells)) yield Buffer.from(text);
  }
  return { size: undefined, mimeType: 'text/csv', open };
};
