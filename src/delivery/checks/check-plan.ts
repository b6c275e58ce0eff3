import type { Receipt } from '../../domain.ts';
import type { DriveFile } from '../../drive/drive.ts';
import { asCourierError, CourierError } from '../../errors.ts';
import { acquireLease, fileLeaseKey, type Lease, mustHold } from '../../ledger/lease.ts';
import {
  type Claim,
  isOwnFile,
  isSamePlan,
  type KeyState,
  lookUpKey,
  type Planned,
  sentBefore,
} from '../idempotency.ts';
import { findConverted } from '../naming/named-file.ts';
import { isThere } from '../naming/names.ts';
import { againInFreshFolder } from '../naming/folders.ts';
import { choosePlan, lockOf, type Plan, type Planning, planForExisting, withAccount } from '../plan.ts';
import { type DeliveryContext, folderOf, takesRows } from '../resolve-options.ts';
import { acquireNameLease } from '../store/name-lease.ts';

/** The plan for all tries of a key, and the file of its id where Drive has it. */
interface Checked {
  plan: Plan;
  existing?: DriveFile | undefined;
}

/** Plans rows for a sheet, by code that most services never load. Undefined unless the bytes become rows. */
const rowPlanner = async (planning: Pick<Planning, 'request' | 'source'>) => {
  if (!takesRows(planning.request)) return undefined;
  const planner = await import('../store/rows/plan-rows.ts');
  return planner.areRows(planning) ? planner : undefined;
};

/** Tries of one key that revise its plan at the same moment. */
const MAX_TURNS = 5;

/** A person, or a delivery with another key, may have put a document with this name there since. */
const planConversionNow = async (
  { request, folderId, ledger, log, context, now, sleep }: Planning,
  claim: Claim,
  plan: Plan & { kind: 'convert' },
): Promise<Plan> => {
  const { name, destination } = request;
  const find = { drive: destination.drive, ledger, folderId, name, context, log, now, sleep };
  const existing = plan.rule === 'new' ? undefined : await findConverted(find);
  return existing === undefined || isOwnFile(claim, existing)
    ? { ...plan, folderId }
    : withAccount(request, planForExisting(request, existing, folderId, plan.target));
};

/**
 * An earlier try has found wrong bytes in the file that it made, and has put it into the trash. A file with more than one
 * revision was edited since then, and still belongs to the key.
 */
const isTakenBack = async ({ request, context }: Planning, claim: Claim, file: DriveFile): Promise<boolean> => {
  const sent = sentBefore(claim, file);
  if (!file.trashed || sent === undefined || file.sha256Checksum === sent) return false;
  return (await request.destination.drive.revisions(file.id, context))?.length === 1;
};

/** The key's own file again, under another id if that is used up. */
const planNewFile = async (
  { request, folderId, context }: Planning,
  plan: Plan & { kind: 'create' },
  existing: DriveFile | undefined,
): Promise<Plan> => {
  const isUsedUp = existing !== undefined;
  return { ...plan, folderId, ...(isUsedUp ? { fileId: await request.destination.drive.newId(context) } : {}) };
};

const choose = async (planning: Planning): Promise<Plan> => {
  const planner = await rowPlanner(planning);
  return planner === undefined ? choosePlan(planning) : planner.planRows(planning);
};

/** Plans again. A file that another try of the same key creates at this moment under the planned id is the key's own file. */
const chooseAgain = async (planning: Planning, plan: Plan): Promise<Plan> => {
  const isPlanned = (id: string): boolean => plan.kind === 'create' && id === plan.fileId;
  try {
    const chosen = await choose(planning);
    return chosen.kind !== 'create' && isPlanned(chosen.fileId) ? plan : chosen;
  } catch (error) {
    if (asCourierError(error).code !== 'name-taken' || plan.kind !== 'create') throw error;
    const made = await planning.request.destination.drive.get(plan.fileId, planning.context);
    if (made === undefined || made.trashed) throw error;
    return plan;
  }
};

/**
 * Whether the bytes of the key are already in the file that they were to replace. A person who has moved it since has moved
 * the delivered file. A file in the trash may have been there before the bytes were written, and people don't see it, so it
 * does not count.
 */
const isReplaced = (claim: Claim, plan: Plan & { kind: 'replace' }, existing: DriveFile): boolean =>
  !existing.trashed &&
  existing.sha256Checksum !== undefined &&
  existing.sha256Checksum === claim.sha256() &&
  existing.headRevisionId !== plan.formerRevisionId;

/** Whether the file of a plan is the key's own, or has its bytes. */
const isDone = async (planning: Planning, claim: Claim, plan: Plan, existing: DriveFile): Promise<boolean> => {
  // An earlier try created this file. It is still the key's file if a person has renamed, moved or trashed it since.
  if (plan.kind === 'create') {
    return isOwnFile(claim, existing) && !(await isTakenBack(planning, claim, existing));
  }
  return plan.kind === 'replace' && isReplaced(claim, plan, existing);
};

/**
 * What would be planned now, given what an earlier try has planned and perhaps done. Rows and conversions have rules of their
 * own. Otherwise the first of these applies: the key's file exists already; the file of the plan is still the one of the
 * name; everything is chosen again.
 */
