import { type Method, type Opened, openForChange, type SheetsCall } from '../call/call.ts';
import { attempt, commit, draftOf } from '../commit.ts';
import {
  changeRow,
  checkCell,
  checkProtection,
  checkSize,
  checkWithinGrid,
  type Draft,
  editableRows,
  type TabDraft,
  tabById,
} from '../draft.ts';
import { InvalidRequest, invalidArgument } from '../errors.ts';
import { insertRows } from '../requests/dimensions.ts';
import type { SheetsState } from '../state.ts';
import { closedRange, columnName, parseRange, rangeText } from '../workbook/a1.ts';
import { writtenCell } from '../workbook/cell-data.ts';
import type { Cell, GridRange, Workbook } from '../workbook/model.ts';
import { tableWithin } from '../workbook/tables.ts';
import { spreadsheetId } from './spreadsheets.ts';
import { type Found, findRange, majorOf, renderOptions, type ValueRange, valueRangeOf } from './values-read.ts';

type InputOption = 'RAW' | 'USER_ENTERED';

const inputOption = (text: string | undefined): InputOption => {
  if (text === 'RAW' || text === 'USER_ENTERED') return text;
  throw invalidArgument("'valueInputOption' is required but not specified");
};

const checkValues = (values: readonly (readonly unknown[])[], at: string): void => {
  for (const [row, items] of values.entries())
    for (const [column, value] of items.entries())
      if (typeof value === 'object' && value !== null)
        throw invalidArgument(
          `Invalid ${at}[${row}][${column}]: ${Array.isArray(value) ? 'list_value' : 'struct_value'} { }`,
        );
};

const rowsOf = ({ values = [], majorDimension }: ValueRange): unknown[][] => {
  if (majorDimension !== 'COLUMNS') return values;
  const height = values.reduce((most, column) => Math.max(most, column.length), 0);
  return Array.from({ length: height }, (_, row) => values.map((column) => (row < column.length ? column[row] : null)));
};

interface Written {
  tab: TabDraft;
  /** The cells that were written. */
  range: GridRange & { endRowIndex: number; endColumnIndex: number };
  rows: number;
  cells: number;
}

/** Writes values with their first cell at the start of a range that must lie in the grid. */
function writeAt(
  draft: Draft,
  tab: TabDraft,
  start: { row: number; column: number },
  rows: readonly unknown[][],
  option: InputOption,
): Written {
  const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const range = {
    sheetId: tab.id,
    startRowIndex: start.row,
    endRowIndex: start.row + rows.length,
    startColumnIndex: start.column,
    endColumnIndex: start.column + width,
  };
  checkProtection(draft, tab, range);
  let cells = 0;
  for (const [offset, values] of rows.entries()) {
    cells += values.filter((value) => value !== null).length;
    changeRow(tab, start.row + offset, [start.column, start.column + values.length], (old: Cell, column) =>
      checkCell(draft, writtenCell(old, values[column - start.column], option)),
    );
  }
  return { tab, range, rows: rows.length, cells };
}

/** "Requested writing within range …": seen at Google when the values do not fit into the range or the grid. */
function writeInto(
  draft: Draft,
  text: string,
  { tab: stored, range }: Found,
  input: ValueRange,
  option: InputOption,
): Written {
  const tab = tabById(draft, stored.id);
  checkWithinGrid(tab, range);
  const rows = rowsOf(input);
  const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const isCell = range.endRowIndex === range.startRowIndex + 1 && range.endColumnIndex === range.startColumnIndex + 1;
  const lastRow = isCell ? tab.rowCount : Math.min(range.endRowIndex ?? tab.rowCount, tab.rowCount);
  const lastColumn = isCell ? tab.columnCount : Math.min(range.endColumnIndex ?? tab.columnCount, tab.columnCount);
  const within = `Requested writing within range [${text}], but tried writing to`;
  if (range.startRowIndex + rows.length > lastRow) throw new InvalidRequest(`${within} row [${lastRow + 1}]`);
  if (range.startColumnIndex + width > lastColumn)
    throw new InvalidRequest(`${within} column [${columnName(lastColumn)}]`);
  return writeAt(draft, tab, { row: range.startRowIndex, column: range.startColumnIndex }, rows, option);
}

/** `UpdateValuesResponse` */
const updateResponse = (
  fileId: string,
  { tab, range, rows, cells }: Written,
  updatedData?: unknown,
): Record<string, unknown> => ({
  spreadsheetId: fileId,
  updatedRange: rangeText(tab, range),
  updatedRows: rows || undefined,
  updatedColumns: range.endColumnIndex - range.startColumnIndex || undefined,
  updatedCells: cells || undefined,
  updatedData,
});

const checkEchoedRange = (text: string, input: ValueRange): void => {
  if (input.range !== undefined && input.range !== text)
    throw invalidArgument(`Requested writing within range [${text}], but the range of the values is [${input.range}].`);
};

const dataOf = (call: SheetsCall, written: Written, major: string): unknown => {
  const { parameters } = call;
  if (!parameters.flag('includeValuesInResponse')) return undefined;
  const options = renderOptions(
    parameters.text('responseValueRenderOption'),
    parameters.text('responseDateTimeRenderOption'),
  );
  return valueRangeOf(written, major, options);
};

