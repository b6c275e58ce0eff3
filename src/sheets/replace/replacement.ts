import { turn } from '../../turns.ts';
import { rowsRange } from '../a1.ts';
import { type Change, createArrange, dateFormats, type Part, rowData, tabRequest } from '../changes/changes.ts';
import { wrongShape } from '../errors.ts';
import { marksOfInterrupted } from '../changes/earlier-rows.ts';
import { createMarkRequest, deleteMarkRequest, freeMarkId, type StoredMark } from '../changes/marks.ts';
import type { Overview, TabOutline } from '../read/overview.ts';
import type { Batch } from '../rows/batches.ts';
import { type Cell, isDateCell } from '../rows/cell.ts';

/** The tab whose values are replaced: the one of a name, else the first that people see. Undefined if it is to be made. */
const findTab = ({ tabs }: Pick<Overview, 'tabs'>, title: string | undefined): TabOutline | undefined => {
  const isWanted = (tab: TabOutline): boolean =>
    title === undefined ? !tab.isHidden : tab.title.toLowerCase() === title.toLowerCase();
  const found = tabs.find(isWanted);
  if (found?.hasCells === false) {
    throw wrongShape('no-grid', 'The tab has no cells.', 'Use a tab with cells, and not one with a chart.');
  }
  return found;
};

/** Cells that are laid out in one turn of the event loop. */
const TURN_CELLS = 5_000;

/** The rows as they will be in the tab, the header first. The columns of a text file are in the order of the file. */
const tableOf = async ({ header, columns, rows }: Batch) => {
  const arrange = createArrange(columns);
  const names: Cell[] = (header.length > 0 ? header : columns).map((name) => (name === '' ? null : name));
  const cells = [names];
  const data = rowData([names]);
  let [width, waiting, hasDates] = [Math.max(1, names.length), 0, false];
  for (const row of rows) {
    const placed = header.length > 0 ? [...row.cells] : arrange(row);
    cells.push(placed);
    data.push(...rowData([placed]));
    width = Math.max(width, placed.length);
    hasDates ||= placed.some(isDateCell);
    waiting += 1 + placed.length;
    if (waiting < TURN_CELLS) continue;
    waiting = 0;
    await turn();
  }
  return { data, width, dates: hasDates ? cells : [] };
};

/** Values in a merged cell would be hidden from people. @throws CourierError `sheet-shape` */
const checkMerges = ({ merges }: TabOutline, rows: number, columns: number): void => {
  const merge = merges.find(
    ({ startRowIndex, startColumnIndex }) => startRowIndex < rows && startColumnIndex < columns,
  );
  if (merge === undefined) return;
  const { startRowIndex, endRowIndex, startColumnIndex, endColumnIndex } = merge;
  const size = `${endRowIndex - startRowIndex} × ${endColumnIndex - startColumnIndex}`;
  throw wrongShape(
    'merged-cells',
    `Cells of the tab are merged where the rows go: ${size} cells from row ${startRowIndex + 1}, column ${startColumnIndex + 1}.`,
    'Unmerge these cells (Format > Merge cells > Unmerge), or use another tab.',
  );
};

/** A grid that is too small is extended. It never shrinks, because formats and charts may refer to its empty cells. */
const extendRequests = ({ sheetId, rowCount, columnCount }: TabOutline, rows: number, columns: number) => {
  const extend = (dimension: 'ROWS' | 'COLUMNS', length: number) =>
    length > 0 ? [{ appendDimension: { sheetId, dimension, length } }] : [];
  return [...extend('ROWS', rows - rowCount), ...extend('COLUMNS', columns - columnCount)];
};

/**
 * Plans one change that replaces all values of a tab, and leaves everything else as it is: formats, notes, filters, charts,
 * protections and the other tabs.
 * @throws CourierError `sheet-shape`
 */
export const planReplacement = async (
  overview: Overview,
  part: Part,
  {
    title,
    newTabOf,
    nowMs,
    marks,
    removed,
    taken,
  }: {
    title: string | undefined;
    newTabOf: { title: string; sheetId: number };
    nowMs: number;
    /** Of the courier, in the spreadsheet. */
    marks: readonly StoredMark[];
    /** Those that are no longer needed. */
    removed: readonly StoredMark[];
    taken: ReadonlySet<number>;
  },
): Promise<Change> => {
  const { batch, key } = part;
  const { data, width, dates } = await tableOf(batch);
  const rows = data.length;
  const existing = findTab(overview, title);
  if (existing !== undefined) checkMerges(existing, rows, width);
  const grid = { rowCount: Math.max(2, rows), columnCount: width };
  const { sheetId, title: name } = existing ?? newTabOf;
  const columnCount = Math.max(existing?.columnCount ?? 0, grid.columnCount);
  const cells =
    Math.max(existing?.rowCount ?? 0, grid.rowCount) * columnCount -
    (existing === undefined ? 0 : existing.rowCount * existing.columnCount);
  const { index, isLast, digest } = batch;
  const startRow = batch.rows.length === 0 ? 0 : 1;
  const size = { rows: batch.rows.length, width };
  const mark = { key, batch: index, isLast, ...size, sheetId, startRow, digest, writtenAtMs: nowMs };
  // The first rows of a delivery that was interrupted are replaced as well. Without their marks, its retry writes all of them.
  const replaced = marksOfInterrupted(marks).filter((one) => one.sheetId === sheetId && !removed.includes(one));
  const range = rowsRange(name, startRow, batch.rows.length, width);
  return {
    requests: [
      ...(existing === undefined ? [tabRequest(newTabOf, grid)] : extendRequests(existing, rows, width)),
      // Cells of the range that the rows do not cover are cleared.
      { updateCells: { range: { sheetId }, rows: data, fields: 'userEnteredValue' } },
      ...dateFormats(sheetId, 0, dates),
      ...[...removed, ...replaced].map(({ id }) => deleteMarkRequest(id)),
      createMarkRequest(freeMarkId(mark, taken), mark),
    ],
    placed: new Map([[part, { mark, tab: name, range, columnsAdded: [] }]]),
    failed: new Map(),
    sheetId,
    usedRows: rows,
    growth: { cells, columnCount },
  };
};
