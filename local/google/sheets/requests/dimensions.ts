import {
  checkProtection,
  checkSize,
  type Draft,
  editableRows,
  moveRanges,
  type TabDraft,
  tabById,
  trimRows,
} from '../draft.ts';
import { InvalidRequest } from '../errors.ts';
import { closedRange } from '../workbook/a1.ts';
import { type Cell, type Dimension, type GridRange, type Metadata, type Row, trimmed } from '../workbook/model.ts';
import { type GivenRange, handler, readRange } from './handler.ts';

interface DimensionRange {
  sheetId?: number;
  dimension?: string;
  startIndex?: number;
  endIndex?: number;
}

const dimensionOf = (text: string | undefined): Dimension => {
  if (text === 'ROWS' || text === 'COLUMNS') return text;
  throw new InvalidRequest('A dimension is required.');
};

const sizeOf = (tab: TabDraft, dimension: Dimension): number => (dimension === 'ROWS' ? tab.rowCount : tab.columnCount);

const resize = (tab: TabDraft, dimension: Dimension, by: number): void => {
  if (dimension === 'ROWS') tab.rowCount += by;
  else tab.columnCount += by;
};

const FIELDS = {
  ROWS: ['startRowIndex', 'endRowIndex', 'ROW'],
  COLUMNS: ['startColumnIndex', 'endColumnIndex', 'COLUMN'],
} as const;

/** How an insertion moves a range: it grows when the insertion is within it. */
const insertedInto = (dimension: Dimension, at: number, count: number) => {
  const [startField, endField] = FIELDS[dimension];
  return (range: GridRange): GridRange => {
    const start = range[startField];
    const end = range[endField];
    return {
      ...range,
      [startField]: start >= at ? start + count : start,
      [endField]: end !== undefined && end > at ? end + count : end,
    };
  };
};

/** How a deletion moves a range. Undefined when nothing of it is left. */
const deletedFrom = (dimension: Dimension, from: number, to: number) => {
  const [startField, endField] = FIELDS[dimension];
  const moved = (index: number): number => (index <= from ? index : Math.max(from, index - (to - from)));
  return (range: GridRange): GridRange | undefined => {
    const end = range[endField];
    const after = {
      ...range,
      [startField]: moved(range[startField]),
      [endField]: end === undefined ? undefined : moved(end),
    };
    return end !== undefined && after[endField] === after[startField] ? undefined : after;
  };
};

/** "The metadata remains associated at those locations as the spreadsheet is edited" (sheets/api/guides/metadata). */
const movedMetadata =
  (tab: TabDraft, dimension: Dimension, moved: (index: number) => number | undefined) =>
  (entry: Metadata): Metadata | undefined => {
    const { location } = entry;
    if (location.type !== FIELDS[dimension][2] || location.sheetId !== tab.id) return entry;
    const index = moved(location.index);
    return index === undefined ? undefined : { ...entry, location: { ...location, index } };
  };

const NO_CELLS: Row = [];

function insertInto(draft: Draft, tab: TabDraft, dimension: Dimension, at: number, count: number): void {
  resize(tab, dimension, count);
  checkSize(draft);
  if (dimension === 'ROWS') {
    if (at < tab.rows.length) {
      const rows = tab.rows;
      tab.rows = rows.slice(0, at).concat(
        Array.from({ length: count }, () => NO_CELLS),
        rows.slice(at),
      );
      tab.ownsRows = true;
    }
  } else {
    const gap = Array.from({ length: count }, (): Cell => null);
    const rows = editableRows(tab);
    for (const [index, row] of rows.entries())
      if (row.length > at) rows[index] = [...row.slice(0, at), ...gap, ...row.slice(at)];
  }
  moveRanges(
    draft,
    tab,
    insertedInto(dimension, at, count),
    movedMetadata(tab, dimension, (index) => (index >= at ? index + count : index)),
  );
}

function deleteFrom(draft: Draft, tab: TabDraft, dimension: Dimension, from: number, to: number): void {
  resize(tab, dimension, from - to);
  if (dimension === 'ROWS') editableRows(tab).splice(from, to - from);
  else {
    const rows = editableRows(tab);
    for (const [index, row] of rows.entries())
      if (row.length > from) rows[index] = trimmed([...row.slice(0, from), ...row.slice(to)]);
  }
  trimRows(tab);
  moveRanges(
    draft,
    tab,
    deletedFrom(dimension, from, to),
    movedMetadata(tab, dimension, (index) => (index < from ? index : index < to ? undefined : index - (to - from))),
  );
}

/** Inserts empty rows before a row. */
export const insertRows = (draft: Draft, tab: TabDraft, at: number, count: number): void =>
  insertInto(draft, tab, 'ROWS', at, count);

export const appendDimension = handler<{ sheetId?: number; dimension?: string; length?: number }>(
  (draft, { sheetId, dimension, length = 0 }) => {
    const tab = tabById(draft, sheetId);
    if (length < 1) throw new InvalidRequest('The length must be positive.');
    resize(tab, dimensionOf(dimension), length);
    checkSize(draft);
    return undefined;
  },
);

