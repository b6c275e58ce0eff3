import type { ColumnRule } from '../../domain.ts';
import type { CourierError } from '../../errors.ts';
import { rowsRange } from '../a1.ts';
import type { ChangeRequest } from './change-body.ts';
import { wrongShape } from '../errors.ts';
import { createMarkRequest, deleteMarkRequest, freeMarkId, type Mark, type StoredMark } from './marks.ts';
import type { Batch } from '../rows/batches.ts';
import { type Cell, type DateCell, isDateCell } from '../rows/cell.ts';
import type { Row } from '../rows/table.ts';
import { checkRoom, type Growth } from '../size.ts';
import type { Snapshot, Tab } from '../read/snapshot.ts';

/** A batch to append. */
export interface Part {
  batch: Batch;
  key: string;
  columns: ColumnRule;
}

/** Where a part goes. */
export interface Placement {
  mark: Mark;
  tab: string;
  range: string;
  columnsAdded: readonly string[];
}

/** One change that appends several parts. */
export interface Change {
  requests: readonly ChangeRequest[];
  placed: ReadonlyMap<Part, Placement>;
  /** Parts that cannot be appended, with the reason. */
  failed: ReadonlyMap<Part, CourierError>;
  sheetId: number;
  usedRows: number;
  growth: Growth;
}

const cellData = (cell: Cell): unknown => {
  if (cell === null) return {};
  if (typeof cell === 'string') return { userEnteredValue: { stringValue: cell } };
  if (typeof cell === 'boolean') return { userEnteredValue: { boolValue: cell } };
  return { userEnteredValue: { numberValue: typeof cell === 'number' ? cell : cell.serial } };
};

/** Rows as `updateCells` takes them. */
export const rowData = (rows: readonly (readonly Cell[])[]) => rows.map((cells) => ({ values: cells.map(cellData) }));

/** Puts the cells of rows into the columns of a tab, by name. */
export const createArrange = (header: readonly string[]) => {
  const places = new Map(header.map((name, index) => [name, index]));
  const known = new Map<readonly string[], readonly number[]>();
  const placesOf = (columns: readonly string[]): readonly number[] => {
    const found = known.get(columns) ?? columns.map((name) => places.get(name) ?? -1);
    known.set(columns, found);
    return found;
  };
  return ({ columns, cells }: Row): Cell[] => {
    const arranged: Cell[] = [];
    const targets = placesOf(columns);
    for (const [index, cell] of cells.entries()) {
      if (cell === null) continue;
      const target = targets[index] ?? -1;
      while (arranged.length < target) arranged.push(null);
      arranged[target] = cell;
    }
    return arranged;
  };
};

/** Number formats for date cells, one request for each run of rows in a column. */
export const dateFormats = (
  sheetId: number,
  startRow: number,
  rows: readonly (readonly Cell[])[],
  startColumn = 0,
): ChangeRequest[] => {
  const runs: { column: number; from: number; to: number; format: DateCell }[] = [];
  const open = new Map<number, (typeof runs)[number]>();
  for (const [offset, cells] of rows.entries()) {
    for (const [index, cell] of cells.entries()) {
      if (!isDateCell(cell)) continue;
      const column = startColumn + index;
      const row = startRow + offset;
      const run = open.get(column);
      if (run?.to === row && run.format.pattern === cell.pattern) run.to = row + 1;
      else {
        const started = { column, from: row, to: row + 1, format: cell };
        open.set(column, started);
        runs.push(started);
      }
    }
  }
  return runs.map(({ column, from, to, format: { type, pattern } }) => ({
    repeatCell: {
      range: { sheetId, startRowIndex: from, endRowIndex: to, startColumnIndex: column, endColumnIndex: column + 1 },
      cell: { userEnteredFormat: { numberFormat: { type, pattern } } },
      fields: 'userEnteredFormat.numberFormat',
    },
  }));
};

const cellsRequest = (sheetId: number, rowIndex: number, columnIndex: number, rows: readonly (readonly Cell[])[]) => ({
  updateCells: {
    start: { sheetId, rowIndex, columnIndex },
    rows: rowData(rows),
    fields: 'userEnteredValue',
  },
});

/** The most empty cells between two columns of a row that are sent. From more on, another request for the columns after them is smaller. */
const MAX_GAP = 4;

