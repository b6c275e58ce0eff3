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

const some = <T>(items: readonly T[]): readonly T[] | undefined => (items.length === 0 ? undefined : items);

/** The height of a row and the width of a column of a new sheet, as Google answers them. Other sizes are not modelled. */
const PIXELS = { ROW: 21, COLUMN: 100 };

/** `DimensionProperties` of rows or columns, with their developer metadata. */
function dimensions(
  kind: 'ROW' | 'COLUMN',
  [start, end]: readonly [number, number],
  metadata: readonly Metadata[],
): Record<string, unknown>[] {
  const at = (index: number): readonly Metadata[] =>
    metadata.filter(({ location }) => location.type === kind && location.index === index);
  return Array.from({ length: Math.max(0, end - start) }, (_, offset) => ({
    pixelSize: PIXELS[kind],
    developerMetadata: metadata.length === 0 ? undefined : some(at(start + offset).map(metadataResource)),
  }));
}

/**
 * "The data in the grid, one entry per GridRange" (reference, Sheet.data). Rows after the last one with data are left out.
 * @param metadata that of the tab, or undefined when rows and columns are not to be described
 */
function gridData(tab: Tab, range: GridRange, metadata: readonly Metadata[] | undefined): Record<string, unknown> {
  const { startRowIndex, endRowIndex, startColumnIndex, endColumnIndex } = closedRange(tab, range);
  const rows = tab.rows.slice(startRowIndex, endRowIndex);
  return {
    startRow: startRowIndex || undefined,
    startColumn: startColumnIndex || undefined,
    rowData: rows.map((row) => ({ values: row.slice(startColumnIndex, endColumnIndex).map(cellDataOf) })),
    rowMetadata: metadata && dimensions('ROW', [startRowIndex, endRowIndex], metadata),
    columnMetadata: metadata && dimensions('COLUMN', [startColumnIndex, endColumnIndex], metadata),
  };
}

export interface Viewer {
  email: string;
  app: string;
  isOwner: boolean;
}

const isEditorOf = ({ users, warningOnly }: ProtectedRange, { email, isOwner }: Viewer): boolean =>
  isOwner || warningOnly || users.includes(email);

function sheetResource(
  workbook: Workbook,
  { tab, index }: { tab: Tab; index: number },
  viewer: Viewer,
  { ranges, describesDimensions }: { ranges: readonly GridRange[] | undefined; describesDimensions: boolean },
): Record<string, unknown> {
  const filter = tab.basicFilter;
  const metadata = workbook.metadata.filter(
    (entry) =>
      entry.location.type !== 'SPREADSHEET' && entry.location.sheetId === tab.id && isVisible(entry, viewer.app),
  );
  const own = metadata.filter(({ location }) => location.type === 'SHEET');
  return {
    properties: sheetProperties(tab, index),
    data: ranges
      ?.filter(({ sheetId }) => sheetId === tab.id)
      .map((range) => gridData(tab, range, describesDimensions ? metadata : undefined)),
    merges: some(tab.merges.map(gridRangeResource)),
    protectedRanges: some(tab.protectedRanges.map((range) => protectedRangeResource(range, isEditorOf(range, viewer)))),
    basicFilter: filter === undefined ? undefined : { ...filter, range: gridRangeResource(filter.range) },
    developerMetadata: some(own.map(metadataResource)),
  };
}

interface Selection {
  /** Only sheets that these ranges touch. Undefined: all. */
  ranges?: readonly GridRange[] | undefined;
  includeGridData: boolean;
  /** Whether grid data describes its rows and columns: one object for each, which is much for a large sheet. */
  describesDimensions: boolean;
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
  { ranges, includeGridData, describesDimensions }: Selection,
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
    sheets: shown.map(({ tab, index }) =>
      sheetResource(workbook, { tab, index }, viewer, { ranges: data, describesDimensions }),
    ),
    namedRanges: some(
      namedRanges.map(({ id, name, range }) => ({ namedRangeId: id, name, range: gridRangeResource(range) })),
    ),
    developerMetadata: some(metadata.map(metadataResource)),
    spreadsheetUrl: file.url,
  };
}
