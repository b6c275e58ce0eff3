import type { DriveFile, UploadRequest, UploadResult, UploadTarget } from '../../drive/drive.ts';
import { CourierError } from '../../errors.ts';
import { sameBytes } from '../idempotency.ts';
import { isThere } from '../naming/names.ts';
import { mayBeLocked, type Plan } from '../plan.ts';
import { detailsOfContent } from '../resolve-options.ts';
import { type CommitGuard, createCommitGuard, type GuardOptions } from './commit-guard.ts';
import { keptSession, mustBeStored, outcomeOf, type StoredFile, type UploadStep, withUpload } from './upload-step.ts';

/** Milliseconds for removing a revision from a file that is no longer the target. The request's own time may have ended. */
const UNDO_TIMEOUT_MS = 15_000;

/**
 * Removes the revision that this delivery has written, if that is certain, because it is the only revision since the
 * delivery was planned.
 */
const removeOwnRevision = async (
  { request, now }: UploadStep,
  { id, headRevisionId }: DriveFile,
  former: string | undefined,
  afterwards: CommitGuard['afterwards'],
): Promise<boolean> => {
  const { drive } = request.destination;
  const context = { ...afterwards, deadlineMs: now() + UNDO_TIMEOUT_MS };
  const revisions = (await drive.revisions(id, context)) ?? [];
  const before = revisions.findIndex((revision) => revision.id === former);
  if (before === -1 || revisions.length !== before + 2 || headRevisionId === undefined) return false;
  if (revisions.at(-1)?.id !== headRevisionId) return false;
  return drive.removeRevision(id, headRevisionId, context);
};

/**
 * Drive's answer shows the file as it was when the bytes were written. If a person has renamed, moved or trashed it since the
 * plan was made, the bytes are removed from it again, and the next try finds the file that has the name now.
 * @param afterwards see `CommitGuard`
 * @throws CourierError `drive-unavailable`
 */
export const checkTarget = async (
  step: UploadStep,
  file: DriveFile,
  former: string | undefined,
  afterwards: CommitGuard['afterwards'] = {},
): Promise<void> => {
  const { request, plan, log } = step;
  if (isThere({ folderId: plan.folderId, name: request.name }, file)) return;
  const removed = await removeOwnRevision(step, file, former, afterwards).catch((error: unknown) => {
    log.error({ error, fileId: file.id }, 'a revision could not be removed from a file that is no longer the target');
    return false;
  });
  log.warn({ fileId: file.id, removed }, 'the file was renamed, moved or trashed while it was being replaced');
  throw new CourierError('drive-unavailable', {
    detail: 'The file to be replaced was renamed, moved or trashed in the meantime.',
    remedy: 'Try again. The next try uses the file that has the name then.',
  });
};

/** The result of an upload that the commit guard has stopped, because the file has, or had, these bytes. */
export const storedBefore = (
  { claim }: UploadStep,
  { file, received: { sha256, md5, size } }: Extract<UploadResult, { kind: 'superseded' }>,
  { guard, isNew }: { guard: CommitGuard; isNew: boolean },
): StoredFile => {
  const receipt = guard.receipt();
  const md5Checksum = file.sha256Checksum === sha256 ? file.md5Checksum : md5;
  return {
    file: { ...file, md5Checksum },
    // With another try's receipt, the delivery was answered before. Otherwise an attempt without an answer has written the
    // bytes: the first try reports what it did, and later ones report a replay.
    outcome: receipt === undefined ? outcomeOf('replaced', claim) : 'replayed',
    isNew,
    received: { sha256, size },
    receipt,
  };
};

/** @param sent SHA-256 of the only bytes that may be stored, if they are known */
const upload = async (
  step: UploadStep,
  target: UploadTarget & { kind: 'replace' },
  sent?: string,
): Promise<StoredFile> => {
  const guard = createCommitGuard(step, { needsLease: true, unlock: unlockOf(step) });
  const { sessionUri, ...keep } = await keptSession(step);
  // Drive refuses to start a session for a file that is read-only.
  if (mayBeLocked(step)) await (await import('./locks.ts')).unlockEarly(step, target.id);
  const beforeCommit: UploadRequest['beforeCommit'] = async (bytes, ...target) => {
    // Before the guard notes them as those of the key.
    sameBytes(bytes.sha256, sent);
    return guard.options.beforeCommit?.(bytes, ...target);
  };
  const options = { ...guard.options, ...keep, beforeCommit };
  const result = mustBeStored(await withUpload(step, options, ({ send }) => send(target, sessionUri)));
  // A file that is restored belongs to the key.
  const isNew = step.plan.kind !== 'replace';
  if (result.kind === 'superseded') return storedBefore(step, result, { guard, isNew });
  const { file, received } = result;
  if (!isNew) await checkTarget(step, file, target.formerRevisionId, guard.afterwards);
  return { file, outcome: outcomeOf('replaced', step.claim), isNew, received };
};

/**
 * Unlocks a file that may be read-only because of the courier, when it is this delivery's turn: the delivery before it has
 * locked the file again.
 */
export const unlockOf = (step: UploadStep): GuardOptions['unlock'] =>
  mayBeLocked(step) ? async (fileId, leased) => (await import('./locks.ts')).unlock(step, fileId, leased) : undefined;

/** The target of bytes that are written over a file. */
export const overFile = (step: UploadStep, id: string) =>
  ({
    kind: 'replace',
    id,
    mimeType: step.delivery.source.mimeType,
    ...detailsOfContent(step.request),
  }) as const;

/** New bytes for an existing file: its id, link and sharing stay. */
export const replace = (
  step: UploadStep,
  { fileId, convertTo, formerRevisionId }: Plan & { kind: 'replace' },
): Promise<StoredFile> =>
  upload(step, {
    ...overFile(step, fileId),
    convertTo,
    formerRevisionId,
  });

/**
 * The key's own file has other bytes than the key's: either Drive corrupted them and the try ended before its check, or they
 * were replaced since. It may also have the key's bytes, if Drive has no SHA-256 of it. The guard decides which, once the bytes
 * of this try are known.
 * @param sent SHA-256 of the key's bytes, which the ledger may not have
 */
export const restore = (step: UploadStep, file: DriveFile, sent: string): Promise<StoredFile> =>
  upload(step, overFile(step, file.id), sent);
