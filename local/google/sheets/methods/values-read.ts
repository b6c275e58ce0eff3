import { type Method, openSpreadsheet, type SheetsCall } from '../call/call.ts';
import { attempt } from '../commit.ts';
import { checkWithinGrid, type Draft } from '../draft.ts';
import { cannotParse, InvalidRequest } from '../errors.ts';
import { closedRange, parseRange, rangeText } from '../workbook/a1.ts';
import { type GridRange, hasData, type Tab, type Workbook } from '../workbook/model.ts';
import { type RenderOptions, renderedValue } from '../workbook/rendered.ts';
import { spreadsheetId } from './spreadsheets.ts';

export interface ValueRange {
  range?: string;
  majorDimension?: string;
  values?: unknown[][];
}

export interface Found {
  tab: Tab;
  range: GridRange;
}

/** @throws ApiError 400 */
export function findRange(workbook: Workbook | Draft, text: string): Found {
  const found = parseRange(workbook as Workbook, text);
  if (found === undefined) throw cannotParse(text);
  return found;
}

/** Whether a range that ends past the grid can be read is not known, so it is refused here, like one that starts there. */
function checkReadable({ tab, range }: Found): void {
  checkWithinGrid(tab, range);
  if ((range.endRowIndex ?? 0) <= tab.rowCount && (range.endColumnIndex ?? 0) <= tab.columnCount) return;
  throw new InvalidRequest(
    `Range (${rangeText(tab, range)}) exceeds grid limits. Max rows: ${tab.rowCount}, max columns: ${tab.columnCount}`,
  );
}

const withoutEmptyEnd = <T>(items: T[], isEmpty: (item: T) => boolean): T[] => {
  let length = items.length;
  while (length > 0 && isEmpty(items[length - 1] as T)) length -= 1;
  return items.slice(0, length);
};

const transposed = (rows: unknown[][]): unknown[][] => {
  const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
  return Array.from({ length: width }, (_, column) =>
    withoutEmptyEnd(
      rows.map((row) => row[column] ?? ''),
      (value) => value === '',
    ),
  );
};

/** "Empty trailing rows and columns are omitted" (reference, ValueRange.values). */
export function valueRangeOf(found: Found, majorDimension: string, options: RenderOptions): Record<string, unknown> {
  const { tab, range } = found;
  const { startRowIndex, endRowIndex, startColumnIndex, endColumnIndex } = closedRange(tab, range);
  const rows = tab.rows.slice(startRowIndex, endRowIndex).map((row) => {
    const cells = row.slice(startColumnIndex, endColumnIndex);
    return withoutEmptyEnd(cells.slice(), (cell) => !hasData(cell)).map((cell) => renderedValue(cell, options));
  });
  const filled = withoutEmptyEnd<unknown[]>(rows, (row) => row.length === 0);
  const values = majorDimension === 'COLUMNS' ? transposed(filled) : filled;
  return {
    range: rangeText(tab, closedRange(tab, range)),
    majorDimension,
    values: values.length === 0 ? undefined : values,
  };
}

export const majorOf = (text: string | undefined): string => (text === 'COLUMNS' ? 'COLUMNS' : 'ROWS');

export const renderOptions = (value: string | undefined, dateTime: string | undefined): RenderOptions => ({
  value: value === 'UNFORMATTED_VALUE' || value === 'FORMULA' ? value : 'FORMATTED_VALUE',
  dateTime: dateTime === 'FORMATTED_STRING' ? dateTime : 'SERIAL_NUMBER',
});

const readOptions = ({ parameters }: SheetsCall): RenderOptions =>
  renderOptions(parameters.text('valueRenderOption'), parameters.text('dateTimeRenderOption'));

const read = (workbook: Workbook, call: SheetsCall, text: string): Record<string, unknown> => {
  const found = findRange(workbook, text);
  attempt('', () => checkReadable(found));
  return valueRangeOf(found, majorOf(call.parameters.text('majorDimension')), readOptions(call));
};

export const valuesGet: Method = (state, call) => {
  const { file } = openSpreadsheet(state, call, spreadsheetId(call));
  return read(state.workbooks.get(file.id), call, call.path.range ?? '');
};

export const valuesBatchGet: Method = (state, call) => {
  const { file } = openSpreadsheet(state, call, spreadsheetId(call));
  const workbook = state.workbooks.get(file.id);
  return {
    spreadsheetId: file.id,
    valueRanges: call.parameters.list('ranges').map((text) => read(workbook, call, text)),
  };
};
