import { sendJson } from '../http/answers.ts';
import { applyMask } from '../drive/call/send-resource.ts';
import { readDiscovery } from '../drive/discovery/discovery.ts';
import { findSchemaViolations } from '../drive/discovery/schema-violations.ts';
import type { DriveState } from '../drive/store/state.ts';
import type { GoogleCall, GoogleService } from '../google-service.ts';
import { ApiError } from '../http/api-error.ts';
import type { ApiWorld } from '../http/rpc-authorize.ts';
import { incomingCall } from './call/call.ts';
import { notImplemented } from './errors.ts';
import { DEFAULT_SHEETS_LIMITS, type SheetsLimits } from './limits.ts';
import { methodNamed } from './methods/table.ts';
import { createQuota } from './quota.ts';
import type { SheetsState } from './state.ts';
import type { Metadata, Scalar, Tab } from './workbook/model.ts';
import { renderedValue } from './workbook/rendered.ts';

/** A tab as tests and benchmarks see it. */
interface TabSummary {
  id: number;
  title: string;
  rowCount: number;
  columnCount: number;
  /** Values as they are stored; empty cells are empty texts. */
  rows: Scalar[][];
}

/** Sheets v4 (https://developers.google.com/workspace/sheets/api/reference/rest), and access to its state for tests. */
export interface SheetsService extends GoogleService {
  setLimits(limits: Partial<SheetsLimits>): void;
  /** Permissions are not checked. */
  tabsOf(fileId: string): TabSummary[];
  /** The values of a tab, by default the first one. Formulas are shown as formulas. */
  rowsOf(fileId: string, title?: string): Scalar[][];
  metadataOf(fileId: string): readonly Metadata[];
  /** Where answers violated the discovery document. */
  schemaViolations: readonly string[];
}

const EXACT = { value: 'FORMULA', dateTime: 'SERIAL_NUMBER' } as const;

const summaryOf = ({ id, title, rowCount, columnCount, rows }: Tab): TabSummary => ({
  id,
  title,
  rowCount,
  columnCount,
  rows: rows.map((row) => row.map((cell) => renderedValue(cell, EXACT))),
});

/** Google accepts a slash before the verb and at the end, which npm's google-spreadsheet sends. */
const plainPath = (pathname: string): string => pathname.replace(/\/(:[A-Za-z]+)?$/, '$1');

export function createSheetsService(drive: DriveState, world: ApiWorld): SheetsService {
  const limits: SheetsLimits = { ...DEFAULT_SHEETS_LIMITS };
  const state: SheetsState = {
    drive,
    world,
    workbooks: drive.store.workbooks,
    discovery: readDiscovery(new URL('./discovery/sheets-v4.discovery.json', import.meta.url)),
    limits,
    quota: createQuota(drive.now, limits),
    random: drive.context.random,
    schemaViolations: [],
  };

  const answer = async (google: GoogleCall): Promise<boolean> => {
    const route = state.discovery.match(google.method, plainPath(google.url.pathname));
    if (route === undefined) return false;
    const run = methodNamed(route.method.id);
    if (run === undefined) throw notImplemented(route.method.id);
    const call = incomingCall(state, google, route);
    const body = applyMask(await run(state, call), call.mask);
    state.schemaViolations.push(
      ...findSchemaViolations(state.discovery, route.method.response ?? {}, body, route.method.id),
    );
    sendJson(google.response, 200, body);
    return true;
  };

  const tabs = (fileId: string): TabSummary[] => {
    if (drive.store.files.get(fileId) === undefined) throw new Error(`No file ${fileId}`);
    return state.workbooks.get(fileId).tabs.map(summaryOf);
  };

  return {
    name: 'sheets',
    hosts: ['sheets.googleapis.com'],
    setLimits: (changes) => void Object.assign(limits, changes),
    tabsOf: tabs,
    rowsOf: (fileId, title) => {
      const tab = tabs(fileId).find((each) => title === undefined || each.title === title);
      if (tab === undefined) throw new Error(`No tab ${title}`);
      return tab.rows;
    },
    metadataOf: (fileId) => state.workbooks.get(fileId).metadata,
    schemaViolations: state.schemaViolations,
    async handle(google) {
      try {
        return await answer(google);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        // A client that disconnects is not an error of this server.
        if (google.response.headersSent || google.response.destroyed) google.response.destroy();
        else sendJson(google.response, error.code, error.body, error.headers);
        return true;
      }
    },
  };
}
