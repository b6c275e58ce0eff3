import type { Discovery } from '../drive/discovery/discovery.ts';
import type { DriveState } from '../drive/store/state.ts';
import type { ApiWorld } from '../http/rpc-authorize.ts';
import type { SheetsLimits } from './limits.ts';
import type { Quota } from './quota.ts';
import type { Workbooks } from './workbook/store.ts';

/** What all methods of Sheets share. Spreadsheets are files of Drive, whose permissions apply. */
export interface SheetsState {
  drive: DriveState;
  world: ApiWorld;
  workbooks: Workbooks;
  discovery: Discovery;
  limits: SheetsLimits;
  quota: Quota;
  random: () => number;
  /** Where answers violated the discovery document. */
  schemaViolations: string[];
}
