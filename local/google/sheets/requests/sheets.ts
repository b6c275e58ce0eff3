import { checkSize, type Draft, editableRows, type TabDraft, tabById, trimRows } from '../draft.ts';
import { InvalidRequest } from '../errors.ts';
import { readFieldMask } from '../field-mask.ts';
import { sheetProperties } from '../resources.ts';
import { newTab } from '../workbook/model.ts';
import { freshId, handler } from './handler.ts';

interface SheetProperties extends Record<string, unknown> {
  sheetId?: number;
  title?: string;
  index?: number;
  sheetType?: string;
  gridProperties?: Record<string, unknown> & { rowCount?: number; columnCount?: number };
}

const MAX_TITLE = 100;

const checkTitle = ({ tabs }: Draft, title: string, own?: TabDraft): string => {
  if (title === '' || title.length > MAX_TITLE)
    throw new InvalidRequest('The sheet name must have 1 to 100 characters.');
  if (tabs.some((tab) => tab !== own && tab.title.toLowerCase() === title.toLowerCase()))
    throw new InvalidRequest(`A sheet with the name "${title}" already exists. Please enter another name.`);
  return title;
};

/** Without a title, a new sheet is `Sheet2`, `Sheet3`, … */
const freeTitle = ({ tabs }: Draft): string => {
  const taken = new Set(tabs.map(({ title }) => title.toLowerCase()));
  let number = tabs.length + 1;
  while (taken.has(`sheet${number}`)) number += 1;
  return `Sheet${number}`;
};

const checkCount = (count: number | undefined, what: string): void => {
  if (count !== undefined && count < 1) throw new InvalidRequest(`You can't have a sheet without ${what}.`);
};

const without = (object: Record<string, unknown>, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([name, value]) => !names.includes(name) && value !== undefined));

/** Members with fields of their own in a tab, or that the API computes. */
const OWN = ['sheetId', 'title', 'index', 'sheetType', 'gridProperties', 'dataSourceSheetProperties'];

/** A tab with the given properties, as for addSheet and spreadsheets.create. */
export function addTab(draft: Draft, properties: SheetProperties, random: () => number, index: number): TabDraft {
  const { sheetId, title, sheetType = 'GRID', gridProperties = {} } = properties;
  if (sheetType !== 'GRID') throw new InvalidRequest(`Sheets of the type ${sheetType} cannot be added here.`);
  const isTaken = (id: number): boolean => draft.tabs.some((tab) => tab.id === id);
  if (sheetId !== undefined && sheetId < 0) throw new InvalidRequest('The sheet id must not be negative.');
  if (sheetId !== undefined && isTaken(sheetId)) throw new InvalidRequest(`Sheet id ${sheetId} is already in use.`);
  const { rowCount, columnCount } = gridProperties;
  checkCount(rowCount, 'rows');
  checkCount(columnCount, 'columns');
  const tab: TabDraft = {
    ...newTab(sheetId ?? freshId(random, isTaken), title === undefined ? freeTitle(draft) : checkTitle(draft, title), {
      ...(rowCount === undefined ? {} : { rowCount }),
      ...(columnCount === undefined ? {} : { columnCount }),
    }),
    properties: without(properties, OWN),
    gridProperties: without(gridProperties, ['rowCount', 'columnCount']),
    ownsRows: false,
  };
  draft.tabs.splice(index, 0, tab);
  checkSize(draft);
  return tab;
}

export const addSheet = handler<{ properties?: SheetProperties }>((draft, { properties = {} }, { random }) => {
  const { index = draft.tabs.length } = properties;
  if (index < 0 || index > draft.tabs.length) throw new InvalidRequest(`The index ${index} is out of bounds.`);
  const tab = addTab(draft, properties, random, index);
  return { addSheet: { properties: sheetProperties(tab, draft.tabs.indexOf(tab)) } };
});

/** Metadata, named ranges, protections and filters of a sheet end with it. */
export const deleteSheet = handler<{ sheetId?: number }>((draft, { sheetId }) => {
  const tab = tabById(draft, sheetId);
  if (!draft.tabs.some((other) => other !== tab && other.properties.hidden !== true))
    throw new InvalidRequest("You can't remove all the visible sheets in a document.");
  draft.tabs = draft.tabs.filter((other) => other !== tab);
  draft.namedRanges = draft.namedRanges.filter(({ range }) => range.sheetId !== tab.id);
  draft.metadata = draft.metadata.filter(
    ({ location }) => location.type === 'SPREADSHEET' || location.sheetId !== tab.id,
  );
  return undefined;
});

