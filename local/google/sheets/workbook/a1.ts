import type { GridRange, Tab, Workbook } from './model.ts';

/** `A`, `Z`, `AA`, … @param index from 0 */
export function columnName(index: number): string {
  let name = '';
  for (let rest = index + 1; rest > 0; rest = Math.floor((rest - 1) / 26))
    name = String.fromCharCode(65 + ((rest - 1) % 26)) + name;
  return name;
}

const columnIndex = (name: string): number =>
  [...name.toUpperCase()].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;

const CORNER = /^\$?([A-Za-z]{1,3})?\$?(\d{1,8})?$/;

interface Corner {
  row: number | undefined;
  column: number | undefined;
}

const cornerOf = (text: string): Corner | undefined => {
  const found = text === '' ? null : CORNER.exec(text);
  if (found === null) return undefined;
  const [, column, row] = found;
  if (row === '0') return undefined;
  return {
    row: row === undefined ? undefined : Number(row) - 1,
    column: column === undefined ? undefined : columnIndex(column),
  };
};

type Cells = Omit<GridRange, 'sheetId'>;

const WHOLE: Cells = {
  startRowIndex: 0,
  endRowIndex: undefined,
  startColumnIndex: 0,
  endColumnIndex: undefined,
};

/** One axis of `first:last`. `A5:A` starts at row 5 and is open. */
const span = (first: number | undefined, last: number | undefined): [number, number | undefined] =>
  first === undefined || last === undefined
    ? [first ?? last ?? 0, undefined]
    : [Math.min(first, last), Math.max(first, last) + 1];

/** `A1`, `A1:B2`, `A:B`, `1:2`, `A5:A`. Undefined for other texts. */
function cellsOf(text: string): Cells | undefined {
  const [first = '', last, ...rest] = text.split(':');
  if (rest.length > 0) return undefined;
  const from = cornerOf(first);
  const to = last === undefined ? from : cornerOf(last);
  if (from === undefined || to === undefined) return undefined;
  // `A` and `1` alone are no ranges.
  if (last === undefined && (from.row === undefined || from.column === undefined)) return undefined;
  const [startRowIndex, endRowIndex] = span(from.row, to.row);
  const [startColumnIndex, endColumnIndex] = span(from.column, to.column);
  return { startRowIndex, endRowIndex, startColumnIndex, endColumnIndex };
}

/** A title in quotes, or one that needs none. */
const TITLED = /^(?:'((?:[^']|'')+)'|([^'!]+))(?:!(.*))?$/s;

/**
 * Finds the range of a text in A1 notation: `Sheet1!A1:B2`, `'My sheet'!A:A`, `A1:B2` (in the first visible tab), `Sheet1`,
 * or the name of a named range. "`A1` refers to the cell A1 of the first visible sheet, whereas `'A1'` refers to all the
 * cells in a sheet named A1"; a named range comes before a sheet of that name. R1C1 notation is not modelled.
 * Source: sheets/api/guides/concepts#expandable-1.
 */
export function parseRange(
  { tabs, namedRanges }: Pick<Workbook, 'tabs' | 'namedRanges'>,
  text: string,
): { tab: Tab; range: GridRange } | undefined {
  const [, quoted, plain = '', inner] = TITLED.exec(text) ?? [];
  const title = quoted?.replaceAll("''", "'");
  const inTab = (tab: Tab | undefined, cells: Cells | undefined) =>
    tab === undefined || cells === undefined ? undefined : { tab, range: { sheetId: tab.id, ...cells } };
  const titled = (name: string): Tab | undefined => tabs.find((tab) => tab.title === name);
  if (inner !== undefined) return inTab(titled(title ?? plain), cellsOf(inner));
  if (title !== undefined) return inTab(titled(title), WHOLE);
  const firstVisible = tabs.find(({ properties }) => properties.hidden !== true);
  const cells = cellsOf(plain);
  if (cells !== undefined) return inTab(firstVisible, cells);
  const named = namedRanges.find(({ name }) => name.toLowerCase() === plain.toLowerCase());
  if (named !== undefined) {
    const tab = tabs.find(({ id }) => id === named.range.sheetId);
    return tab === undefined ? undefined : { tab, range: named.range };
  }
  return inTab(titled(plain), WHOLE);
}

/** Titles are quoted unless they are plain words that cannot be mistaken for a cell. */
export const quotedTitle = (title: string): string =>
  /^[A-Za-z_]\w*$/.test(title) && !/^[A-Za-z]{1,3}\d+$/.test(title) ? title : `'${title.replaceAll("'", "''")}'`;

/** `Sheet1!A1:B2`. Open ends stay open: `T!A1001:B`, `T!AA1:2`, as in Google's error messages. */
export function rangeText(tab: Tab, range: Omit<GridRange, 'sheetId'>): string {
  const { startRowIndex, endRowIndex, startColumnIndex, endColumnIndex } = range;
  const first = `${columnName(startColumnIndex)}${startRowIndex + 1}`;
  const lastColumn = endColumnIndex === undefined ? '' : columnName(Math.max(endColumnIndex - 1, startColumnIndex));
  const lastRow = endRowIndex === undefined ? '' : String(Math.max(endRowIndex, startRowIndex + 1));
  const last = `${lastColumn}${lastRow}`;
  const title = quotedTitle(tab.title);
  if (last === '') return startRowIndex === 0 && startColumnIndex === 0 ? title : `${title}!${first}`;
  return last === first ? `${title}!${first}` : `${title}!${first}:${last}`;
}

/** The range with its open ends replaced by the size of the tab. */
export const closedRange = (
  tab: Tab,
  range: GridRange,
): Required<GridRange> & { endRowIndex: number; endColumnIndex: number } => ({
  ...range,
  endRowIndex: Math.min(range.endRowIndex ?? tab.rowCount, tab.rowCount),
  endColumnIndex: Math.min(range.endColumnIndex ?? tab.columnCount, tab.columnCount),
});

export const intersects = (a: GridRange, b: GridRange): boolean => {
  const overlap = (s1: number, e1 = Number.POSITIVE_INFINITY, s2 = 0, e2 = Number.POSITIVE_INFINITY): boolean =>
    s1 < e2 && s2 < e1;
  return (
    a.sheetId === b.sheetId &&
    overlap(a.startRowIndex, a.endRowIndex, b.startRowIndex, b.endRowIndex) &&
    overlap(a.startColumnIndex, a.endColumnIndex, b.startColumnIndex, b.endColumnIndex)
  );
};
