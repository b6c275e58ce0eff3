import { roleOf } from '../../drive/access/access.ts';
import { SPREADSHEET } from '../../drive/files/spreadsheets.ts';
import { webViewLink } from '../../drive/files/links.ts';
import { newItem } from '../../drive/files/item.ts';
import { checkStorage } from '../../drive/files/storage-quota.ts';
import { DriveError } from '../../drive/errors.ts';
import type { Mask } from '../../drive/fields/parse.ts';
import type { StoredFile } from '../../drive/model.ts';
import { rpcError } from '../../http/api-error.ts';
import { type Method, type Opened, openForChange, openSpreadsheet, type SheetsCall } from '../call/call.ts';
import { attempt, commit, draftOf } from '../commit.ts';
import { openDraft, type TabDraft } from '../draft.ts';
import { cannotParse, invalidArgument, notImplemented } from '../errors.ts';
import { areaOf, type DataFilter, isSelected } from '../metadata/filters.ts';
import { gridRangeOf, handlerContext } from '../requests/handler.ts';
import { updateCells } from '../requests/cells.ts';
import { addTab } from '../requests/sheets.ts';
import { handlerNamed } from '../requests/table.ts';
import { spreadsheetResource } from '../resources.ts';
import type { SheetsState } from '../state.ts';
import { parseRange } from '../workbook/a1.ts';
import { type GridRange, newWorkbook, type Workbook } from '../workbook/model.ts';

export const spreadsheetId = ({ path }: SheetsCall): string => path.spreadsheetId ?? '';

const selects = (mask: Mask, [name = '', ...rest]: readonly string[]): boolean => {
  if (mask.all) return true;
  const inner = mask.names.get(name) ?? mask.names.get('*');
  return inner !== undefined && (rest.length === 0 || selects(inner, rest));
};

const resourceOf = (
  state: SheetsState,
  { actor, mask }: SheetsCall,
  { file, isOwner }: Pick<Opened, 'file' | 'isOwner'>,
  selection: { ranges?: readonly GridRange[] | undefined; includeGridData: boolean },
  path: readonly string[] = [],
): Record<string, unknown> => {
  const describes = (name: string): boolean => selects(mask, [...path, 'sheets', 'data', name]);
  const describesDimensions = describes('rowMetadata') || describes('columnMetadata');
  const url = webViewLink(state.drive.context.origin(), file).replace(/\?.*/, '');
  const viewer = { email: actor.account.email, app: actor.app, isOwner };
  return spreadsheetResource({ id: file.id, name: file.name, url }, state.workbooks.get(file.id), viewer, {
    ...selection,
    describesDimensions,
  });
};

/** @throws ApiError 400 */
const rangesOf = (workbook: Workbook, texts: readonly string[]): GridRange[] =>
  texts.map((text) => {
    const found = parseRange(workbook, text);
    if (found === undefined) throw cannotParse(text);
    return found.range;
  });

/** "[includeGridData] is ignored if a field mask was set in the request" (reference, spreadsheets.get). */
const includesGrid = ({ mask, hasFields }: SheetsCall, flag: boolean): boolean =>
  hasFields ? selects(mask, ['sheets', 'data']) && !mask.all : flag;

export const spreadsheetsGet: Method = (state, call) => {
  const opened = openSpreadsheet(state, call, spreadsheetId(call));
  const texts = call.parameters.list('ranges');
  const ranges = texts.length === 0 ? undefined : rangesOf(state.workbooks.get(opened.file.id), texts);
  const includeGridData = includesGrid(call, call.parameters.flag('includeGridData'));
  return resourceOf(state, call, opened, { ranges, includeGridData });
};

/** The areas that data filters name: ranges themselves, and the locations of selected metadata. */
const areasOfFilters = (workbook: Workbook, app: string, filters: readonly DataFilter[]): GridRange[] =>
  filters.flatMap((filter) => {
    if (filter.gridRange !== undefined) return [gridRangeOf(filter.gridRange)];
    if (filter.a1Range !== undefined) return rangesOf(workbook, [filter.a1Range]);
    const matches = attempt('', () => isSelected(workbook, app, filter));
    return workbook.metadata.filter(matches).flatMap(({ location }) => areaOf(location) ?? []);
  });

export const spreadsheetsGetByDataFilter: Method = async (state, call) => {
  const { dataFilters = [], includeGridData = false } = (await call.body()) as {
    dataFilters?: DataFilter[];
    includeGridData?: boolean;
  };
  const opened = openSpreadsheet(state, call, spreadsheetId(call));
  const areas = areasOfFilters(state.workbooks.get(opened.file.id), call.actor.app, dataFilters);
  return resourceOf(state, call, opened, { ranges: areas, includeGridData: includesGrid(call, includeGridData) });
};

interface GivenSheet extends Record<string, unknown> {
  properties?: Parameters<typeof addTab>[1];
  data?: { startRow?: number; startColumn?: number; rowData?: unknown[] }[];
}

