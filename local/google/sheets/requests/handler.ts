import type { Discovery } from '../../drive/discovery/discovery.ts';
import { checkWithinGrid, type Draft, type TabDraft, tabById } from '../draft.ts';
import { InvalidRequest } from '../errors.ts';
import type { GridRange } from '../workbook/model.ts';

export interface RequestContext {
  discovery: Discovery;
  /** In [0, 1). */
  random: () => number;
}

export const handlerContext = ({ discovery, random }: RequestContext): RequestContext => ({ discovery, random });

/** Applies one request of spreadsheets.batchUpdate to the draft, and returns its reply. The request matches its schema. */
export type Handler = (draft: Draft, request: unknown, context: RequestContext) => object;

export const handler =
  <T>(run: (draft: Draft, request: T, context: RequestContext) => object | undefined): Handler =>
  (draft, request, context) =>
    run(draft, request as T, context) ?? {};

/** A `GridRange` of a request. An absent `sheetId` is 0, as everywhere in Google's JSON. */
export interface GivenRange {
  sheetId?: number;
  startRowIndex?: number;
  endRowIndex?: number;
  startColumnIndex?: number;
  endColumnIndex?: number;
}

const checkOrder = (start: number, end: number | undefined, what: string): void => {
  if (start < 0 || (end ?? 0) < 0) throw new InvalidRequest(`${what} must not be negative.`);
  if (end !== undefined && end < start) throw new InvalidRequest(`The end ${what} must not be before the start.`);
};

export const gridRangeOf = (given: GivenRange): GridRange => ({
  sheetId: given.sheetId ?? 0,
  startRowIndex: given.startRowIndex ?? 0,
  endRowIndex: given.endRowIndex,
  startColumnIndex: given.startColumnIndex ?? 0,
  endColumnIndex: given.endColumnIndex,
});

/** @throws InvalidRequest for an unknown sheet, and for a range that starts past the grid */
export function readRange(draft: Draft, given: GivenRange | undefined): { tab: TabDraft; range: GridRange } {
  if (given === undefined) throw new InvalidRequest('A range is required.');
  const tab = tabById(draft, given.sheetId);
  const range = gridRangeOf(given);
  checkOrder(range.startRowIndex, range.endRowIndex, 'row index');
  checkOrder(range.startColumnIndex, range.endColumnIndex, 'column index');
  checkWithinGrid(tab, range);
  return { tab, range };
}

/** An ID that is not taken: positive, 31 bits. */
export function freshId(random: () => number, isTaken: (id: number) => boolean): number {
  let id = 0;
  do id = 1 + Math.floor(random() * 0x7fff_fffe);
  while (isTaken(id));
  return id;
}
