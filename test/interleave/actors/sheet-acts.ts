import { type Row, type Tab, plainValue } from '../../../local/google/sheets/workbook/model.ts';
import { SHEET_ACTS, type SheetAct } from '../scenario.ts';
import type { World } from '../world.ts';

const isSheetAct = (act: string): act is SheetAct => SHEET_ACTS.some((known) => known === act);

/** What a person types. No delivery has such rows. */
const HEADER = ['name', 'value'];
const typed = (count: number): string[] => [`typed ${count}`, 'by hand'];

const rowData = (rows: readonly (readonly string[])[]) =>
  rows.map((cells) => ({
    values: cells.map((text) => ({ userEnteredValue: text === '' ? {} : { stringValue: text } })),
  }));

const textsOf = (row: Row): string[] => row.map((cell) => String(plainValue(cell) ?? ''));

/** The requests of one change for an act; undefined if there is nothing to do it to. */
const requestsFor = (act: SheetAct, tab: Tab, count: number): object[] | undefined => {
  const { id: sheetId, rows } = tab;
  const write = (rowIndex: number, texts: readonly (readonly string[])[]) => ({
    updateCells: { start: { sheetId, rowIndex, columnIndex: 0 }, rows: rowData(texts), fields: 'userEnteredValue' },
  });
  const oneRow = { sheetId, dimension: 'ROWS', startIndex: 1, endIndex: 2 };
  const addFirst = { addSheet: { properties: { title: `Other ${count}`, index: 0 } } };
  switch (act) {
    case 'edit-cell': {
      const [name = ''] = textsOf(rows[1] ?? []);
      return rows.length < 2 ? undefined : [write(1, [[name, `edited ${count}`]])];
    }
    case 'type-row': {
      const texts = rows.length === 0 ? [HEADER, typed(count)] : [typed(count)];
      const missing = rows.length + texts.length - tab.rowCount;
      const grow = missing > 0 ? [{ appendDimension: { sheetId, dimension: 'ROWS', length: missing } }] : [];
      return [...grow, write(rows.length, texts)];
    }
    case 'insert-row':
      return rows.length < 2 ? undefined : [{ insertDimension: { range: oneRow } }, write(1, [typed(count)])];
    case 'delete-row':
      return rows.length < 2 ? undefined : [{ deleteDimension: { range: oneRow } }];
    case 'sort': {
      const width = Math.max(...rows.map(({ length }) => length));
      const texts = rows.slice(1).map((row) => [...textsOf(row), ...Array<string>(width - row.length).fill('')]);
      const sorted = texts.toSorted(([one = ''], [other = '']) => other.localeCompare(one));
      return rows.length < 3 ? undefined : [write(1, sorted)];
    }
    case 'rename-tab':
      return [{ updateSheetProperties: { properties: { sheetId, title: `Renamed ${count}` }, fields: 'title' } }];
    case 'move-tab':
      return [addFirst];
    case 'hide-tab':
      return [addFirst, { updateSheetProperties: { properties: { sheetId, hidden: true }, fields: 'hidden' } }];
    case 'delete-tab':
      return [addFirst, { deleteSheet: { sheetId } }];
  }
};

/**
 * The API request for what a person does in a spreadsheet: in the tab of the scenario's deliveries, or the first one.
 * @returns undefined if there is nothing to do it to
 */
export const sheetRequestFor = (
  { drive, history, scenario }: World,
  act: string,
  fileId: string | undefined,
  count: number,
): { method: string; url: string; body: object } | undefined => {
  const id = fileId ?? history.files().find(({ isSheet }) => isSheet)?.id;
  if (!isSheetAct(act) || id === undefined) return undefined;
  const { tabs } = drive.service.state.store.workbooks.get(id);
  const wanted = scenario.deliveries.find(({ tab }) => tab !== undefined)?.tab;
  const tab = tabs.find(({ title }) => title === wanted) ?? tabs[0];
  const requests = tab && requestsFor(act, tab, count);
  if (requests === undefined) return undefined;
  return { method: 'POST', url: `https://sheets.googleapis.com/v4/spreadsheets/${id}:batchUpdate`, body: { requests } };
};
