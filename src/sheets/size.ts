import { LRUCache } from 'lru-cache';
import { CourierError } from '../errors.ts';
import type { SheetsClient } from './client.ts';
import { readOverview } from './read/overview.ts';
import { MAX_COLUMNS } from './rows/table.ts';
import { MAX_CELLS, type SheetsContext } from './sheets.ts';

/** Cells that a change adds to the grid of a tab, and the columns that the tab has afterwards. */
export interface Growth {
  cells: number;
  columnCount: number;
}

const fullOfCells = (cells: number, needed: number): CourierError =>
  new CourierError('sheet-full', {
    reason: 'cells',
    facts: { cells: String(cells), needed: String(needed), limit: String(MAX_CELLS) },
    detail: `The spreadsheet has ${cells} cells, empty ones included, and the rows need ${needed} more. The limit is ${MAX_CELLS}.`,
  });

const fullOfColumns = (columns: number): CourierError =>
  new CourierError('sheet-full', {
    reason: 'columns',
    facts: { columns: String(columns), limit: String(MAX_COLUMNS) },
    detail: `The tab would have ${columns} columns. The limit is ${MAX_COLUMNS}.`,
    remedy: 'Delete columns that nobody needs, also empty ones at the right, or use another tab.',
  });

/** Throws if a spreadsheet has no room for a change. @param cells that it has now @throws CourierError `sheet-full` */
export const checkRoom = (cells: number, { cells: needed, columnCount }: Growth): void => {
  if (columnCount > MAX_COLUMNS) throw fullOfColumns(columnCount);
  if (needed > 0 && cells + needed > MAX_CELLS) throw fullOfCells(cells, needed);
};

/** People may add tabs meanwhile, so Google may still refuse the change. */
const MAX_AGE_MS = 600_000;
/** A size that is closer to the limit than this is read again. */
const NEAR = 0.8 * MAX_CELLS;

/** The sizes of spreadsheets. They are read rarely, because Google allows 60 reads a minute. */
export interface Sizes {
  /** @throws CourierError `sheet-full` */
  check(spreadsheetId: string, growth: Growth, context: SheetsContext): Promise<void>;
  /** Notes that a change was applied. */
  grown(spreadsheetId: string, growth: Growth): void;
}

export const createSizes = (client: Pick<SheetsClient, 'get'>, now: () => number): Sizes => {
  const known = new LRUCache<string, { cells: number; readAtMs: number }>({ max: 1_000 });
  return {
    async check(spreadsheetId, growth, context) {
      let size = known.get(spreadsheetId);
      if (size === undefined || now() - size.readAtMs > MAX_AGE_MS || size.cells + growth.cells > NEAR) {
        const readAtMs = now();
        size = { cells: (await readOverview(client, spreadsheetId, context)).cells, readAtMs };
        known.set(spreadsheetId, size);
      }
      checkRoom(size.cells, growth);
    },
    grown(spreadsheetId, { cells }) {
      const size = known.get(spreadsheetId);
      if (size !== undefined) known.set(spreadsheetId, { ...size, cells: size.cells + cells });
    },
  };
};
