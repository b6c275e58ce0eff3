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
 * https://github.com/SCRT-HQ/PSGSuite/issues/62); Sheets itself has no limit, but says that other components have
 * (https://developers.google.com/workspace/sheets/api/limits). Marks and the size of the grid take some kilobytes.
 */
export const MAX_CHANGE_BYTES = 10_300_000;

/** The JSON around values in a change, with the comma after it. */
const TEXT_BYTES = '{"userEnteredValue":{"stringValue":}},'.length;
const NUMBER_BYTES = '{"userEnteredValue":{"numberValue":}},'.length;
const BOOLEAN_BYTES = '{"userEnteredValue":{"boolValue":false}},'.length;
const EMPTY_BYTES = '{},'.length;
const ROW_BYTES = '{"values":[]},'.length;

const costOf = (cell: Cell): number => {
  if (cell === null) return EMPTY_BYTES;
  if (typeof cell === 'string') return TEXT_BYTES + Buffer.byteLength(JSON.stringify(cell));
  if (typeof cell === 'boolean') return BOOLEAN_BYTES;
  return NUMBER_BYTES + String(isDateCell(cell) ? cell.serial : cell).length;
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
  const costs = createCosts();
  let former: readonly string[] | undefined;
  // The header is written by the first change.
  let cost = index === 0 ? header.reduce((sum, name) => sum + costOf(name), ROW_BYTES) : 0;

  /** With the names of new columns, and with the empty cells of columns that the row lacks. */
  const costWith = (row: Row): number => {
    let added = costs(row);
    if (row.columns !== former) {
      for (const name of row.columns) if (!columns.has(name)) added += costOf(name);
    }
    return added + EMPTY_BYTES * Math.max(0, columns.size - row.cells.length);
  };

  return {
    rows,
    /** @returns false if the row has to go into the next batch */
    add(row: Row, maxBytes: number): boolean {
      const added = costWith(row);
      if (rows.length > 0 && cost + added > maxBytes) return false;
      rows.push(row);
      cost += added;
      if (row.columns !== former) {
        for (const name of row.columns) columns.add(name);
        hash.update(JSON.stringify(row.columns));
        former = row.columns;
      }
      hash.update(JSON.stringify(row.cells));
      return true;
    },
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
  for await (const row of rows) {
    if (row.cells === undefined) {
      header = row.columns;
      if (batch.rows.length === 0) batch = createCollector(index, header);
      continue;
    }
    if (batch.add(row, maxBytes)) continue;
    yield batch.end(false);
    index += 1;
    batch = createCollector(index, header);
    batch.add(row, maxBytes);
  }
  yield batch.end(true);
}