export const valuesUpdate: Method = async (state, call) => {
  const text = call.path.range ?? '';
  const input = (await call.body()) as ValueRange;
  const opened = openForChange(state, call, spreadsheetId(call));
  const option = inputOption(call.parameters.text('valueInputOption'));
  checkEchoedRange(text, input);
  checkValues(input.values ?? [], 'values');
  const draft = draftOf(state, call, opened);
  const found = findRange(draft, text);
  const written = attempt('', () => writeInto(draft, text, found, input, option));
  const file = commit(state, call, opened, draft);
  return updateResponse(file.id, written, dataOf(call, written, majorOf(input.majorDimension)));
};

export const valuesBatchUpdate: Method = async (state, call) => {
  const body = (await call.body()) as {
    valueInputOption?: string;
    data?: ValueRange[];
    includeValuesInResponse?: boolean;
    responseValueRenderOption?: string;
    responseDateTimeRenderOption?: string;
  };
  const { data = [], includeValuesInResponse = false } = body;
  const opened = openForChange(state, call, spreadsheetId(call));
  const option = inputOption(body.valueInputOption);
  const draft = draftOf(state, call, opened);
  const written = data.map((input, index) => {
    checkValues(input.values ?? [], `data[${index}].values`);
    const text = input.range ?? '';
    return attempt(`Invalid data[${index}]: `, () => {
      const found = parseRange(draft as unknown as Workbook, text);
      if (found === undefined) throw new InvalidRequest(`Unable to parse range: ${text}`);
      return writeInto(draft, text, found, input, option);
    });
  });
  const file = commit(state, call, opened, draft);
  const options = renderOptions(body.responseValueRenderOption, body.responseDateTimeRenderOption);
  const sum = (count: (one: Written) => number): number => written.reduce((total, one) => total + count(one), 0);
  return {
    spreadsheetId: file.id,
    totalUpdatedRows: sum(({ rows }) => rows) || undefined,
    totalUpdatedColumns: sum(({ range }) => range.endColumnIndex - range.startColumnIndex) || undefined,
    totalUpdatedCells: sum(({ cells }) => cells) || undefined,
    totalUpdatedSheets: new Set(written.map(({ tab }) => tab.id)).size || undefined,
    responses: written.map((one, index) =>
      updateResponse(
        file.id,
        one,
        includeValuesInResponse ? valueRangeOf(one, majorOf(data[index]?.majorDimension), options) : undefined,
      ),
    ),
  };
};

/**
 * "Values are appended to the next row of the table, starting with the first column of the table" (reference, values.append).
 * OVERWRITE writes over what is below the table; INSERT_ROWS inserts rows for the values.
 */
export const valuesAppend: Method = async (state, call) => {
  const text = call.path.range ?? '';
  const input = (await call.body()) as ValueRange;
  const opened = openForChange(state, call, spreadsheetId(call));
  const option = inputOption(call.parameters.text('valueInputOption'));
  checkValues(input.values ?? [], 'values');
  const draft = draftOf(state, call, opened);
  const { tab: stored, range } = findRange(draft, text);
  const rows = rowsOf(input);
  const { table, written } = attempt('', () => {
    const tab = tabById(draft, stored.id);
    checkWithinGrid(tab, range);
    const area = tableWithin(tab, range);
    const start = { row: area?.endRowIndex ?? range.startRowIndex, column: (area ?? range).startColumnIndex };
    if (call.parameters.text('insertDataOption') === 'INSERT_ROWS' && start.row < tab.rowCount)
      insertRows(draft, tab, start.row, rows.length);
    const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
    tab.rowCount = Math.max(tab.rowCount, start.row + rows.length);
    tab.columnCount = Math.max(tab.columnCount, start.column + width);
    checkSize(draft);
    return {
      table: area === undefined ? undefined : rangeText(tab, area),
      written: writeAt(draft, tab, start, rows, option),
    };
  });
  const file = commit(state, call, opened, draft);
  const updates = updateResponse(file.id, written, dataOf(call, written, majorOf(input.majorDimension)));
  return { spreadsheetId: file.id, tableRange: table, updates };
};

/** "Only values are cleared -- all other properties of the cell … are kept" (reference, values.clear). */
function clear(draft: Draft, { tab: stored, range }: Found): string {
  const tab = tabById(draft, stored.id);
  checkWithinGrid(tab, range);
  const area = closedRange(tab, range);
  checkProtection(draft, tab, area);
  editableRows(tab);
  for (let index = area.startRowIndex; index < Math.min(area.endRowIndex, tab.rows.length); index += 1)
    changeRow(tab, index, [area.startColumnIndex, Math.min(area.endColumnIndex, tab.rows[index]?.length ?? 0)], (old) =>
      writtenCell(old, '', 'RAW'),
    );
  return rangeText(tab, area);
}

const clearAll = (
  state: SheetsState,
  call: SheetsCall,
  opened: Opened,
  texts: readonly string[],
  prefix: (index: number) => string,
): string[] => {
  const draft = draftOf(state, call, opened);
  const cleared = texts.map((text, index) => {
    const found = findRange(draft, text);
    return attempt(prefix(index), () => clear(draft, found));
  });
  commit(state, call, opened, draft);
  return cleared;
};

export const valuesClear: Method = async (state, call) => {
  await call.body();
  const opened = openForChange(state, call, spreadsheetId(call));
  const [clearedRange] = clearAll(state, call, opened, [call.path.range ?? ''], () => '');
  return { spreadsheetId: opened.file.id, clearedRange };
};

export const valuesBatchClear: Method = async (state, call) => {
  const { ranges = [] } = (await call.body()) as { ranges?: string[] };
  const opened = openForChange(state, call, spreadsheetId(call));
  const clearedRanges = clearAll(state, call, opened, ranges, (index) => `Invalid ranges[${index}]: `);
  return { spreadsheetId: opened.file.id, clearedRanges };
};