/** The columns that rows have. The cells of a narrow table in a wide tab are not sent with all the empty ones between them. */
const columnRuns = (header: readonly string[], parts: Iterable<Part>): { from: number; to: number }[] => {
  const used = new Set([...parts].flatMap(({ batch }) => batch.columns));
  const runs: { from: number; to: number }[] = [];
  for (const [index, name] of header.entries()) {
    if (!used.has(name)) continue;
    const open = runs.at(-1);
    if (open !== undefined && index - open.to <= MAX_GAP) open.to = index + 1;
    else runs.push({ from: index, to: index + 1 });
  }
  return runs;
};

const NO_CELLS: readonly Cell[] = [];

/**
 * Puts the cells of rows into runs of columns, by name. Each run has all rows; the empty cells between the runs are never
 * made, because a wide tab would have thousands of them in each row.
 */
const arrangeInRuns = (
  header: readonly string[],
  runs: readonly { from: number; to: number }[],
  rows: readonly Row[],
): (readonly Cell[])[][] => {
  const places = new Map(
    runs.flatMap(({ from, to }, run) =>
      header.slice(from, to).map((name, offset): [string, { run: number; offset: number }] => [name, { run, offset }]),
    ),
  );
  const blocks = runs.map((): (readonly Cell[])[] => []);
  // Rows share the arrays of their columns.
  const known = new Map<readonly string[], ReturnType<typeof places.get>[]>();
  for (const { columns, cells } of rows) {
    const targets = known.get(columns) ?? columns.map((name) => places.get(name));
    known.set(columns, targets);
    const arranged = new Map<number, Cell[]>();
    for (const [index, cell] of cells.entries()) {
      const place = targets[index];
      if (cell === null || place === undefined) continue;
      const inRun = arranged.get(place.run) ?? [];
      arranged.set(place.run, inRun);
      while (inRun.length < place.offset) inRun.push(null);
      inRun[place.offset] = cell;
    }
    for (const [run, block] of blocks.entries()) block.push(arranged.get(run) ?? NO_CELLS);
  }
  return blocks;
};

const insertRequest = (
  sheetId: number,
  dimension: 'ROWS' | 'COLUMNS',
  startIndex: number,
  count: number,
  inherit: boolean,
) => ({
  insertDimension: {
    range: { sheetId, dimension, startIndex, endIndex: startIndex + count },
    inheritFromBefore: inherit,
  },
});

/** Appends new column names to the header. Whole columns are inserted, so cells to the right of the header are not overwritten. */
const headerRequests = ({ sheetId, header, columnCount }: Tab, added: readonly string[]): ChangeRequest[] => {
  if (added.length === 0) return [];
  const missing = header.length + added.length - columnCount;
  const room =
    header.length > 0
      ? [insertRequest(sheetId, 'COLUMNS', header.length, added.length, true)]
      : missing > 0
        ? [{ appendDimension: { sheetId, dimension: 'COLUMNS', length: missing } }]
        : [];
  return [...room, cellsRequest(sheetId, 0, header.length, [added])];
};

const chooseColumns = (tab: Tab, parts: readonly Part[]) => {
  const header = [...tab.header];
  const known = new Set(header);
  const isNew = header.length === 0;
  const added = new Map<Part, string[]>();
  const failed = new Map<Part, CourierError>();
  for (const part of parts) {
    const missing = part.batch.columns.filter((name) => !known.has(name));
    if (missing.length > 0 && part.columns === 'strict' && !isNew) {
      const names = missing.slice(0, 5).map((name) => JSON.stringify(name.slice(0, 60)));
      const error = wrongShape(
        'unknown-columns',
        `The tab has no column ${names.join(', ')}${missing.length > 5 ? ', …' : ''}.`,
        'Add the columns to the first row of the tab, or set "columns" to "extend".',
      );
      failed.set(part, error);
      continue;
    }
    header.push(...missing);
    for (const name of missing) known.add(name);
    added.set(part, isNew ? [] : missing);
  }
  return { header, added, failed };
};