const readDimensionRange = (draft: Draft, given: DimensionRange = {}) => {
  const tab = tabById(draft, given.sheetId);
  const dimension = dimensionOf(given.dimension);
  const { startIndex = 0, endIndex = sizeOf(tab, dimension) } = given;
  if (startIndex < 0 || endIndex <= startIndex)
    throw new InvalidRequest(`The range [${startIndex}, ${endIndex}) is empty or negative.`);
  return { tab, dimension, startIndex, endIndex };
};

/** A range of whole rows or columns. */
const stripe = (tab: TabDraft, dimension: Dimension, from: number, to: number): GridRange => ({
  sheetId: tab.id,
  startRowIndex: dimension === 'ROWS' ? from : 0,
  endRowIndex: dimension === 'ROWS' ? to : undefined,
  startColumnIndex: dimension === 'COLUMNS' ? from : 0,
  endColumnIndex: dimension === 'COLUMNS' ? to : undefined,
});

/** New cells are empty: `inheritFromBefore` concerns formats, which are not inherited here. */
export const insertDimension = handler<{ range?: DimensionRange; inheritFromBefore?: boolean }>(
  (draft, { range, inheritFromBefore = false }) => {
    const { tab, dimension, startIndex, endIndex } = readDimensionRange(draft, range);
    if (startIndex > sizeOf(tab, dimension))
      throw new InvalidRequest(
        `range.startIndex[${startIndex}] is after last ${dimension === 'ROWS' ? 'row' : 'column'} in sheet[${sizeOf(tab, dimension)}]`,
      );
    if (inheritFromBefore && startIndex === 0)
      throw new InvalidRequest('inheritFromBefore cannot be true if inserting at the start of the sheet.');
    checkProtection(draft, tab, stripe(tab, dimension, startIndex, startIndex + 1));
    insertInto(draft, tab, dimension, startIndex, endIndex - startIndex);
    return undefined;
  },
);

export const deleteDimension = handler<{ range?: DimensionRange }>((draft, { range }) => {
  const { tab, dimension, startIndex, endIndex } = readDimensionRange(draft, range);
  const size = sizeOf(tab, dimension);
  const what = dimension === 'ROWS' ? 'row' : 'column';
  if (startIndex >= size)
    throw new InvalidRequest(
      `Cannot delete a ${what} that doesn't exist. Tried to delete ${what} index ${startIndex} but there are only ${size} ${what}s.`,
    );
  const end = Math.min(endIndex, size);
  if (end - startIndex >= size)
    throw new InvalidRequest(
      `Sorry, it is not possible to delete all ${what === 'row' ? 'non-frozen rows' : 'columns'}.`,
    );
  checkProtection(draft, tab, stripe(tab, dimension, startIndex, end));
  deleteFrom(draft, tab, dimension, startIndex, end);
  return undefined;
});

interface Shift {
  range?: GivenRange;
  shiftDimension?: string;
}

/** Shifts the cells of some columns down or up, or of some rows right or left. Cells past the grid make it larger. */
function shift(
  draft: Draft,
  tab: TabDraft,
  area: ReturnType<typeof closedRange>,
  dimension: Dimension,
  insert: boolean,
): void {
  const { startRowIndex: top, endRowIndex: bottom, startColumnIndex: left, endColumnIndex: right } = area;
  const rows = editableRows(tab);
  if (dimension === 'COLUMNS') {
    for (let index = top; index < Math.min(bottom, rows.length); index += 1) {
      const row = rows[index] ?? NO_CELLS;
      const gap = Array.from({ length: insert ? right - left : 0 }, (): Cell => null);
      const head = row.slice(0, left);
      while (head.length < left) head.push(null);
      rows[index] = trimmed([...head, ...gap, ...row.slice(insert ? left : right)]);
    }
    tab.columnCount = rows.reduce((most, row) => Math.max(most, row.length), tab.columnCount);
  } else {
    const height = bottom - top;
    const before = tab.rows.slice();
    const last = before.length + (insert ? height : 0);
    for (let index = top; index < last; index += 1) {
      const source = insert
        ? index < bottom
          ? NO_CELLS
          : (before[index - height] ?? NO_CELLS)
        : (before[index + height] ?? NO_CELLS);
      const cells: Cell[] = (before[index] ?? NO_CELLS).slice();
      for (let column = left; column < right; column += 1) {
        while (cells.length < column) cells.push(null);
        cells[column] = source[column] ?? null;
      }
      rows[index] = trimmed(cells);
    }
    trimRows(tab);
    tab.rowCount = Math.max(tab.rowCount, tab.rows.length);
  }
  checkSize(draft);
}

const shiftCells = (insert: boolean) =>
  handler<Shift>((draft, { range: given, shiftDimension }) => {
    const { tab, range } = readRange(draft, given);
    const area = closedRange(tab, range);
    const dimension = dimensionOf(shiftDimension);
    const after = dimension === 'ROWS' ? { endRowIndex: undefined } : { endColumnIndex: undefined };
    checkProtection(draft, tab, { ...area, ...after });
    shift(draft, tab, area, dimension, insert);
    return undefined;
  });

/** Source: reference, InsertRangeRequest and DeleteRangeRequest. Merges and other ranges are not moved by them here. */
export const insertRange = shiftCells(true);
export const deleteRange = shiftCells(false);
