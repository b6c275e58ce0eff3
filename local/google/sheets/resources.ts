import type { GridRange, Metadata, ProtectedRange, Tab, Workbook } from './workbook/model.ts';
import { cellDataOf } from './workbook/cell-data.ts';
import { closedRange } from './workbook/a1.ts';
import { isVisible } from './metadata/filters.ts';

/** The resources of Sheets v4, as answers show them. Undefined members are not sent. */

export const gridRangeResource = (range: GridRange): Record<string, unknown> => ({
  sheetId: range.sheetId,
  startRowIndex: range.startRowIndex,
  endRowIndex: range.endRowIndex,
  startColumnIndex: range.startColumnIndex,
  endColumnIndex: range.endColumnIndex,
});

export const sheetProperties = (tab: Tab, index: number): Record<string, unknown> => ({
  sheetId: tab.id,
  title: tab.title,
  index,
  sheetType: 'GRID',
  gridProperties: { rowCount: tab.rowCount, columnCount: tab.columnCount, ...tab.gridProperties },
  ...tab.properties,
});

export function metadataResource({ id, key, value, visibility, location }: Metadata): Record<string, unknown> {
  const at = (): Record<string, unknown> => {
    if (location.type === 'SPREADSHEET') return { spreadsheet: true };
    const { sheetId } = location;
    if (location.type === 'SHEET') return { sheetId };
    const { index } = location;
    const dimension = location.type === 'ROW' ? 'ROWS' : 'COLUMNS';
    return { dimensionRange: { sheetId, dimension, startIndex: index, endIndex: index + 1 } };
  };
  return {
    metadataId: id,
    metadataKey: key,
    metadataValue: value,
    location: { locationType: location.type, ...at() },
    visibility,
  };
}

export const protectedRangeResource = (
  { id, range, unprotected, description, warningOnly, users, groups }: ProtectedRange,
  canEdit: boolean,
): Record<string, unknown> => ({
  protectedRangeId: id,
  range: gridRangeResource(range),
  description,
  warningOnly: warningOnly || undefined,
  unprotectedRanges: unprotected.length === 0 ? undefined : unprotected.map(gridRangeResource),
  requestingUserCanEdit: canEdit || undefined,
  editors: canEdit && !warningOnly ? { users, groups: groups.length === 0 ? undefined : groups } : undefined,
});

/** "The data in the grid, one entry per GridRange without a gap" (reference, Sheet.data). Rows after the last with data are left out. */
function gridData(tab: Tab, range: GridRange): Record<string, unknown> {
  const { startRowIndex, endRowIndex, startColumnIndex, endColumnIndex } = closedRange(tab, range);
  const rows = tab.rows.slice(startRowIndex, endRowIndex);
  return {
    startRow: startRowIndex || undefined,
    startColumn: startColumnIndex || undefined,
    rowData: rows.map((row) => ({ values: row.slice(startColumnIndex, endColumnIndex).map(cellDataOf) })),
  };
}

export interface Viewer {
  email: string;
  app: string;
  isOwner: boolean;
}

const isEditorOf = ({ users, warningOnly }: ProtectedRange, { email, isOwner }: Viewer): boolean =>
  isOwner || warningOnly || users.includes(email);

const some = <T>(items: readonly T[]): readonly T[] | undefined => (items.length === 0 ? undefined : items);

function sheetResource(
  workbook: Workbook,
  index: number,
  tab: Tab,
  ranges: readonly GridRange[] | undefined,
  viewer: Viewer,
): Record<string, unknown> {
  const filter = tab.basicFilter;
  const metadata = workbook.metadata.filter(
    (entry) =>
      entry.location.type !== 'SPREADSHEET' &&
      entry.location.type !== 'ROW' &&
      entry.location.type !== 'COLUMN' &&
      entry.location.sheetId === tab.id &&
      isVisible(entry, viewer.app),
  );
  return {
    properties: sheetProperties(tab, index),
    data: ranges?.filter(({ sheetId }) => sheetId === tab.id).map((range) => gridData(tab, range)),
    merges: some(tab.merges.map(gridRangeResource)),
    protectedRanges: some(tab.protectedRanges.map((range) => protectedRangeResource(range, isEditorOf(range, viewer)))),
    basicFilter: filter === undefined ? undefined : { ...filter, range: gridRangeResource(filter.range) },
    developerMetadata: some(metadata.map(metadataResource)),
  };
}

interface Selection {
  /** Only sheets that these ranges touch. Undefined: all. */
  ranges?: readonly GridRange[] | undefined;
  includeGridData: boolean;
}

const wholeTab = ({ id }: Tab): GridRange => ({
  sheetId: id,
  startRowIndex: 0,
  endRowIndex: undefined,
  startColumnIndex: 0,
  endColumnIndex: undefined,
});

/** @param file its ID, name and link */
export function spreadsheetResource(
  file: { id: string; name: string; url: string },
  workbook: Workbook,
  viewer: Viewer,
  { ranges, includeGridData }: Selection,
): Record<string, unknown> {
  const { locale, timeZone, autoRecalc, tabs, namedRanges } = workbook;
  const shown = tabs
    .map((tab, index) => ({ tab, index }))
    .filter(({ tab }) => ranges === undefined || ranges.some(({ sheetId }) => sheetId === tab.id));
  const data = includeGridData ? (ranges ?? tabs.map(wholeTab)) : undefined;
  const metadata = workbook.metadata.filter(
    (entry) => entry.location.type === 'SPREADSHEET' && isVisible(entry, viewer.app),
  );
  return {
    spreadsheetId: file.id,
    properties: { title: file.name, locale, autoRecalc, timeZone },
    sheets: shown.map(({ tab, index }) => sheetResource(workbook, index, tab, data, viewer)),
    namedRanges: some(
      namedRanges.map(({ id, name, range }) => ({ namedRangeId: id, name, range: gridRangeResource(range) })),
    ),
    developerMetadata: some(metadata.map(metadataResource)),
    spreadsheetUrl: file.url,
  };
}
