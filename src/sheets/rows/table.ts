import { CourierError } from '../../errors.ts';
import { normalized } from '../../text/unicode/normal-form.ts';
import { type Cell, MAX_CELL_CHARACTERS } from './cell.ts';

/** One row of a table. Rows with the same columns share the array of their names. */
export interface Row {
  columns: readonly string[];
  cells: readonly Cell[];
}

/** The columns of a table before its first row: a table without rows has columns too. */
export type RowOrHeader = Row | { columns: readonly string[]; cells: undefined };

/** Sheets has at most this many columns in a tab (https://support.google.com/drive/answer/37603). */
export const MAX_COLUMNS = 18_278;

export const invalidTable = (detail: string, remedy?: string): CourierError =>
  new CourierError('request-invalid', { detail, remedy });

/** The form in which names of columns are compared. */
export const columnName = (text: string): string => normalized(text).trim();

export const tooWide = (): CourierError =>
  invalidTable(`The table has more than ${MAX_COLUMNS} columns, the maximum of a sheet.`);

/** @throws CourierError `request-invalid` for more cells than a sheet has columns */
export const checkWidth = <Row extends readonly unknown[]>(row: Row): Row => {
  if (row.length > MAX_COLUMNS) throw tooWide();
  return row;
};

/** Checks the names of a table's columns. @throws CourierError `request-invalid` */
export const checkColumns = (names: readonly string[]): readonly string[] => {
  const columns = checkWidth(names.map(columnName));
  const empty = columns.indexOf('');
  if (empty !== -1) {
    throw invalidTable(
      `Column ${empty + 1} of the table has no name.`,
      'Name every column in the first row: rows are put into the columns of the same names.',
    );
  }
  const seen = new Set<string>();
  for (const name of columns) {
    if (seen.has(name)) throw invalidTable(`The table has two columns named ${JSON.stringify(name.slice(0, 100))}.`);
    seen.add(name);
  }
  return columns;
};

/** Checks one cell. @throws CourierError `request-invalid` */
export const checkCell = (cell: Cell, row: number): Cell => {
  if (typeof cell === 'string' && cell.length > MAX_CELL_CHARACTERS) {
    throw invalidTable(`A cell in row ${row} has more than ${MAX_CELL_CHARACTERS} characters.`);
  }
  return cell;
};
