import type { Cell as WrittenCell } from 'write-excel-file/node';
import { serialOf } from './entered.ts';
import {
  type Cell,
  DEFAULT_GRID,
  isRich,
  newTab,
  newWorkbook,
  type Row,
  type Tab,
  trimmed,
  type Workbook,
} from './model.ts';

const dateCell = (date: Date): Cell => {
  const serial = serialOf(date.getTime());
  const isDay = Number.isInteger(serial);
  const numberFormat = isDay
    ? { type: 'DATE', pattern: 'yyyy-mm-dd' }
    : { type: 'DATE_TIME', pattern: 'yyyy-mm-dd h:mm:ss' };
  return { value: serial, format: { numberFormat } };
};

const importedCell = (value: string | number | boolean | typeof Date | Date | null): Cell => {
  if (value instanceof Date) return dateCell(value);
  return typeof value === 'function' || value === '' ? null : value;
};

/**
 * The workbook that an Excel file is converted to: the values of all its sheets. Formulas become their last values, and only
 * dates keep a format.
 * @throws Error when the bytes are no Excel file
 */
export async function workbookFromXlsx(bytes: Buffer): Promise<Workbook> {
  const { default: readExcelFile } = await import('read-excel-file/node');
  const sheets = await readExcelFile(bytes);
  const tabs = sheets.map(({ sheet, data }, index): Tab => {
    const rows: Row[] = data.map((cells) => trimmed(cells.map(importedCell)));
    while (rows.length > 0 && rows[rows.length - 1]?.length === 0) rows.pop();
    const columns = rows.reduce((most, row) => Math.max(most, row.length), 0);
    const grid = {
      rowCount: Math.max(rows.length, DEFAULT_GRID.rowCount),
      columnCount: Math.max(columns, DEFAULT_GRID.columnCount),
    };
    return { ...newTab(index, sheet, grid), rows };
  });
  return newWorkbook(tabs);
}

const exportedCell = (cell: Cell): WrittenCell => {
  if (cell === null) return null;
  if (!isRich(cell)) return cell;
  if (cell.formula !== undefined) return { type: 'Formula', value: cell.formula };
  if (cell.value === undefined) return null;
  const { pattern } = (cell.format?.numberFormat ?? {}) as { pattern?: string };
  return typeof cell.value === 'number' && pattern !== undefined ? { value: cell.value, format: pattern } : cell.value;
};

/** Excel's titles have at most 31 characters, without some that Sheets allows. */
const excelTitle = (title: string, index: number): string =>
  title
    .replace(/[\\/?*[\]:]/g, ' ')
    .slice(0, 31)
    .trim() || `Sheet${index + 1}`;

/** All tabs as an Excel file: values, formulas, and the formats of numbers. */
export async function xlsxOf({ tabs }: Workbook): Promise<Buffer> {
  const { default: writeExcelFile } = await import('write-excel-file/node');
  const sheets = tabs.map(({ title, rows }, index) => ({
    sheet: excelTitle(title, index),
    data: rows.map((row) => row.map(exportedCell)),
  }));
  return writeExcelFile(sheets).toBuffer();
}
