import { intersects, rangeText } from './workbook/a1.ts';
import { InvalidRequest } from './errors.ts';
import type { SheetsLimits } from './limits.ts';
import {
  type Cell,
  cellCount,
  type GridRange,
  type Metadata,
  type NamedRange,
  type Row,
  type Tab,
  trimmed,
  type Workbook,
} from './workbook/model.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A tab that is being changed. Its rows are shared with the stored one until they are edited. */
export interface TabDraft extends Mutable<Tab> {
  ownsRows: boolean;
}

/** A workbook that is being changed. It replaces the stored one only when all requests of a batch succeeded. */
export interface Draft extends Omit<Mutable<Workbook>, 'tabs'> {
  tabs: TabDraft[];
  /** The new title of the spreadsheet. Undefined when it stays. */
  title: string | undefined;
  limits: SheetsLimits;
  editor: Editor;
}

/** Who is changing it. */
export interface Editor {
  email: string;
  /** The Cloud project. */
  app: string;
  /** Owners may edit every protected range. */
  isOwner: boolean;
  groups: readonly string[];
}

export function openDraft(workbook: Workbook, limits: SheetsLimits, editor: Editor): Draft {
  const tabs = workbook.tabs.map((tab) => ({ ...tab, ownsRows: false }));
  return { ...workbook, tabs, title: undefined, limits, editor };
}

export function closeDraft({ locale, timeZone, autoRecalc, metadata, namedRanges, tabs }: Draft): Workbook {
  const closed = tabs.map(({ ownsRows: _, ...tab }) => tab);
  return { locale, timeZone, autoRecalc, metadata, namedRanges, tabs: closed };
}

/** The rows of a tab, for changes. */
export function editableRows(tab: TabDraft): Row[] {
  if (!tab.ownsRows) {
    tab.rows = tab.rows.slice();
    tab.ownsRows = true;
  }
  return tab.rows as Row[];
}

/** Removes empty rows at the end. */
export function trimRows(tab: TabDraft): void {
  const { rows } = tab;
  let length = rows.length;
  while (length > 0 && rows[length - 1]?.length === 0) length -= 1;
  if (length < rows.length) editableRows(tab).length = length;
}

const NO_CELLS: Row = [];

/** Replaces cells of one row. `change` gets the old cell and its column. The row must be within the grid. */
export function changeRow(
  tab: TabDraft,
  index: number,
  [start, end]: readonly [number, number],
  change: (old: Cell, column: number) => Cell,
): void {
  const rows = editableRows(tab);
  const cells: Cell[] = (rows[index] ?? NO_CELLS).slice();
  for (let column = start; column < end; column += 1) {
    const cell = change(cells[column] ?? null, column);
    if (cell === null && column >= cells.length) continue;
    while (cells.length < column) cells.push(null);
    cells[column] = cell;
  }
  const row = trimmed(cells);
  if (row.length === 0 && index >= rows.length) return;
  while (rows.length < index) rows.push(NO_CELLS);
  rows[index] = row;
}

export function tabById(draft: Draft, sheetId = 0): TabDraft {
  const tab = draft.tabs.find(({ id }) => id === sheetId);
  if (tab === undefined) throw new InvalidRequest(`No sheet with id: ${sheetId}`);
  return tab;
}

/** Seen at Google: a range that starts past the grid is refused, one that only ends past it is not. */
export function checkWithinGrid(tab: Tab, range: GridRange): void {
  if (range.startRowIndex < tab.rowCount && range.startColumnIndex < tab.columnCount) return;
  throw new InvalidRequest(
    `Range (${rangeText(tab, range)}) exceeds grid limits. Max rows: ${tab.rowCount}, max columns: ${tab.columnCount}`,
  );
}

/** Checks the size of the whole spreadsheet after a change of a grid. */
export function checkSize(draft: Draft): void {
  const { cellsPerSpreadsheet, columnsPerSheet } = draft.limits;
  if (cellCount(draft) > cellsPerSpreadsheet)
    throw new InvalidRequest(
      `This action would increase the number of cells in the workbook above the limit of ${cellsPerSpreadsheet} cells.`,
    );
  if (draft.tabs.some(({ columnCount }) => columnCount > columnsPerSheet))
    throw new InvalidRequest(
      `This action would increase the number of columns in the sheet above the limit of ${columnsPerSheet} columns.`,
    );
}

/**
 * Checks that the editor may change these cells. Seen at Google: 400 with this message
 * (https://github.com/theoephraim/node-google-spreadsheet/pull/20).
 */
export function checkProtection(draft: Draft, tab: Tab, range: GridRange): void {
  const { email, isOwner, groups } = draft.editor;
  if (isOwner) return;
  const stops = tab.protectedRanges.some(
    (protection) =>
      !protection.warningOnly &&
      intersects(protection.range, range) &&
      !protection.unprotected.some((open) => contains(open, range)) &&
      !protection.users.includes(email) &&
      !protection.groups.some((group) => groups.includes(group)),
  );
  if (stops)
    throw new InvalidRequest(
      'You are trying to edit a protected cell or object. Please contact the spreadsheet owner to remove protection if you need to edit.',
    );
}

const end = (index: number | undefined): number => index ?? Number.POSITIVE_INFINITY;

const contains = (outer: GridRange, inner: GridRange): boolean =>
  outer.startRowIndex <= inner.startRowIndex &&
  outer.startColumnIndex <= inner.startColumnIndex &&
  end(outer.endRowIndex) >= end(inner.endRowIndex) &&
  end(outer.endColumnIndex) >= end(inner.endColumnIndex);

export function checkCell(draft: Draft, cell: Cell): Cell {
  const text = typeof cell === 'object' && cell !== null ? (cell.formula ?? cell.value) : cell;
  const { charactersPerCell } = draft.limits;
  if (typeof text === 'string' && text.length > charactersPerCell)
    throw new InvalidRequest(
      `Your input contains more than the maximum of ${charactersPerCell} characters in a single cell.`,
    );
  return cell;
}

/** Changes every range and every location of a tab that its rows or columns move. */
export function moveRanges(
  draft: Draft,
  tab: TabDraft,
  moved: (range: GridRange) => GridRange | undefined,
  movedMetadata: (entry: Metadata) => Metadata | undefined,
): void {
  const kept = <T extends { readonly range: GridRange }>(items: readonly T[]): T[] =>
    items.flatMap((item) => {
      if (item.range.sheetId !== tab.id) return [item];
      const range = moved(item.range);
      return range === undefined ? [] : [{ ...item, range }];
    });
  tab.merges = tab.merges.flatMap((merge) => moved(merge) ?? []);
  tab.protectedRanges = kept(tab.protectedRanges);
  tab.basicFilter = tab.basicFilter === undefined ? undefined : kept([tab.basicFilter])[0];
  draft.namedRanges = kept<NamedRange>(draft.namedRanges);
  draft.metadata = draft.metadata.flatMap((entry) => movedMetadata(entry) ?? []);
}
