import type { Source } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import type { Bytes } from '../bytes/spool.ts';
import { generatedSource, type Range } from '../bytes/transcode.ts';
import { csvOf } from '../csv/csv.ts';
import { type Follower, IGNORE_EVENTS } from '../json/outline.ts';

/** The column limit of Excel, which drops further columns. */
const MAX_COLUMNS = 16_384;
/**
 * The cell limit of Google Sheets. Without a limit, a small document whose rows share no columns would become a huge
 * file.
 */
const MAX_CELLS = 10_000_000;
/** The names become the first row of the file. A cell in Excel is limited to 32,767 characters. */
const MAX_NAME_BYTES = 65_536;

const invalid = (detail: string): CourierError => new CourierError('request-invalid', { detail });

/**
 * Checks rows while they are scanned: each must be an object. Collects their columns. The header is known only after
 * the last row, so the rows are read again when the file is generated.
 */
export class RowsFollower implements Follower {
  readonly placeholder = '[]';
  /** For each column, by its key (`KeyReader.end`), the offset of the first occurrence of its name. */
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

  readonly endText = IGNORE_EVENTS.endText;

  beginNumber(): void {
    this.#value();
  }

  readonly digits = IGNORE_EVENTS.digits;
  readonly endNumber = IGNORE_EVENTS.endNumber;

  word(): void {
    this.#value();
  }

  key(key: string, { start, bytes }: { start: number; bytes: number }): void {
    if (this.#depth !== 2 || this.columns.has(key)) return;
    if (bytes > MAX_NAME_BYTES) {
      throw invalid(`source.rows has a column whose name has more than ${MAX_NAME_BYTES} bytes.`);
    }
    this.columns.set(key, start);
    if (this.columns.size > MAX_COLUMNS) {
      throw invalid(`source.rows has ${this.columns.size} columns or more; the maximum is ${MAX_COLUMNS}.`);
    }
  }

  /** @throws CourierError `request-invalid` for a row that is not an object, and for too many cells */
  check(): void {
    if (this.#wrongRow !== undefined) throw invalid(`source.rows.${this.#wrongRow} is not an object.`);
    const { size } = this.columns;
    if (size * this.rows > MAX_CELLS) {
      throw invalid(`source.rows is too large: ${this.rows} rows of ${size} columns are more than ${MAX_CELLS} cells.`);
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
 * Rows as CSV (RFC 4180: CRLF, doubled quotes), generated while it is read. The header has the keys in first-seen
 * order; nested values are written as JSON. If any cell is not ASCII, a byte order mark comes first, because without it
 * Excel assumes the local code page.
 */
export const rowsOf = (
  bytes: Bytes,
  range: Range,
  { columns, isAscii, rawCells }: { columns: ReadonlyMap<string, number>; isAscii: boolean; rawCells: boolean },
): Source => {
  const csv = (options: { rawCells: boolean }): Source =>
    generatedSource('text/csv', undefined, () => csvOf(bytes, range, { columns, isAscii, ...options }));
  return { ...csv({ rawCells }), asRows: { ...csv({ rawCells: true }), quotedIsText: true } };
};
