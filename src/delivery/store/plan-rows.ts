import { CourierError } from '../../errors.ts';
import { hasRows } from '../../sheets/media-types.ts';
import { DOCS_TYPES } from '../check-conversion.ts';
import { type Claim, keyMark } from '../idempotency.ts';
import { findConverted } from '../naming/named-file.ts';
import { nameTaken, type Plan, type Planning } from '../plan.ts';
import type { ResolvedRequest } from '../resolve-options.ts';

type RowsPlan = Plan & { kind: 'appendRows' };

/** `2026-11`, after the given name if there is one. */
const monthlyTab = (tab: string | undefined, nowMs: number): string => {
  const month = new Date(nowMs).toISOString().slice(0, 7);
  return tab === undefined ? month : `${tab} ${month}`;
};

const tabOf = ({ rows }: ResolvedRequest, nowMs: number): { tab?: string } => {
  if (rows.rollover === 'monthly') return { tab: monthlyTab(rows.tab, nowMs) };
  return {};
};

/** Plans rows for the sheet of the name. If there is none, it is made later. @throws CourierError `name-taken`, `conversion-refused` */
export const planRows = async ({ request, folderId, source, ...means }: Planning): Promise<RowsPlan> => {
  const { name, destination } = request;
  if (!hasRows(source.mimeType)) {
    throw new CourierError('conversion-refused', {
      detail: `Rows cannot be read from ${source.mimeType}.`,
      remedy: 'Send CSV (text/csv), tab-separated values or JSON Lines (application/x-ndjson).',
    });
  }
  const existing = await findConverted({ drive: destination.drive, folderId, name, ...means });
  if (existing !== undefined && existing.mimeType !== DOCS_TYPES.sheet) {
    throw nameTaken(request, ' as a file that is not a Google Sheet');
  }
  return { kind: 'appendRows', fileId: existing?.id ?? '', folderId, ...tabOf(request, means.now()) };
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
  const { tab: _, ...fresh } = await planRows(planning);
  return { ...fresh, ...(plan.tab === undefined ? {} : { tab: plan.tab }) };
};
