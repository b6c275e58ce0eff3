import type { Source } from '../delivery.ts';
import { CourierError } from '../errors.ts';
import { csvCell, csvColumn } from './csv-cell.ts';
import { keysOf } from './exact-json.ts';
import { repeatable } from './repeatable.ts';

export type Row = Readonly<Record<string, unknown>>;

/** Excel's own number of columns; more would be cut off by whoever opens the file. */
const MOST_COLUMNS = 16_384;
/** Google Sheets' own number of cells. Rows that share no column would otherwise make a small document a huge file. */
const MOST_CELLS = 10_000_000;
const CELLS_A_PIECE = 5_000;
const BYTE_ORDER_MARK = '\ufeff';

/** Column names in the order in which they are first seen. */
const columnsOf = (rows: readonly Row[]): string[] => {
  const columns = new Set<string>();
  for (const row of rows) for (const key of keysOf(row)) columns.add(key);
  if (columns.size > MOST_COLUMNS) {
    throw new CourierError('request-invalid', {
      detail: `source.rows: has ${columns.size} columns; ${MOST_COLUMNS} are the most.`,
    });
  }
  if (columns.size * rows.length > MOST_CELLS) {
    throw new CourierError('request-invalid', {
      detail: `source.rows: ${rows.length} rows of ${columns.size} columns are more than ${MOST_CELLS} cells.`,
    });
  }
  return [...columns];
};

/** A row's own value only: what every object has from its prototype is no cell. */
const cellOf = (row: Row, column: string): unknown => (Object.hasOwn(row, column) ? row[column] : undefined);

/** One record. A line of one empty cell would be an empty line, which readers skip, so that it is quoted. */
const record = (cells: readonly string[]): string => {
  const line = cells.join(',');
  return `${line === '' ? '""' : line}\r\n`;
};

function* csv(rows: readonly Row[], columns: readonly string[], rawCells: boolean): Generator<string> {
  if (columns.length === 0) return;
  const options = { rawCells };
  yield record(columns.map((column) => csvColumn(column, options)));
  const rowsAPiece = Math.max(1, Math.floor(CELLS_A_PIECE / columns.length));
  for (let start = 0; start < rows.length; start += rowsAPiece) {
    const records = rows
      .slice(start, start + rowsAPiece)
      .map((row) => record(columns.map((column) => csvCell(cellOf(row, column), options))));
    yield records.join('');
  }
}

const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

const isAllAscii = (value: unknown): boolean => {
  if (typeof value === 'string') return isAscii(value);
  return typeof value !== 'object' || value === null || isAscii(JSON.stringify(value));
};

/**
 * Rows as CSV (RFC 4180: CRLF, quotes doubled), made as it is read: header from the keys in first-seen order; nested values as JSON.
 * A byte order mark goes first when any cell is not ASCII, since Excel takes a file without one for the local code page.
 * @throws CourierError `request-invalid` for more columns or cells than a spreadsheet has
 */
export const rowsSource = (rows: readonly Row[], { rawCells = false }: { rawCells?: boolean } = {}): Source => {
  const columns = columnsOf(rows);
  return repeatable('text/csv', function* () {
    if (!rows.every((row) => isAllAscii(row))) yield BYTE_ORDER_MARK;
    yield* csv(rows, columns, rawCells);
  });
};
