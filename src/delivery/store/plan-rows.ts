import { CourierError } from '../../errors.ts';
import { hasRows } from '../../sheets/media-types.ts';
import { DOCS_TYPES } from '../check-conversion.ts';
import { type Claim, keyMark } from '../idempotency.ts';
import { findConverted } from '../naming/named-file.ts';
import { inspectSpreadsheet } from '../naming/spreadsheet.ts';
import { lockOf, nameTaken, type Plan, type Planning, refuseKeptRevision } from '../plan.ts';
import type { ResolvedRequest } from '../resolve-options.ts';

export type RowsPlan = Plan & { kind: 'appendRows' | 'replaceRows' };

/** Whether the bytes become rows. A file that replaces a sheet and has no rows, such as .xlsx, is converted by Drive. */
export const areRows = ({ request, source }: Pick<Planning, 'request' | 'source'>): boolean => {
  const { onConflict, rows, destination } = request;
  if (onConflict === 'append' || rows.tab !== undefined || rows.dates !== undefined) return true;
  return destination.config.spreadsheet !== undefined || hasRows(source.mimeType);
};

/** `2026-11`, after the given name if there is one. */
const monthlyTab = (tab: string | undefined, nowMs: number): string => {
  const month = new Date(nowMs).toISOString().slice(0, 7);
  return tab === undefined ? month : `${tab} ${month}`;
};

const tabOf = ({ rows }: ResolvedRequest, nowMs: number): { tab?: string } => {
  if (rows.rollover === 'monthly') return { tab: monthlyTab(rows.tab, nowMs) };
  return {};
};

/**
 * Plans rows for the spreadsheet of the destination, or for the sheet of the name. If there is none, it is created later.
 * @throws CourierError `name-taken`, `conversion-refused`; for the destination's spreadsheet `folder-not-found`, `folder-invalid`
 */
export const planRows = async ({ request, folderId, source, ...means }: Planning): Promise<RowsPlan> => {
  const { name, destination, onConflict } = request;
  if (!hasRows(source.mimeType)) {
    throw new CourierError('conversion-refused', {
      detail: `Rows cannot be read from ${source.mimeType}.`,
      remedy: 'Send CSV (text/csv), tab-separated values or JSON Lines (application/x-ndjson).',
    });
  }
  refuseKeptRevision(request);
  const kind = onConflict === 'replace' ? 'replaceRows' : 'appendRows';
  const { spreadsheet } = destination.config;
  if (spreadsheet !== undefined) {
    await inspectSpreadsheet(destination.drive, spreadsheet, means.context);
    return { kind, fileId: spreadsheet, folderId, ...tabOf(request, means.now()) };
  }
  // Many callers append to one sheet at the same time.
  const drive = { ...destination.drive, get: destination.drive.getShared };
  const existing = await findConverted({ drive, folderId, name, ...means });
  if (existing !== undefined && existing.mimeType !== DOCS_TYPES.sheet) {
    throw nameTaken(request, ' as a file that is not a Google Sheet');
  }
  const locked = existing === undefined ? {} : lockOf(existing);
  return { kind, fileId: existing?.id ?? '', folderId, ...tabOf(request, means.now()), ...locked };
};

/**
 * Plans again after an earlier try. Rows that are in a sheet already stay there, even if a person has renamed, moved or trashed
 * the sheet since. The month stays that of the first try.
 */
export const planRowsNow = async (planning: Planning, claim: Claim, plan: RowsPlan): Promise<Plan> => {
  const { destination } = planning.request;
  if (plan.fileId !== '') {
    const sheets = await destination.sheets();
    if (await sheets.isMarked(plan.fileId, keyMark(claim.key), planning.context)) return plan;
  }
  return { ...(await planRows(planning)), kind: plan.kind, tab: plan.tab };
};
