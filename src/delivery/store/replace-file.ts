import type { DriveFile, Uploaded, UploadTarget } from '../../drive/drive.ts';
import { isThere } from '../naming/names.ts';
import { CourierError } from '../../errors.ts';
import { type CommitGuard, createCommitGuard } from './commit-guard.ts';
import type { Plan } from '../plan.ts';
import {
  descriptionOf,
  outcomeOf,
  type StoredFile,
  type UploadStep,
  resumption,
  uploadOptions,
} from './upload-step.ts';

/** Milliseconds for removing a revision from a file that is not the target any more; the request's own time may be up. */
const UNDO_TIMEOUT_MS = 15_000;

/** Removes the revision that this delivery has made, if it surely is that: the only one since the delivery was planned. */
const removeOwnRevision = async (
  { request, now }: UploadStep,
  { id, headRevisionId }: DriveFile,
  former: string | undefined,
): Promise<boolean> => {
  const { drive } = request.destination;
  const context = { deadlineMs: now() + UNDO_TIMEOUT_MS };
  const revisions = (await drive.revisions(id, context)) ?? [];
  const before = revisions.findIndex((revision) => revision.id === former);
  if (before === -1 || revisions.length !== before + 2 || headRevisionId === undefined) return false;
  if (revisions.at(-1)?.id !== headRevisionId) return false;
  await drive.removeRevision(id, headRevisionId, context);
  return true;
};

/**
 * Drive's answer shows the file as it was when the bytes went in. If a person has renamed, moved or trashed it since it was
 * chosen, the bytes are taken out of it again, and the next try finds what has the name now.
 * @throws CourierError `drive-unavailable`
 */
export const checkTarget = async (step: UploadStep, file: DriveFile, former: string | undefined): Promise<void> => {
  const { request, plan, log } = step;
  if (isThere({ folderId: plan.folderId, name: request.name }, file)) return;
  const removed = await removeOwnRevision(step, file, former).catch((error: unknown) => {
    log.error(
      { error, fileId: file.id },
      'a revision could not be removed from a file that is not the target any more',
    );
    return false;
  });
  log.warn({ fileId: file.id, removed }, 'the file was renamed, moved or trashed while it was being replaced');
  throw new CourierError('drive-unavailable', {
    detail: 'The file to be replaced was renamed, moved or trashed in the meantime.',
    remedy: 'Try again: the next try finds what has the name then.',
  });
};

/** What an upload came to that its guard has ended: the file holds the bytes, or has held them. */
export const placedBefore = (
  { claim }: UploadStep,
  { file, sha256, md5, size }: Uploaded,
  guard: CommitGuard,
): StoredFile => {
  const receipt = guard.receipt();
  const md5Checksum = file.sha256Checksum === sha256 ? file.md5Checksum : md5;
  return {
    file: { ...file, md5Checksum },
    outcome: claim === undefined ? 'replaced' : 'replayed',
    received: { sha256, size },
    ...(receipt === undefined ? {} : { receipt }),
  };
};

/** The upload's own request, ended also when the lease on the file is about to lapse. */
export const guardedRequest = (step: UploadStep, guard: CommitGuard) => ({
  ...uploadOptions(step),
  ...(guard.signal === undefined ? {} : { signal: guard.signal }),
  beforeCommit: guard.beforeCommit,
});

const upload = async (step: UploadStep, target: UploadTarget & { kind: 'replace' }): Promise<StoredFile> => {
  const guard = createCommitGuard(step, { mayWriteOver: true });
  const uploaded = await step.request.destination.drive.upload({
    ...guardedRequest(step, guard),
    ...(await resumption(step)),
    target,
  });
  if (uploaded.stopped) return placedBefore(step, uploaded, guard);
  const { file, sha256, size } = uploaded;
  if (step.plan.kind === 'replace') await checkTarget(step, file, target.formerRevisionId);
  return { file, outcome: outcomeOf('replaced', step.claim), received: { sha256, size } };
};

/** New bytes for a file that is there: its id, link and sharing stay. */
export const replace = (step: UploadStep, plan: Plan & { kind: 'replace' }): Promise<StoredFile> => {
  const { fileId: id, convertTo, formerRevisionId } = plan;
  const { mimeType } = step.delivery.source;
  return upload(step, {
    ...({ kind: 'replace', id, mimeType } as const),
    ...(convertTo === undefined ? {} : { convertTo }),
    ...(formerRevisionId === undefined ? {} : { formerRevisionId }),
    ...descriptionOf(step),
  });
};

/**
 * The key's own file has other bytes than the key's: Drive kept them wrong and the try died before it could look, or they
 * were replaced since. The guard tells which, once the bytes of this try are known.
 */
export const restore = (step: UploadStep, file: DriveFile): Promise<StoredFile> =>
  upload(step, { kind: 'replace', id: file.id, mimeType: step.delivery.source.mimeType, ...descriptionOf(step) });
