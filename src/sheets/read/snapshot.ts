import { z } from 'zod';
import { CourierError } from '../../errors.ts';
import { quotedTab } from '../a1.ts';
import type { SheetsClient } from '../client.ts';
import { parseAnswer, wrongShape } from '../errors.ts';
import { type ForeignMetadata, foreignOf, marksOf, metadataList, type StoredMark } from '../changes/marks.ts';
import { columnName } from '../rows/table.ts';
import type { SheetsContext } from '../sheets.ts';
import { type Overview, readOverview } from './overview.ts';

/** A tab as it is now. Counts and indexes are those of the grid, with the header in row 0. */
export interface Tab {
  sheetId: number;
  title: string;
  rowCount: number;
  columnCount: number;
  /** Names of the columns; empty if the whole tab is. */
  header: readonly string[];
  /** Rows up to the last one with a visible value. */
  usedRows: number;
}

export interface Snapshot {
  /** Undefined if there is no such tab, or if no rows can be appended to it. */
  tab: Tab | undefined;
  /** Why no rows can be appended to the tab. */
  wrongShape?: CourierError | undefined;
  /** Ids of all tabs, if there is no such tab. */
  sheetIds: readonly number[];
  /** Every mark of the courier in the spreadsheet. */
  marks: readonly StoredMark[];
  foreign: ForeignMetadata;
}

const properties = z.object({
  sheetId: z.number().default(0),
  title: z.string(),
  sheetType: z.string().default('GRID'),
  gridProperties: z.object({ rowCount: z.number().default(0), columnCount: z.number().default(0) }).prefault({}),
});
const merge = z.object({ startRowIndex: z.number().default(0) });
const data = z.object({
  startRow: z.number().default(0),
  rowData: z
    .array(z.object({ values: z.array(z.object({ formattedValue: z.string().default('') })).default([]) }))
    .default([]),
});
const spreadsheet = z.object({
  sheets: z
    .array(z.object({ properties, merges: z.array(merge).default([]), data: z.array(data).default([]) }))
    .default([]),
  developerMetadata: metadataList,
});
type Spreadsheet = z.output<typeof spreadsheet>;

const FIELDS = [
  'sheets(properties(sheetId,title,sheetType,gridProperties(rowCount,columnCount)),merges(startRowIndex)',
  'data(startRow,rowData(values(formattedValue))))',
  'developerMetadata(metadataId,metadataKey,metadataValue)',
].join();

const get = async (
  client: SheetsClient,
  id: string,
  ranges: readonly string[],
  context: SheetsContext,
): Promise<Spreadsheet> => {
  const query = [...ranges.map((range) => ['ranges', range] as const), ['fields', FIELDS] as const];
  const answer = await client.get(id, query, context);
  return parseAnswer(() => spreadsheet.parse(answer));
};

/** The names in the first row, without the empty cells at its end. @throws CourierError `sheet-shape` */
const headerOf = (cells: readonly string[], isMerged: boolean): string[] => {
  const names = cells.map(columnName);
  while (names.at(-1) === '') names.pop();
  if (isMerged) {
    throw wrongShape('merged-header', 'Cells in the first row of the tab are merged.');
  }
  const empty = names.indexOf('');
  if (empty !== -1) throw wrongShape('empty-header', `Column ${empty + 1} of the tab has no name in the first row.`);
  if (new Set(names).size < names.length) {
    throw wrongShape('duplicate-header', 'Two columns of the tab have the same name in the first row.');
  }
  return names;
};

type Block = z.output<typeof data>;

const valuesOf = (block: Block | undefined, row: number): string[] =>
  (block?.rowData[row]?.values ?? []).map(({ formattedValue }) => formattedValue);

/** The number of rows up to the last one with a visible value in a block; 0 if it has none. */
const usedIn = ({ startRow, rowData }: Block): number => {
  const last = rowData.findLastIndex(({ values }) => values.some(({ formattedValue }) => formattedValue !== ''));
  return last === -1 ? 0 : startRow + last + 1;
};

/** How many rows are read at once to find the last one with data; empty rows are almost nothing in an answer. */
const FIRST_WINDOW = 1_000;
const MAX_WINDOW = 50_000;