const planNow = async (planning: Planning, claim: Claim, plan: Plan): Promise<Checked> => {
  const { request, folderId, context } = planning;
  const { drive } = request.destination;
  const { name } = request;
  if (plan.kind === 'appendRows' || plan.kind === 'replaceRows') {
    return { plan: await (await import('../store/rows/plan-rows.ts')).planRowsNow(planning, claim, plan) };
  }
  // The destination may have had other defaults when the first try was planned.
  const planner = await rowPlanner(planning);
  // A document that an earlier try may have made stays the key's.
  if (plan.kind === 'convert' && (planner === undefined || claim.sha256() !== undefined))
    return { plan: await planConversionNow(planning, claim, plan) };
  const existing = plan.kind === 'convert' ? undefined : await drive.get(plan.fileId, context);
  if (existing !== undefined && (await isDone(planning, claim, plan, existing))) return { plan, existing };
  if (planner !== undefined) return { plan: await planner.planRows(planning) };
  // Without a name to share, the key gets a new file. With one, another file may have the name now.
  if (plan.kind === 'create' && plan.nameKey === undefined)
    return { plan: await planNewFile(planning, plan, existing) };
  const isTarget = existing !== undefined && plan.folderId === folderId && isThere({ folderId, name }, existing);
  if (!isTarget) return { plan: await chooseAgain(planning, plan) };
  // It may have been made read-only since.
  return { plan: plan.kind === 'replace' ? { ...plan, ...lockOf(existing) } : plan, existing };
};

/**
 * Whether another try may be writing the planned file at this moment. It has noted its bytes before, and holds the lease of
 * the file until its receipt is recorded.
 */
const mayBeWritten = (claim: Claim, plan: Plan): boolean =>
  claim.sha256() !== undefined &&
  (plan.kind === 'replace' || ((plan.kind === 'create' || plan.kind === 'convert') && plan.rule !== 'new'));

/** What a try holds that may write the file of a plan, or make its document. */
const leaseOf = (planning: Planning, plan: Plan, onDocument: (made: DriveFile) => void): Promise<Lease> => {
  const { ledger, context, now, sleep } = planning;
  if (plan.kind === 'convert') return acquireNameLease(planning, plan.folderId, context, onDocument);
  const times = sleep === undefined ? { now } : { now, sleep };
  return acquireLease(ledger, fileLeaseKey(plan.fileId), 'Another try of this delivery', context, times);
};

/**
 * Checks the plan of an earlier try as if it were made now: its file may have been renamed, moved, trashed or removed, its
 * id may be used up, a person may have put a file of the name there. A new plan is noted for all tries of the key.
 */
const checkPlan = async (planning: Planning, claim: Claim): Promise<Checked | { receipt: Receipt }> => {
  let held: { plan: Plan; lease: Lease } | undefined;
  /** The document that an earlier try has made according to its plan. It is still the key's, wherever it is now. */
  let made: DriveFile | undefined;
  const onDocument = (file: DriveFile): void => {
    if (isOwnFile(claim, file)) made = file;
  };
  const isHeld = (plan: Plan): boolean =>
    held?.plan.fileId === plan.fileId && (plan.kind !== 'convert' || isSamePlan(held.plan, plan));
  try {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      const plan = claim.plan();
      const checked = await planNow(planning, claim, plan);
      if (isSamePlan(checked.plan, plan)) return { ...checked, plan };
      const mustWait = mayBeWritten(claim, plan) && !isHeld(plan);
      if (mustWait) {
        await held?.lease.release();
        held = undefined;
        held = { plan, lease: await leaseOf(planning, plan, onDocument) };
      }
      if (made !== undefined) return { plan, existing: made };
      if (held !== undefined) mustHold(held.lease);
      // After the wait, the file may have the bytes of the other try, so the plan is checked again before it is revised.
      const receipt = await (mustWait ? claim.refresh() : claim.revise(checked.plan));
      if (receipt !== undefined) return { receipt };
    }
  } finally {
    await held?.lease.release();
  }
  throw new CourierError('drive-unavailable', { detail: 'Concurrent tries of this delivery keep changing its plan.' });
};

/** Collects the input of a plan, and finds or creates the path's folder. */
const startPlanning = async (deliveryContext: DeliveryContext): Promise<Planning> => {
  const { delivery, request, context } = deliveryContext;
  const { source } = delivery;
  // No folder is created for bytes that no longer exist.
  if (source.missing !== undefined) throw source.missing;
  const { destination } = request;
  if (destination.config.spreadsheet !== undefined) return { ...deliveryContext, folderId: '', source };
  const { folderId } = await destination.folders.ensure(folderOf(destination), request.path, context);
  return { ...deliveryContext, folderId, source };
};

/**
 * Plans a delivery: which folder, and which file in it. If another try has claimed the key, that try's plan is checked.
 * @returns what is known of the key instead, if another try has claimed or finished it in the meantime
 */
export const planDelivery = async (
  deliveryContext: DeliveryContext,
  key: Exclude<KeyState, { state: 'done' }>,
): Promise<Planned | KeyState> => {
  const plan = async (): Promise<Planned | KeyState> => {
    const planning = await startPlanning(deliveryContext);
    if (key.state !== 'claimed') return { state: 'planned', key, plan: await choose(planning) };
    const checked = await checkPlan(planning, key.claim);
    return 'receipt' in checked ? { state: 'done', receipt: checked.receipt } : { state: 'planned', key, ...checked };
  };
  try {
    return await againInFreshFolder(deliveryContext, plan);
  } catch (error) {
    if (key.state !== 'free' || asCourierError(error).code !== 'name-taken') throw error;
    // The file that has the name may be this key's own, created by another try since the key was looked up.
    const current = await lookUpKey(deliveryContext);
    if (current.state === 'free') throw error;
    return current;
  }
};
