import {
  changeRow,
  checkCell,
  checkProtection,
  checkSize,
  type Draft,
  editableRows,
  type TabDraft,
  tabById,
} from '../draft.ts';
import { InvalidRequest, notImplemented } from '../errors.ts';
import { readFieldMask } from '../field-mask.ts';
import { closedRange } from '../workbook/a1.ts';
import { type CellData, mergedCell, STORED_FIELDS } from '../workbook/cell-data.ts';
import { type Cell, type GridRange, hasData, type Row, trimmed } from '../workbook/model.ts';
import { type GivenRange, handler, type RequestContext, readRange } from './handler.ts';

interface RowData {
  values?: CellData[];
}

/** Members of `CellData` that a mask may name, but that only Sheets itself sets. */
const COMPUTED = new Set(['effectiveValue', 'formattedValue', 'effectiveFormat', 'hyperlink']);

const pathsOf = ({ discovery }: RequestContext, fields: string | undefined, cells: Iterable<CellData>): string[][] => {
  const paths = readFieldMask(discovery, 'CellData', fields);
  for (const cell of cells)
    for (const name of Object.keys(cell))
      if (!STORED_FIELDS.includes(name) && !COMPUTED.has(name) && paths.some(([first]) => first === name))
        throw notImplemented(`the field ${name} of a cell`);
  return paths;
};

function* cellsIn(rows: readonly RowData[]): Generator<CellData> {
  for (const { values = [] } of rows) yield* values;
}

const mergeInto = (draft: Draft, data: CellData, paths: string[][]) => (old: Cell) =>
  checkCell(draft, mergedCell(old, data, paths));

/** Seen at Google, with indexes from 0. */
const beyond = (what: string, index: number, last: number): InvalidRequest =>
  new InvalidRequest(`Attempting to write ${what}: ${index}, beyond the last requested ${what} of: ${last}`);

function writeRows(
  draft: Draft,
  tab: TabDraft,
  area: GridRange & { endRowIndex: number; endColumnIndex: number },
  rows: readonly RowData[],
  paths: string[][],
): void {
  for (const [offset, { values = [] }] of rows.entries()) {
    const index = area.startRowIndex + offset;
    const end = area.startColumnIndex + values.length;
    if (index >= area.endRowIndex) throw beyond('row', index, area.endRowIndex - 1);
    if (end > area.endColumnIndex) throw beyond('column', end - 1, area.endColumnIndex - 1);
    changeRow(tab, index, [area.startColumnIndex, end], (old, column) =>
      mergeInto(draft, values[column - area.startColumnIndex] ?? {}, paths)(old),
    );
  }
}

/** "If [the range is given and] the rows … don't cover [it], the cells … will be cleared" (reference, UpdateCellsRequest.range). */
function clearRest(
  tab: TabDraft,
  area: ReturnType<typeof closedRange>,
  rows: readonly RowData[],
  paths: string[][],
): void {
  const last = Math.min(area.endRowIndex, tab.rows.length);
  for (let index = area.startRowIndex; index < last; index += 1) {
    const covered = rows[index - area.startRowIndex]?.values?.length ?? 0;
    const start = area.startColumnIndex + covered;
    const end = Math.min(area.endColumnIndex, tab.rows[index]?.length ?? 0);
    if (start < end) changeRow(tab, index, [start, end], (old) => mergedCell(old, {}, paths));
  }
}

/** Source: sheets/api/reference/rest/v4/spreadsheets/request#UpdateCellsRequest. */
export const updateCells = handler<{
  rows?: RowData[];
  fields?: string;
  start?: { sheetId?: number; rowIndex?: number; columnIndex?: number };
  range?: GivenRange;
}>((draft, { rows = [], fields, start, range: given }, context) => {
  const paths = pathsOf(context, fields, cellsIn(rows));
  if (given !== undefined) {
    const { tab, range } = readRange(draft, given);
    const area = closedRange(tab, range);
    checkProtection(draft, tab, area);
    writeRows(draft, tab, area, rows, paths);
    clearRest(tab, area, rows, paths);
    return;
  }
  if (start === undefined) throw new InvalidRequest('Must specify either start or range.');
  const { sheetId = 0, rowIndex = 0, columnIndex = 0 } = start;
  const { tab, range } = readRange(draft, { sheetId, startRowIndex: rowIndex, startColumnIndex: columnIndex });
  const width = rows.reduce((most, { values = [] }) => Math.max(most, values.length), 0);
  checkProtection(draft, tab, { ...range, endRowIndex: rowIndex + rows.length, endColumnIndex: columnIndex + width });
  writeRows(draft, tab, closedRange(tab, range), rows, paths);
});

/** The number of rows up to the last one with data. */
function dataRows({ rows }: { rows: readonly Row[] }): number {
  let count = rows.length;
  while (count > 0 && rows[count - 1]?.some(hasData) !== true) count -= 1;
  return count;
}

/**
 * "Adds new cells after the last row with data in a sheet, inserting new rows into the sheet if necessary" (reference,
 * AppendCellsRequest). The columns must exist.
 */
export const appendCells = handler<{ sheetId?: number; rows?: RowData[]; fields?: string }>(
  (draft, { sheetId, rows = [], fields }, context) => {
    const tab = tabById(draft, sheetId);
    const paths = pathsOf(context, fields, cellsIn(rows));
    const first = dataRows(tab);
    const width = rows.reduce((most, { values = [] }) => Math.max(most, values.length), 0);
    if (width > tab.columnCount) throw beyond('column', width - 1, tab.columnCount - 1);
    const range = {
      sheetId: tab.id,
      startRowIndex: first,
      endRowIndex: first + rows.length,
      startColumnIndex: 0,
      endColumnIndex: width,
    };
    checkProtection(draft, tab, range);
    tab.rowCount = Math.max(tab.rowCount, first + rows.length);
    checkSize(draft);
    const stored = editableRows(tab);
    for (const [offset, { values = [] }] of rows.entries()) {
      const index = first + offset;
      if (stored[index] === undefined || stored[index]?.length === 0)
        stored[index] = trimmed(values.map((data) => mergeInto(draft, data, paths)(null)));
      else
        changeRow(tab, index, [0, values.length], (old, column) => mergeInto(draft, values[column] ?? {}, paths)(old));
    }
    while (stored.length > 0 && stored[stored.length - 1]?.length === 0) stored.pop();
  },
);

/** Source: reference, RepeatCellRequest; the answers for ranges at the edge of the grid were seen at Google. */
export const repeatCell = handler<{ range?: GivenRange; cell?: CellData; fields?: string }>(
  (draft, { range: given, cell = {}, fields }, context) => {
    const { tab, range } = readRange(draft, given);
    const paths = pathsOf(context, fields, [cell]);
    const area = closedRange(tab, range);
    checkProtection(draft, tab, area);
    for (let index = area.startRowIndex; index < area.endRowIndex; index += 1)
      changeRow(tab, index, [area.startColumnIndex, area.endColumnIndex], mergeInto(draft, cell, paths));
  },
);