/** Searches upwards from a row that has no data below it. */
const searchUp = async (
  client: SheetsClient,
  id: string,
  { title, end }: { title: string; end: number },
  context: SheetsContext,
): Promise<number> => {
  let size = FIRST_WINDOW;
  for (let to = end; to > 0; ) {
    const from = Math.max(0, to - size);
    const { sheets } = await get(client, id, [`${quotedTab(title)}!${from + 1}:${to}`], context);
    const used = Math.max(0, ...(sheets[0]?.data ?? []).map(usedIn));
    if (used > 0) return used;
    to = from;
    size = Math.min(MAX_WINDOW, size * 2);
  }
  return 0;
};

/** Where the last row with data was a moment ago, which saves a search. */
export interface TabHint {
  sheetId: number;
  usedRows: number;
}

const isUnknownRange = (error: unknown): boolean =>
  error instanceof CourierError && error.code === 'sheet-shape' && error.reason === 'refused';

/** Titles of tabs are compared without their case, as Sheets does. */
const findTitle = ({ tabs }: Overview, wanted: string): string | undefined =>
  tabs.find(({ title }) => title.toLowerCase() === wanted.toLowerCase())?.title;

/** The header of a tab, the rows from a hint on, and the marks. Undefined without such a tab, or past the end of the grid. */
const tryRanges = async (
  client: SheetsClient,
  id: string,
  { title, from }: { title: string | undefined; from: number | undefined },
  context: SheetsContext,
): Promise<Spreadsheet | undefined> => {
  const tab = title === undefined ? '' : `${quotedTab(title)}!`;
  const ranges = [`${tab}1:1`, ...(from === undefined ? [] : [`${tab}A${from}:ZZZ`])];
  try {
    return await get(client, id, ranges, context);
  } catch (error) {
    if (isUnknownRange(error)) return undefined;
    throw error;
  }
};

const metadataIn = (metadata: Overview['metadata']): Pick<Snapshot, 'marks' | 'foreign'> => ({
  marks: marksOf(metadata),
  foreign: foreignOf(metadata),
});

const newestHint = (marks: readonly StoredMark[], sheetId: number): number => {
  const [newest] = marks.filter((mark) => mark.sheetId === sheetId).sort((a, b) => b.writtenAtMs - a.writtenAtMs);
  return newest === undefined ? 0 : newest.startRow + newest.rows;
};

/** The answer that describes a tab. `from` is the first row that was read besides the header; undefined if none was. */
interface TabAnswer {
  answer: Spreadsheet | undefined;
  from: number | undefined;
}

/** The tab to read. */
interface WantedTab {
  /** Undefined: the first visible one. */
  title: string | undefined;
  /** If there is one, the tab with this id. It was called `title` a moment ago. */
  sheetId?: number | undefined;
  hint: TabHint | undefined;
}

/** As `readTab`, for the tab of an id, which people may have renamed. */
const readTabOfId = async (
  client: SheetsClient,
  id: string,
  { title, sheetId, hint }: WantedTab,
  context: SheetsContext,
): Promise<TabAnswer | { missingIn: Overview }> => {
  const from = hint?.sheetId === sheetId ? Math.max(1, hint?.usedRows ?? 0) : undefined;
  const answer = await tryRanges(client, id, { title, from }, context);
  if (answer?.sheets[0]?.properties.sheetId === sheetId) return { answer, from };
  const overview = await readOverview(client, id, context);
  const actual = overview.tabs.find((tab) => tab.sheetId === sheetId)?.title;
  if (actual === undefined) return { missingIn: overview };
  const renamed = await tryRanges(client, id, { title: actual, from: undefined }, context);
  const isSame = renamed?.sheets[0]?.properties.sheetId === sheetId;
  return isSame ? { answer: renamed, from: undefined } : { missingIn: overview };
};

/** Reads the header of a tab, and with a hint the rows from there on. Titles are found in any case. */
const readTab = async (
  client: SheetsClient,
  id: string,
  wanted: WantedTab,
  context: SheetsContext,
): Promise<TabAnswer | { missingIn: Overview }> => {
  const { title, sheetId, hint } = wanted;
  if (sheetId !== undefined) return readTabOfId(client, id, wanted, context);
  const read = (name: string | undefined, from?: number) => tryRanges(client, id, { title: name, from }, context);
  if (hint !== undefined) {
    const from = Math.max(1, hint.usedRows);
    const hinted = await read(title, from);
    if (hinted?.sheets[0]?.properties.sheetId === hint.sheetId) return { answer: hinted, from };
  }
  const answer = await read(title);
  if (answer !== undefined || title === undefined) return { answer, from: undefined };
  const overview = await readOverview(client, id, context);
  const actual = findTitle(overview, title);
  return actual === undefined ? { missingIn: overview } : { answer: await read(actual), from: undefined };
};

