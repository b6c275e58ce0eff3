import { z } from 'zod';
import type { GoogleCall } from '../google-service.ts';
import { type AdminAction, adminActionOf, createAdminRoutes, present } from '../http/admin-routes.ts';
import type { SheetsService } from './service.ts';

const action = adminActionOf<SheetsService>();

const count = z.int().min(0).optional();
const limits = z.strictObject({
  cellsPerSpreadsheet: count,
  columnsPerSheet: count,
  charactersPerCell: count,
  metadataCharacters: count,
  requestBytes: count,
  enforceQuota: z.boolean().optional(),
  requestsPerMinutePerUser: count,
  requestsPerMinutePerProject: count,
  duplicateMetadataIds: z.enum(['refuse', 'allow']).optional(),
});
const spreadsheetId = z.string();

/** Changes and views of spreadsheets, for tests in another process. */
const ACTIONS: Readonly<Record<string, AdminAction<SheetsService>>> = {
  setSheetsLimits: action(limits, (sheets, input) => sheets.setLimits(present(input))),
  spreadsheet: action(z.strictObject({ spreadsheetId }), (sheets, input) => ({
    tabs: sheets.tabsOf(input.spreadsheetId),
    metadata: sheets.metadataOf(input.spreadsheetId),
  })),
};

/** Routes `POST /_admin/ACTION` with a JSON object, for the actions on spreadsheets. */
export const createSheetsAdminRoutes = (sheets: SheetsService): ((call: GoogleCall) => Promise<boolean>) =>
  createAdminRoutes(sheets, ACTIONS);
