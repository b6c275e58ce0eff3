import type { Source } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import { csvOf } from '../csv/csv.ts';
import { type Follower, PASS_OVER } from '../json/outline.ts';
import type { Bytes } from '../bytes/spool.ts';
import { madeSource, type Range } from '../bytes/transcode.ts';

/** Excel's own number of columns; more would be cut off by whoever opens the file. */
const MAX_COLUMNS = 16_384;
/** Google Sheets' own number of cells. Rows that share no column would otherwise make a small document a huge file. */
const MAX_CELLS = 10_000_000;
/** More than a cell holds in Excel (32,767 characters), whose first row the names become. */
const MAX_NAME_BYTES = 65_536;

const invalid = (detail: string): CourierError => new CourierError('request-invalid', { detail });

/**
 * Looks at rows while they are scanned: that each is an object, and which columns they have. The header is known after the
 * last row only, so that the rows themselves are read again when the file is made.
 */
export class RowsFollower implements Follower {
  readonly stand = '[]';
  /** The offset at which the name of each column stands first, by its key (`KeyReader.end`). */
  readonly columns = new Map<string, number>();
  rows = 0;
  isAscii = true;
  #depth = 0;
  #wrongRow: number | undefined;

  open(isArray: boolean): void {
    if (this.#depth === 1) this.#row(!isArray);
    this.#depth += 1;
  }

  close(): void {
    this.#depth -= 1;
  }

  beginText(isKey: boolean): void {
    if (!isKey) this.#value();
  }

  plain(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; this.isAscii && at < to; at += 1) if ((bytes[at] ?? 0) > 127) this.isAscii = false;
  }

  escaped(codePoint: number): void {
    if (codePoint > 127) this.isAscii = false;
  }

  readonly endText = PASS_OVER.endText;

  beginNumber(): void {
    this.#value();
  }

  readonly digits = PASS_OVER.digits;
  readonly endNumber = PASS_OVER.endNumber;

  word(): void {
    this.#value();
  }

  key(key: string, { start, bytes }: { start: number; bytes: number }): void {
    if (this.#depth !== 2 || this.columns.has(key)) return;
    if (bytes > MAX_NAME_BYTES) {
      throw invalid(`source.rows: the name of a column has more than ${MAX_NAME_BYTES} bytes.`);
    }
    this.columns.set(key, start);
    if (this.columns.size > MAX_COLUMNS) {
      throw invalid(`source.rows: has ${this.columns.size} columns or more; ${MAX_COLUMNS} are the most.`);
    }
  }

  /** @throws CourierError `request-invalid` for what is no row, and for more cells than a spreadsheet has */
  check(): void {
    if (this.#wrongRow !== undefined) throw invalid(`source.rows.${this.#wrongRow} is not an object.`);
    const { size } = this.columns;
    if (size * this.rows > MAX_CELLS) {
      throw invalid(`source.rows: ${this.rows} rows of ${size} columns are more than ${MAX_CELLS} cells.`);
    }
  }

  #value(): void {
    if (this.#depth === 1) this.#row(false);
  }

  #row(isObject: boolean): void {
    if (!isObject) this.#wrongRow ??= this.rows;
    this.rows += 1;
  }
}

/**
 * Rows as CSV (RFC 4180: CRLF, quotes doubled), made as it is read: header from the keys in first-seen order; nested values as JSON.
 * A byte order mark goes first when any cell is not ASCII, since Excel takes a file without one for the local code page.
 */
export const rowsOf = (
  bytes: Bytes,
  range: Range,
  { columns, isAscii, rawCells }: { columns: ReadonlyMap<string, number>; isAscii: boolean; rawCells: boolean },
): Source => madeSource('text/csv', undefined, () => csvOf(bytes, range, { columns, isAscii, rawCells }));