type Sheet = Spreadsheet['sheets'][number];

/** The rows up to the last one with data. */
const usedRowsOf = async (
  client: SheetsClient,
  id: string,
  { sheet, from, marks }: { sheet: Sheet; from: number | undefined; marks: readonly StoredMark[] },
  context: SheetsContext,
): Promise<number> => {
  const { sheetId, title, gridProperties } = sheet.properties;
  if (from !== undefined) {
    const used = Math.max(0, ...sheet.data.slice(1).map(usedIn));
    return used > 0 ? used : searchUp(client, id, { title, end: from - 1 }, context);
  }
  const { rowCount } = gridProperties;
  return searchFrom(client, id, { name: title, marks, sheetId, rowCount }, context);
};

/** @throws CourierError `sheet-shape` if the tab has a header that rows cannot be appended to */
const tabOf = ({ properties: { sheetId, title, gridProperties }, data: [first], merges }: Sheet, used: number): Tab => {
  const isMerged = merges.some(({ startRowIndex }) => startRowIndex === 0);
  const header = headerOf(valuesOf(first, 0), isMerged);
  if (header.length === 0 && used > 0) {
    throw wrongShape('no-header', 'The first row of the tab is empty, and there is data below it.');
  }
  return { sheetId, title, ...gridProperties, header, usedRows: Math.max(used, Math.sign(header.length)) };
};

/** A tab as rows can be appended to it, or the reason why they cannot. */
const shapeOf = (sheet: Sheet, used: number): Pick<Snapshot, 'tab' | 'wrongShape'> => {
  try {
    return { tab: tabOf(sheet, used) };
  } catch (error) {
    if (error instanceof CourierError && error.code === 'sheet-shape') return { tab: undefined, wrongShape: error };
    throw error;
  }
};

/**
 * Reads what an append needs to know: usually by one request. Rows of an earlier try may be in another tab, so a tab of the
 * wrong shape is an error only for rows that are not there yet.
 */
export const readSnapshot = async (
  client: SheetsClient,
  id: string,
  wanted: WantedTab,
  context: SheetsContext,
): Promise<Snapshot> => {
  const found = await readTab(client, id, wanted, context);
  if ('missingIn' in found) {
    const { tabs, metadata } = found.missingIn;
    return { tab: undefined, sheetIds: tabs.map(({ sheetId }) => sheetId), ...metadataIn(metadata) };
  }
  const { answer, from } = found;
  const sheet = answer?.sheets[0];
  if (answer === undefined || sheet === undefined || sheet.properties.sheetType !== 'GRID') {
    const advice = 'Use a tab with cells, and not one with a chart.';
    const error = wrongShape('no-grid', 'The tab has no cells.', advice);
    const metadata = answer?.developerMetadata ?? (await readOverview(client, id, context)).metadata;
    return { tab: undefined, wrongShape: error, sheetIds: [], ...metadataIn(metadata) };
  }
  const { marks, foreign } = metadataIn(answer.developerMetadata);
  const used = await usedRowsOf(client, id, { sheet, from, marks }, context);
  return { ...shapeOf(sheet, used), sheetIds: [], marks, foreign };
};

/** Without a hint: below the newest mark, else from the end of the grid. */
const searchFrom = async (
  client: SheetsClient,
  id: string,
  { name, marks, sheetId, rowCount }: { name: string; marks: readonly StoredMark[]; sheetId: number; rowCount: number },
  context: SheetsContext,
): Promise<number> => {
  const marked = Math.min(newestHint(marks, sheetId), rowCount);
  if (marked > 0) {
    const below = await tryRanges(client, id, { title: name, from: marked }, context);
    const used = Math.max(0, ...(below?.sheets[0]?.data.slice(1) ?? []).map(usedIn));
    if (used > 0) return used;
  }
  return searchUp(client, id, { title: name, end: rowCount }, context);
};
