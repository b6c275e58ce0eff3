import type { RetryingTransport } from '../../google/transport.ts';
import type { Log } from '../../log.ts';
import type { Clocks } from '../../steady-clock.ts';
import type { SheetsClient } from '../client.ts';
import type { TabHint } from '../read/snapshot.ts';
import type { SheetsContext } from '../sheets.ts';
import type { Sizes } from '../size.ts';
import type { Change, Part, Placement } from './changes.ts';
import type { Supersedable } from './superseded-jobs.ts';

/** A part that waits for its outcome. */
export interface Job extends Part, Supersedable {
  tab: string | undefined;
  /** The tab of the batch before it, and its name then. Default: the one of the name. */
  after?: { sheetId: number; title: string } | undefined;
  /** Default: rows are appended. */
  prepare?: Prepare | undefined;
  /** Until it has an outcome. */
  isOpen(): boolean;
  done(placed: Placement & { isRepeated: boolean }): void;
}

/**
 * Prepares one change for jobs, and answers those that need none.
 * @returns undefined if none is left; as `later`, the jobs for whose marks the spreadsheet has no room now
 */
export type Prepare = (
  writer: GroupWriter,
  jobs: readonly Job[],
  context: SheetsContext,
) => Promise<{ change: Change; jobs: Job[]; later?: Job[] } | undefined>;

export interface GroupWriter extends Clocks {
  client: SheetsClient;
  again: RetryingTransport['again'];
  spreadsheetId: string;
  hints: {
    get(tab: string | undefined): TabHint | undefined;
    set(tab: string | undefined, hint: TabHint | undefined): void;
  };
  sizes: Sizes;
  isFinished(key: string): boolean;
  /** How long the ledger keeps an entry, in milliseconds. */
  ledgerMs: number;
  log: Log;
  /** False only in tests that show what happens without marks. */
  withMarks: boolean;
}