/** A tab that the change itself creates. Its id is derived from its name, so that a change that is sent twice creates one tab. */
export const tabRequest = (
  { title, sheetId }: { title: string; sheetId: number },
  gridProperties: { rowCount: number; columnCount: number },
): ChangeRequest => ({ addSheet: { properties: { sheetId, title, gridProperties } } });

const newTab = (of: { title: string; sheetId: number }, columnCount: number): { tab: Tab; request: ChangeRequest } => {
  const grid = { rowCount: 2, columnCount };
  return { tab: { ...of, ...grid, header: [], usedRows: 0 }, request: tabRequest(of, grid) };
};

/** What a change adds to a grid. Columns are inserted after the header, even if the grid has empty columns. */
const growthOf = (
  existing: Tab | undefined,
  { tab, columns, rows }: { tab: Tab; columns: number; rows: number },
): Growth => {
  const columnCount = tab.header.length > 0 ? tab.columnCount + columns : Math.max(tab.columnCount, columns);
  const before = existing === undefined ? 0 : existing.rowCount * existing.columnCount;
  return { cells: (tab.rowCount + rows) * columnCount - before, columnCount };
};

/**
 * Plans one change: rows are inserted below the last one with data, and filled. Rows that people have typed there since the
 * snapshot move down, and nothing is overwritten.
 * @throws CourierError `sheet-full` if the tab alone would have too many cells
 */
export const planChange = (
  { tab: existing, marks, foreign }: Snapshot,
  parts: readonly Part[],
  {
    newTabOf,
    nowMs,
    removed,
  }: { newTabOf: { title: string; sheetId: number }; nowMs: number; removed: readonly StoredMark[] },
): Change => {
  const widest = Math.max(1, ...parts.map(({ batch }) => batch.columns.length));
  const made = existing === undefined ? newTab(newTabOf, widest) : undefined;
  const tab = existing ?? made?.tab;
  if (tab === undefined) throw new Error('a change needs a tab');
  const { header, added, failed } = chooseColumns(tab, parts);
  const writable = parts.filter((part) => !failed.has(part));
  const rowCount = writable.reduce((sum, { batch }) => sum + batch.rows.length, 0);
  const growth = growthOf(existing, { tab, columns: header.length - tab.header.length, rows: rowCount });
  // Checked before the rows are laid out: with one cell each, thousands of rows of a wide tab would take gigabytes.
  checkRoom(existing === undefined ? 0 : existing.rowCount * existing.columnCount, growth);
  const { sheetId, title } = tab;
  const firstRow = Math.max(1, tab.usedRows);
  const taken = new Set([...foreign.ids, ...marks.map(({ id }) => id)]);
  const placed = new Map<Part, Placement>();
  const rows: Row[] = [];
  const markRequests: ChangeRequest[] = [];
  for (const part of writable) {
    const { batch, key } = part;
    const startRow = batch.rows.length === 0 ? 0 : firstRow + rows.length;
    for (const row of batch.rows) rows.push(row);
    const { index, isLast, digest } = batch;
    const size = { rows: batch.rows.length, width: header.length };
    const mark = { key, batch: index, isLast, ...size, sheetId, startRow, digest, writtenAtMs: nowMs };
    const id = freeMarkId(mark, taken);
    taken.add(id);
    markRequests.push(createMarkRequest(id, mark));
    const range = rowsRange(title, startRow, batch.rows.length, header.length);
    placed.set(part, { mark, tab: title, range, columnsAdded: added.get(part) ?? [] });
  }
  const runs = columnRuns(header, placed.keys());
  const blocks = arrangeInRuns(header, runs, rows);
  const inserted =
    rows.length === 0
      ? []
      : [
          insertRequest(sheetId, 'ROWS', firstRow, rows.length, firstRow > 1),
          ...runs.map(({ from }, run) => cellsRequest(sheetId, firstRow, from, blocks[run] ?? [])),
          ...runs.flatMap(({ from }, run) => dateFormats(sheetId, firstRow, blocks[run] ?? [], from)),
        ];
  const requests = [
    ...(made === undefined ? [] : [made.request]),
    ...headerRequests(tab, header.slice(tab.header.length)),
    ...inserted,
    ...removed.map(({ id }) => deleteMarkRequest(id)),
    ...markRequests,
  ];
  return { requests, placed, failed, sheetId, usedRows: firstRow + rows.length, growth };
};