/** Sets the size of the grid. Cells outside are lost. */
function resize(draft: Draft, tab: TabDraft, rowCount: number, columnCount: number): void {
  checkCount(rowCount, 'rows');
  checkCount(columnCount, 'columns');
  Object.assign(tab, { rowCount, columnCount });
  checkSize(draft);
  if (tab.rows.length > rowCount) editableRows(tab).length = rowCount;
  if (tab.rows.some((row) => row.length > columnCount)) {
    const rows = editableRows(tab);
    for (const [index, row] of rows.entries()) if (row.length > columnCount) rows[index] = row.slice(0, columnCount);
  }
  trimRows(tab);
}

function moveTab(draft: Draft, tab: TabDraft, index: number): void {
  if (index < 0 || index > draft.tabs.length) throw new InvalidRequest(`The index ${index} is out of bounds.`);
  const from = draft.tabs.indexOf(tab);
  draft.tabs.splice(from, 1);
  // The index counts the sheets before the move (reference, SheetProperties.index).
  draft.tabs.splice(index > from ? index - 1 : index, 0, tab);
}

function updateGrid(
  draft: Draft,
  tab: TabDraft,
  given: SheetProperties['gridProperties'] = {},
  name: string | undefined,
): void {
  const has = (field: string): boolean => name === undefined || name === field;
  const rowCount = has('rowCount') ? (given.rowCount ?? (name === undefined ? tab.rowCount : 0)) : tab.rowCount;
  const columnCount = has('columnCount')
    ? (given.columnCount ?? (name === undefined ? tab.columnCount : 0))
    : tab.columnCount;
  if (rowCount !== tab.rowCount || columnCount !== tab.columnCount) resize(draft, tab, rowCount, columnCount);
  const rest = without(given, ['rowCount', 'columnCount']);
  if (name === undefined) tab.gridProperties = rest;
  else if (name !== 'rowCount' && name !== 'columnCount')
    tab.gridProperties = {
      ...without(tab.gridProperties, [name]),
      ...(given[name] === undefined ? {} : { [name]: given[name] }),
    };
}

/** Source: reference, UpdateSheetPropertiesRequest. */
export const updateSheetProperties = handler<{ properties?: SheetProperties; fields?: string }>(
  (draft, { properties = {}, fields }, { discovery }) => {
    const tab = tabById(draft, properties.sheetId);
    const isAll = fields?.trim() === '*';
    for (const [name = '', inner] of readFieldMask(discovery, 'SheetProperties', fields)) {
      if (name === 'sheetId' || name === 'sheetType' || name === 'dataSourceSheetProperties') {
        if (isAll) continue;
        throw new InvalidRequest(`The field ${name} cannot be changed.`);
      }
      if (name === 'title') tab.title = checkTitle(draft, properties.title ?? '', tab);
      else if (name === 'index') {
        if (!isAll || properties.index !== undefined) moveTab(draft, tab, properties.index ?? 0);
      } else if (name === 'gridProperties') updateGrid(draft, tab, properties.gridProperties, inner);
      else
        tab.properties = {
          ...without(tab.properties, [name]),
          ...(properties[name] === undefined ? {} : { [name]: properties[name] }),
        };
    }
    return undefined;
  },
);

/** Source: reference, UpdateSpreadsheetPropertiesRequest. Formats and themes are not modelled. */
export const updateSpreadsheetProperties = handler<{ properties?: Record<string, string>; fields?: string }>(
  (draft, { properties = {}, fields }, { discovery }) => {
    for (const [name = ''] of readFieldMask(discovery, 'SpreadsheetProperties', fields)) {
      const value = properties[name];
      if (name === 'title') draft.title = value ?? '';
      else if (name === 'locale' || name === 'timeZone' || name === 'autoRecalc') {
        if (value !== undefined) draft[name] = value;
      } else if (value !== undefined) throw new InvalidRequest(`The field ${name} cannot be changed here.`);
    }
    return undefined;
  },
);