/** Members of a new spreadsheet that are not modelled. */
const checkModelled = (body: Record<string, unknown>, sheets: readonly GivenSheet[]): void => {
  for (const name of Object.keys(body))
    if (!['properties', 'sheets', 'spreadsheetId', 'spreadsheetUrl'].includes(name))
      throw notImplemented(`spreadsheets.create with ${name}`);
  for (const sheet of sheets)
    for (const name of Object.keys(sheet))
      if (name !== 'properties' && name !== 'data') throw notImplemented(`spreadsheets.create with sheets.${name}`);
};

/** A new file in the account's My Drive. A service account has no storage for it, so it needs Drive's files.create. */
const newFile = (state: SheetsState, { actor }: SheetsCall, title: string): StoredFile => {
  const folder = state.drive.store.files.get(actor.account.rootId);
  if (folder === undefined || roleOf(state.drive, actor.account, folder) === undefined) throw new Error('No My Drive');
  try {
    checkStorage(state.drive, actor.account, SPREADSHEET, 0, undefined);
  } catch (error) {
    // Seen at Google since 2025 for service accounts without storage.
    if (error instanceof DriveError) throw rpcError('PERMISSION_DENIED', 'The caller does not have permission');
    throw error;
  }
  const id = state.drive.ids.file();
  const { email } = actor.account;
  return { ...newItem(state.drive, { id, mimeType: SPREADSHEET, folder, by: email, app: actor.app }), name: title };
};

/** Source: reference, spreadsheets.create. */
export const spreadsheetsCreate: Method = async (state, call) => {
  const body = await call.body();
  const { title = 'Untitled spreadsheet', ...properties } = (body.properties ?? {}) as Record<string, string>;
  const sheets = (body.sheets ?? []) as GivenSheet[];
  checkModelled(body, sheets);
  const editor = { email: call.actor.account.email, app: call.actor.app, isOwner: true, groups: [] };
  const draft = openDraft(sheets.length === 0 ? newWorkbook() : newWorkbook([]), state.limits, editor);
  const { locale = draft.locale, timeZone = draft.timeZone, autoRecalc = draft.autoRecalc } = properties;
  Object.assign(draft, { locale, timeZone, autoRecalc });
  attempt('Invalid sheets: ', () => {
    for (const [index, { properties: given = {}, data = [] }] of sheets.entries()) {
      // The first sheet has the ID 0 when none is given.
      const sheetId = given.sheetId ?? (index === 0 ? 0 : undefined);
      const tab: TabDraft = addTab(
        draft,
        { ...given, ...(sheetId === undefined ? {} : { sheetId }) },
        state.random,
        index,
      );
      for (const { startRow = 0, startColumn = 0, rowData = [] } of data)
        updateCells(
          draft,
          {
            start: { sheetId: tab.id, rowIndex: startRow, columnIndex: startColumn },
            rows: rowData,
            fields: 'userEnteredValue,userEnteredFormat,note',
          },
          handlerContext(state),
        );
    }
  });
  const file = newFile(state, call, title);
  state.drive.store.save(file);
  const saved = commit(state, call, { file, mayEdit: true, isOwner: true }, draft);
  return resourceOf(state, call, { file: saved, isOwner: true }, { includeGridData: includesGrid(call, false) });
};

type GivenRequest = Record<string, unknown>;

const MAX_REQUESTS = 100_000;

/**
 * "Each request is validated before being applied. If any request is not valid then the entire request will fail and nothing
 * will be applied" (reference, spreadsheets.batchUpdate).
 */
export const spreadsheetsBatchUpdate: Method = async (state, call) => {
  const body = (await call.body()) as {
    requests?: GivenRequest[];
    includeSpreadsheetInResponse?: boolean;
    responseRanges?: string[];
    responseIncludeGridData?: boolean;
  };
  const {
    requests = [],
    includeSpreadsheetInResponse = false,
    responseRanges = [],
    responseIncludeGridData = false,
  } = body;
  const opened = openForChange(state, call, spreadsheetId(call));
  if (requests.length === 0) throw invalidArgument('Must specify at least one request.');
  if (requests.length > MAX_REQUESTS) throw invalidArgument(`A batch may have at most ${MAX_REQUESTS} requests.`);
  const draft = draftOf(state, call, opened);
  const context = handlerContext(state);
  const replies = requests.map((request, index) => {
    const names = Object.keys(request);
    const [name = ''] = names;
    if (names.length !== 1) throw invalidArgument(`Invalid requests[${index}]: No request set.`);
    const run = handlerNamed(name);
    if (run === undefined) throw notImplemented(`the request ${name} of spreadsheets.batchUpdate`);
    return attempt(`Invalid requests[${index}].${name}: `, () => run(draft, request[name], context));
  });
  // The ranges of the answer must exist, too, before anything is stored.
  const ranges = responseRanges.length === 0 ? undefined : rangesOf(draft, responseRanges);
  const file = commit(state, call, opened, draft);
  const updatedSpreadsheet = includeSpreadsheetInResponse
    ? resourceOf(state, call, { file, isOwner: opened.isOwner }, { ranges, includeGridData: responseIncludeGridData }, [
        'updatedSpreadsheet',
      ])
    : undefined;
  return { spreadsheetId: file.id, replies, updatedSpreadsheet };
};
