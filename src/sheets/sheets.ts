import type { ColumnRule } from '../domain.ts';
import type { CallStats } from '../google/transport.ts';
import type { Batch } from './rows/batches.ts';
import type { UnansweredChanges } from './unanswered-changes.ts';

/** Cells of one spreadsheet, empty ones included (https://support.google.com/drive/answer/37603). */
export const MAX_CELLS = 10_000_000;

/** What every call for one delivery shares. */
export interface SheetsContext {
  signal?: AbortSignal | undefined;
  /** Epoch milliseconds. */
  deadlineMs?: number | undefined;
  callStats?: CallStats | undefined;
  /** Called immediately before each change is sent. It may abort the signal: then nothing is sent. It must not throw. */
  beforeSend?: (() => void) | undefined;
  /**
   * The changes that were sent under the lock of the spreadsheet, and may still be applied. For rows that are replaced, the
   * caller can give one, to learn it when it leaves. An append may share its change with others, so it has none of its own.
   */
  changes?: UnansweredChanges | undefined;
}

/** Where rows were put. */
export interface WrittenRows {
  spreadsheetId: string;
  /** The tab's id and its name at that time. */
  sheetId: number;
  tab: string;
  /** In A1 notation, at that time: `Sheet1!A5:C9`. Rows that other rows separate have several ranges, joined by commas. */
  range: string;
  rows: number;
  /** Names of columns that were added. */
  columnsAdded: readonly string[];
  /** True if all rows were there already, from an earlier try. */
  isRepeated: boolean;
}

interface SpreadsheetSize {
  tabs: number;
  /** Of all tabs, empty ones included. */
  cells: number;
}

export interface AppendRequest {
  spreadsheetId: string;
  /** Default: the first visible one. Made if it is missing. */
  tab?: string | undefined;
  columns: ColumnRule;
  /** Identifies the delivery, for marks: the same for all of its tries, and 32 characters long. */
  key: string;
  /** An earlier try may have written some of the rows. */
  mayBeDone: boolean;
  /** Each batch is read once the one before it is written. */
  batches: AsyncIterator<Batch>;
  /**
   * Asks the ledger whether another try supersedes this one: it was answered, or the key's rows now go to another spreadsheet.
   * Then this one writes nothing, and fails.
   */
  isSuperseded?: (() => Promise<boolean>) | undefined;
  /** When the ledger was last asked about the delivery, in epoch milliseconds. Default: before each batch. */
  askedAtMs?: (() => number) | undefined;
  /** Called before the first row is written. */
  beforeWrite?(): Promise<void>;
  context: SheetsContext;
}

/**
 * Google Sheets as one account sees it. Every method throws CourierError: `sheet-shape`, `sheet-full`, and the codes of Drive
 * (`folder-not-writable`, `drive-api-disabled`, `drive-rate-limited`, `drive-unavailable`, …).
 */
export interface Sheets {
  /** Describes a spreadsheet. */
  inspect(spreadsheetId: string, context: SheetsContext): Promise<SpreadsheetSize>;
  /** Appends rows below the last row of a tab, each batch exactly once. */
  append(request: AppendRequest): Promise<WrittenRows>;
  /**
   * Replaces all values of a tab by the rows, exactly once and in one step. Formats, charts, filters and other tabs stay.
   * @throws CourierError `too-large` unless the rows are one batch
   */
  replace(request: Omit<AppendRequest, 'columns'>): Promise<WrittenRows>;
  /** Reports that the receipt of a delivery is recorded, so no later try will look for its marks. */
  finished(spreadsheetId: string, key: string): void;
  /**
   * Whether an earlier try of the delivery has written rows into the spreadsheet; undefined if it does not exist. The first rows
   * of a delivery do not count if people have deleted them together with their tab.
   */
  isMarked(spreadsheetId: string, key: string, context: SheetsContext): Promise<boolean | undefined>;
  /**
   * Notes that a delivery goes to another spreadsheet, unless an earlier try has written rows into this one. No other try can
   * write rows of the delivery into this one afterwards.
   * @param note records it in the ledger
   * @returns as `isMarked`
   */
  leave(
    spreadsheetId: string,
    key: string,
    note: () => Promise<void>,
    context: SheetsContext,
  ): Promise<boolean | undefined>;
}
