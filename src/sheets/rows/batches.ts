import { createHash } from 'node:crypto';
import { type Cell, isDateCell } from './cell.ts';
import type { Row, RowOrHeader } from './table.ts';

/** Rows that are written by one request. */
export interface Batch {
  /** From 0. */
  index: number;
  isLast: boolean;
  rows: readonly Row[];
  /** Every column that a row of the batch has, in first-seen order. */
  columns: readonly string[];
  /** The first row of a text file; empty for rows that name their columns themselves. */
  header: readonly string[];
  /** Of the request, in bytes, at most. */
  cost: number;
  /** Distinguishes batches with different content. */
  digest: string;
}

/**
 * Google recommends at most 2 MB a request (https://developers.google.com/workspace/sheets/api/limits). The rest of the request
 * is small.
 */
export const MAX_BATCH_BYTES = 1_800_000;

/**
 * The most for one change. Google refuses requests above 10,485,760 bytes ("Request payload size exceeds the limit": for example
 * https://github.com/googleworkspace/dotnet-samples/issues/23).
 */
export const MAX_CHANGE_BYTES = 9_000_000;

/** `{"userEnteredValue":{"stringValue":…}},` and what stands around a row. */
const CELL_BYTES = 46;
const ROW_BYTES = 16;
/** Up to this many characters, a text is counted as if each took three bytes of UTF-8: that is faster than counting. */
const SHORT_CHARACTERS = 16;
/** JSON writes control characters and lone surrogates in six bytes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that it escapes
const ESCAPED = /[\u0000-\u001f\ud800-\udfff]/;

const costOf = (cell: Cell): number => {
  if (cell === null) return 4;
  if (typeof cell !== 'string') return CELL_BYTES + 20;
  const isShort = cell.length <= SHORT_CHARACTERS && !ESCAPED.test(cell);
  return CELL_BYTES + (isShort ? cell.length * 3 : Buffer.byteLength(JSON.stringify(cell)));
};

/** The request that gives date cells their number format. One is enough for a run of rows. */
const FORMAT_BYTES = 290;

/** What the rows of a batch cost, one after the other. */
const createCosts = () => {
  const runs = new Map<string | undefined, { row: number; pattern: string }>();
  let row = 0;
  const formatOf = (column: string | undefined, cell: Cell): number => {
    if (!isDateCell(cell)) return 0;
    const run = runs.get(column);
    runs.set(column, { row, pattern: cell.pattern });
    return run?.row === row - 1 && run.pattern === cell.pattern ? 0 : FORMAT_BYTES;
  };
  return ({ columns, cells }: Row): number => {
    let cost = ROW_BYTES;
    for (const [index, cell] of cells.entries()) cost += costOf(cell) + formatOf(columns[index], cell);
    row += 1;
    return cost;
  };
};

/** Collects the rows of one batch. What is known of it is calculated row by row, because all of it at once takes long. */
const createCollector = (index: number, header: readonly string[]) => {
  const rows: Row[] = [];
  const columns = new Set(header);
  const hash = createHash('sha256');
  let former: readonly string[] | undefined;
  let cost = 0;
  return {
    rows,
    add(row: Row, added: number): void {
      rows.push(row);
      cost += added;
      if (row.columns !== former) {
        for (const name of row.columns) columns.add(name);
        hash.update(JSON.stringify(row.columns));
        former = row.columns;
      }
      hash.update(JSON.stringify(row.cells));
    },
    fits: (added: number, maxBytes: number): boolean => rows.length === 0 || cost + added <= maxBytes,
    end(isLast: boolean): Batch {
      const digest = hash.digest('base64url').slice(0, 8);
      return { index, isLast, rows, header, columns: [...columns], cost, digest };
    },
  };
};

/**
 * Splits rows into batches. The same rows are always split in the same way, so that a retry can continue after the last batch
 * that was written. There is always a last batch, even if it is empty.
 */
export async function* batchesOf(rows: AsyncIterable<RowOrHeader>, maxBytes = MAX_BATCH_BYTES): AsyncGenerator<Batch> {
  let header: readonly string[] = [];
  let index = 0;
  let batch = createCollector(index, header);
  let costs = createCosts();
  for await (const row of rows) {
    if (row.cells === undefined) {
      header = row.columns;
      if (batch.rows.length === 0) batch = createCollector(index, header);
      continue;
    }
    let added = costs(row);
    if (!batch.fits(added, maxBytes)) {
      yield batch.end(false);
      index += 1;
      batch = createCollector(index, header);
      costs = createCosts();
      added = costs(row);
    }
    batch.add(row, added);
  }
  yield batch.end(true);
}
