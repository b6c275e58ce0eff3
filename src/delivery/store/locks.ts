import type { CallContext } from '../../drive/drive.ts';
import { asCourierError, CourierError } from '../../errors.ts';
import { acquireLease, endLease, fileLeaseKey, underLease } from '../../ledger/lease.ts';
import { createUnanswered } from '../../unanswered-requests.ts';
import { restrictionsOf } from '../policy.ts';
import { MAX_LOOK_AGE_MS } from '../../look-age.ts';
import type { UploadStep } from './upload-step.ts';

/**
 * Content restrictions of files that are replaced. Before it writes, the courier removes its own restriction, but never one
 * of somebody else.
 */

/** Milliseconds for restoring a restriction. The request's own time may have ended. */
const RESTORE_TIMEOUT_MS = 15_000;

const lockedByOthers = ({ request }: UploadStep): CourierError =>
  new CourierError('name-taken', {
    detail: `"${request.name}" is already in the folder, and somebody has made it read-only in Drive.`,
    remedy:
      'Ask for the content restriction to be removed in Drive (File > Unlock file), or send another name or onConflict=new.',
    reason: 'content-restricted',
  });

/** Whether another account of the destination has set the content restriction. */
const isOthersOwn = async ({ request: { destination }, context }: UploadStep, id: string): Promise<boolean> => {
  for (const other of destination.accounts?.all() ?? []) {
    if (other.drive === destination.drive) continue;
    const lock = await (await other.drive.policy()).lockOf(id, context);
    if (lock?.isOwn === true) return true;
  }
  return false;
};

/** Whether the file has the courier's own content restriction. @throws CourierError `name-taken` for one that somebody else has set */
const hasOwnLock = async (step: UploadStep, id: string): Promise<boolean> => {
  const policy = await step.request.destination.drive.policy();
  const lock = await policy.lockOf(id, step.context);
  if (lock?.isLocked !== true) return false;
  if (!lock.isOwn && !(await isOthersOwn(step, id))) throw lockedByOthers(step);
  return true;
};

const removeLock = async (step: UploadStep, id: string, context: CallContext): Promise<void> => {
  const { request, unlocked } = step;
  const policy = await request.destination.drive.policy();
  unlocked.push(id);
  step.atEnd(() => restoreLocks(step));
  await policy.unlock(id, context);
};

/**
 * Removes the courier's own content restriction before the turn of this delivery comes. It does so under the lease of the file:
 * otherwise, Drive might carry out the request later, and remove a restriction that another delivery has restored by then.
 */
export const unlockEarly = async (step: UploadStep, id: string): Promise<void> => {
  const { ledger, context, now, sleep } = step;
  if (!(await hasOwnLock(step, id))) return;
  const seenMs = now();
  const lease = await acquireLease(ledger, fileLeaseKey(id), 'Another delivery to this file', context, { now, sleep });
  const requests = createUnanswered();
  try {
    if (now() - seenMs > MAX_LOOK_AGE_MS && !(await hasOwnLock(step, id))) return;
    await removeLock(step, id, underLease(lease, { ...context, onSend: requests.onSend }));
  } finally {
    await endLease(lease, requests);
  }
};

/** Removes the courier's own content restriction. @throws CourierError `name-taken` for one that somebody else has set */
export const unlock = async (step: UploadStep, id: string, context: CallContext): Promise<void> => {
  if (await hasOwnLock(step, id)) await removeLock(step, id, context);
};

/** Restores the restrictions of files that were unlocked and not written. */
export const relock = async ({ request, unlocked, now, log }: UploadStep): Promise<void> => {
  const { drive, config } = request.destination;
  const context = { deadlineMs: now() + RESTORE_TIMEOUT_MS };
  for (const id of unlocked.splice(0)) {
    try {
      const file = await drive.get(id, context);
      const restrictions = { ...restrictionsOf(config), readOnly: true } as const;
      if (file !== undefined) await (await drive.policy()).restrict(file, restrictions, context);
    } catch (error) {
      log.error({ error, fileId: id }, 'the content restriction of a file could not be restored');
    }
  }
};

/** Restores at the end of a delivery what the policy of its destination does not restore. */
export const restoreLocks = async (step: UploadStep): Promise<void> => {
  if (!step.request.destination.config.readOnly) await relock(step);
};

/** The error of an upload that may have failed because of a content restriction, after which the file is locked again. */
export const afterFailure = async (step: UploadStep, thrown: unknown): Promise<unknown> => {
  const { plan, request, context, unlocked } = step;
  if (unlocked.length > 0) await relock(step);
  const { code } = asCourierError(thrown);
  if (!['folder-not-writable', 'policy-forbidden', 'drive-refused'].includes(code) || plan.fileId === '') return thrown;
  const policy = await request.destination.drive.policy();
  const lock = await policy.lockOf(plan.fileId, context).catch(() => undefined);
  if (lock?.isLocked !== true) return thrown;
  if (!lock.isOwn && !(await isOthersOwn(step, plan.fileId).catch(() => false))) return lockedByOthers(step);
  return new CourierError('drive-unavailable', {
    detail: 'Another delivery has made the file read-only again in the meantime.',
    cause: thrown,
  });
};
