import { z } from 'zod';
import type { SheetsClient } from '../client.ts';
import { parseAnswer } from '../errors.ts';
import { metadataList } from '../changes/marks.ts';
import type { SheetsContext } from '../sheets.ts';

/** A rectangle of cells. Indexes are from 0, and ends are exclusive. */
interface CellRange {
  startRowIndex: number;
  endRowIndex: number;
  startColumnIndex: number;
  endColumnIndex: number;
}

/** A tab without its cells. */
export interface TabOutline {
  sheetId: number;
  title: string;
  /** False for a chart on a tab of its own. */
  hasCells: boolean;
  isHidden: boolean;
  rowCount: number;
  columnCount: number;
  merges: readonly CellRange[];
}

export interface Overview {
  tabs: readonly TabOutline[];
  /** Of all tabs, empty ones included. */
  cells: number;
  metadata: z.output<typeof metadataList>;
}

const FIELDS = [
  'sheets(properties(sheetId,title,sheetType,hidden,gridProperties(rowCount,columnCount)),merges)',
  'developerMetadata(metadataId,metadataKey,metadataValue)',
].join();

const index = z.number().default(0);
const answer = z.object({
  sheets: z
    .array(
      z.object({
        properties: z.object({
          sheetId: z.number().default(0),
          title: z.string(),
          sheetType: z.string().default('GRID'),
          hidden: z.boolean().default(false),
          gridProperties: z.object({ rowCount: index, columnCount: index }).prefault({}),
        }),
        merges: z
          .array(z.object({ startRowIndex: index, endRowIndex: index, startColumnIndex: index, endColumnIndex: index }))
          .default([]),
      }),
    )
    .default([]),
  developerMetadata: metadataList,
});

/** Reads the tabs and the metadata of a spreadsheet with one request. @throws CourierError */
export const readOverview = async (
  client: Pick<SheetsClient, 'get'>,
  spreadsheetId: string,
  context: SheetsContext,
): Promise<Overview> => {
  const shown = await client.get(spreadsheetId, [['fields', FIELDS]], context);
  const { sheets, developerMetadata: metadata } = parseAnswer(() => answer.parse(shown));
  const tabs = sheets.map(({ properties, merges }) => ({
    sheetId: properties.sheetId,
    title: properties.title,
    hasCells: properties.sheetType === 'GRID',
    isHidden: properties.hidden,
    ...properties.gridProperties,
    merges,
  }));
  return {
    tabs,
    cells: tabs.reduce((sum, { rowCount, columnCount }) => sum + rowCount * columnCount, 0),
    metadata,
  };
};
