import type { Discovery } from '../drive/discovery/discovery.ts';
import type { DriveState } from '../drive/store/state.ts';
import type { World } from '../world/world.ts';
import type { SheetsLimits } from './limits.ts';
import type { Quota } from './quota.ts';
import type { Workbooks } from './workbook/store.ts';

/** What all methods of Sheets share. Spreadsheets are files of Drive, whose permissions apply. */
export interface SheetsState {
  drive: DriveState;
  world: World;
  workbooks: Workbooks;
  discovery: Discovery;
  limits: SheetsLimits;
  quota: Quota;
  random: () => number;
  /** Where answers violated the discovery document. */
  schemaViolations: string[];
}
