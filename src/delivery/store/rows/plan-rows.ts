import { MAX_TAB_LENGTH } from '../../../domain.ts';
import { CourierError } from '../../../errors.ts';
import { hasRows } from '../../../sheets/media-types.ts';
import { DOCS_TYPES } from '../../checks/check-conversion.ts';
import { type Claim, isSamePlan, keyMark } from '../../idempotency.ts';
import { findConverted } from '../../naming/named-file.ts';
import { inspectSpreadsheet } from '../../naming/spreadsheet.ts';
import { lockOf, nameTaken, type Plan, type Planning, refuseKeptRevision, withAccount } from '../../plan.ts';
import type { ResolvedRequest } from '../../resolve-options.ts';
import { planChanged, revisePlan } from '../upload-step.ts';

export type RowsPlan = Plan & { kind: 'appendRows' | 'replaceRows' };

/** Whether the bytes become rows. A file that replaces a sheet and has no rows, such as .xlsx, is converted by Drive. */
export const areRows = ({ request, source }: Pick<Planning, 'request' | 'source'>): boolean => {
  const { onConflict, rows, destination } = request;
  if (onConflict === 'append' || rows.tab !== undefined || rows.dates !== undefined) return true;
  return destination.config.spreadsheet !== undefined || hasRows(source.mimeType);
};

/** `2026-11`, after the given name if there is one. @throws CourierError `request-invalid` for a name that gets too long by it */
const monthlyTab = (tab: string | undefined, sinceMs: number): string => {
  const month = new Date(sinceMs).toISOString().slice(0, 7);
  if (tab === undefined) return month;
  const name = `${tab} ${month}`;
  if (name.length <= MAX_TAB_LENGTH) return name;
  throw new CourierError('request-invalid', {
    detail: `tab is too long: with rollover=monthly it has at most ${MAX_TAB_LENGTH - name.length + tab.length} characters, because the month follows it.`,
  });
};

const tabOf = ({ rows, sinceMs }: ResolvedRequest): { tab?: string } => {
  if (rows.rollover === 'monthly') return { tab: monthlyTab(rows.tab, sinceMs) };
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
    return withAccount(request, { kind, fileId: spreadsheet, folderId, ...tabOf(request) });
  }
  // Many callers append to one sheet at the same time.
  const drive = { ...destination.drive, get: destination.drive.getShared };
  const existing = await findConverted({ drive, folderId, name, ...means });
  if (existing !== undefined && existing.mimeType !== DOCS_TYPES.sheet) {
    throw nameTaken(request, ' as a file that is not a Google Sheet');
  }
  const locked = existing === undefined ? {} : lockOf(existing);
  return withAccount(request, {
    ...{ kind, fileId: existing?.id ?? '', folderId },
    ...tabOf(request),
    ...locked,
  });
};

/**
 * Notes a plan with another sheet. Another try may note the bytes of the key at the same moment.
 * @throws CourierError `drive-unavailable` if another try has noted another plan
 */
const replacePlan = async (claim: Claim, plan: RowsPlan, changed: RowsPlan): Promise<void> => {
  const receipt = await claim.revise(changed);
  if (receipt === undefined && isSamePlan(claim.plan(), plan)) await revisePlan(claim, changed);
  else if (receipt === undefined && !isSamePlan(claim.plan(), changed)) throw planChanged();
};

/**
 * Plans again after an earlier try. Rows that are in a sheet already stay there, even if a person has renamed, moved or trashed
 * the sheet since. The month stays that of the first try.
 */
export const planRowsNow = async (planning: Planning, claim: Claim, plan: RowsPlan): Promise<Plan> => {
  const { destination } = planning.request;
  const planNow = async (): Promise<RowsPlan> => ({ ...(await planRows(planning)), kind: plan.kind, tab: plan.tab });
  if (plan.fileId === '') return planNow();
  const sheets = await destination.sheets();
  const mark = keyMark(claim.key);
  if (await sheets.isMarked(plan.fileId, mark, planning.context)) return plan;
  const changed = await planNow();
  if (changed.fileId === plan.fileId) return changed;
  // Another try may be about to write into the former sheet, which a person has renamed, moved or trashed.
  const isMarked = await sheets.leave(plan.fileId, mark, () => replacePlan(claim, plan, changed), planning.context);
  return isMarked === true ? plan : changed;
};
