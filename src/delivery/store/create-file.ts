import { randomUUID } from 'node:crypto';
import type { DriveFile, NewFile, ReceivedBytes, Upload, UploadResult, UploadTarget } from '../../drive/drive.ts';
import { hasSameBytes } from '../../drive/upload/verify.ts';
import { CourierError } from '../../errors.ts';
import { askUntilFound } from '../../sleep.ts';
import { DIGEST_PROPERTY, isOwnFile, keyProperty, sameBytes, sentBefore, TRY_PROPERTY } from '../idempotency.ts';
import { freshFolder } from '../naming/folders.ts';
import { markMade } from '../naming/names.ts';
import type { Plan } from '../plan.ts';
import { detailsOfNew, marksOfNew } from '../resolve-options.ts';
import { createCommitGuard } from './commit-guard.ts';
import { outOfTrash } from './out-of-trash.ts';
import { checkTarget, overFile, restore, storedBefore, unlockOf } from './replace-file.ts';
import { giveUpId, keptSession, outcomeOf, type StoredFile, type UploadStep, withUpload } from './upload-step.ts';

/** How often the folder of a new file may turn out to be missing. */
const MAX_MOVES = 3;

type CreatePlan = Plan & { kind: 'create' };

/** What the new file is sent with; its private properties show later which key and which try created it. */
const describeFile = (step: UploadStep, { fileId: id, folderId }: CreatePlan): NewFile => ({
  ...{ id, folderId, name: step.request.name, mimeType: step.delivery.source.mimeType },
  appProperties: {
    [TRY_PROPERTY]: randomUUID(),
    ...marksOfNew(step.request, folderId),
    ...keyProperty(step.claim),
  },
  ...detailsOfNew(step.request),
});

/**
 * Drive already has a file with the planned id, and this try has not written to it. Decides whose file it is, and what
 * follows.
 * @throws CourierError `name-taken`, `idempotency-key-reused`; `drive-unavailable` if only the next try can find out more
 */
const resolveExisting = async (
  { request, claim, log }: UploadStep,
  { rule }: CreatePlan,
  { file, received }: { file: DriveFile; received: ReceivedBytes },
): Promise<StoredFile> => {
  const { sha256 } = received;
  if (!isOwnFile(claim, file) && rule !== 'new') {
    if (rule === 'skip') return { file, outcome: 'skipped', isNew: false };
    throw new CourierError('name-taken', { detail: `"${request.name}" is already in the folder.` });
  }
  if (claim !== undefined && !(await hasSameBytes(file, received, { md5: async () => received.md5, log }))) {
    await claim.refresh();
    // If it is unknown what was sent, the file itself shows which bytes the key was first used with.
    sameBytes(sha256, sentBefore(claim, file) ?? file.sha256Checksum);
    throw new CourierError('drive-unavailable', {
      detail:
        "Another try of this delivery has created the file, and Drive shows other bytes than the delivery's in it.",
    });
  }
  return { file, outcome: claim === undefined ? 'created' : 'replayed', isNew: true, received };
};

/** Whether Drive shows the file of an id after a while. */
const becomesVisible = async ({ request, context, sleep }: UploadStep, id: string): Promise<boolean> => {
  const ask = (): Promise<DriveFile | undefined> => request.destination.drive.get(id, context);
  const again = { ask, sleep, signal: context.signal };
  return (await askUntilFound<DriveFile | undefined>(undefined, again)) !== undefined;
};

/** For an id that Drive refuses: the next try gets another one, unless Drive shows the file of this one after a while. */
const leaveUnusableId = async (
  step: UploadStep,
  plan: CreatePlan,
  { why }: Extract<UploadResult, { kind: 'id-unusable' }>,
): Promise<void> => {
  const mayBeHidden = why === 'not-shown';
  if (mayBeHidden && (await becomesVisible(step, plan.fileId))) return;
  await giveUpId(step, plan, { unusable: plan.fileId, mayBeHidden });
};

/**
 * The result of sending the bytes. A file that exists already is reported together with the bytes, which were not written to
 * it.
 */
type Sent =
  | (Extract<UploadResult, { kind: 'stored' }> & { target: UploadTarget })
  | Extract<UploadResult, { kind: 'superseded' | 'id-unusable' }>
  | { kind: 'exists'; file: DriveFile; received: ReceivedBytes };

const folderReplaced = (): CourierError =>
  new CourierError('drive-unavailable', {
    detail: 'The folder was deleted in the meantime, and was created again.',
    remedy: 'Try again: the next try looks for a file of this name in the new folder.',
  });

/**
 * The new file in the folder that replaces its missing one.
 * @throws CourierError `error` if there is no other folder; `drive-unavailable` if the name must be looked for there first
 */
const inFreshFolder = async (
  step: UploadStep,
  plan: CreatePlan,
  file: NewFile,
  { moves, error }: { moves: number; error: CourierError },
): Promise<NewFile> => {
  const folderId = moves > MAX_MOVES ? undefined : await freshFolder(step);
  if (folderId === undefined || folderId === file.folderId) throw error;
  // Others may have put a file of the name into the new folder, and its name has another id in the ledger.
  if (plan.rule !== 'new') throw folderReplaced();
  return { ...file, folderId, appProperties: { ...file.appProperties, ...marksOfNew(step.request, folderId) } };
};

/**
 * Sends the bytes to the new file. If its folder is missing, they are sent to the folder that replaces it, unless the file must
 * be the only one of its name there; if a file of the id exists and is to be replaced, they are written over it.
 */
const send = async (
  step: UploadStep,
  plan: CreatePlan,
  { upload, sessionUri }: { upload: Upload; sessionUri: string | undefined },
): Promise<Sent> => {
  let file = describeFile(step, plan);
  let target: UploadTarget = { kind: 'create', file };
  let result = await upload.send(target, sessionUri);
  let moves = 0;
  for (; ; result = await upload.send(target)) {
    switch (result.kind) {
      case 'stored':
        return { ...result, target };
      case 'exists':
        if (plan.rule !== 'replace' || isOwnFile(step.claim, result.file)) {
          return { ...result, received: await upload.received() };
        }
        target = overFile(step, result.file.id);
        break;
      case 'folder-missing':
        moves += 1;
        file = await inFreshFolder(step, plan, file, { moves, error: result.error });
        target = { kind: 'create', file };
        break;
      default:
        return result;
    }
  }
};

/** Creates a file with an id that was chosen before. Another try with the same id gets 409 and finds this file. */
const create = async (step: UploadStep, plan: CreatePlan, existing: DriveFile | undefined): Promise<StoredFile> => {
  const { claim, ledger, log } = step;
  const guard = createCommitGuard(step, {
    // If the id is used already, the request cannot create a file, and a repair takes the lease itself.
    needsLease: plan.rule === 'replace' || (plan.rule !== 'new' && claim !== undefined && existing === undefined),
    mustBeOnly: plan.rule !== 'new' && existing === undefined,
    unlock: unlockOf(step),
  });
  const { sessionUri, ...keep } = await keptSession(step);
  // An upload without a key and without a unique name has nothing to look up before its bytes become a file.
  const { beforeUndo } = guard.options;
  const guarded = claim === undefined && plan.rule === 'new' ? { beforeUndo } : guard.options;
  const digest = claim === undefined ? {} : { digestProperty: DIGEST_PROPERTY };
  const sent = await withUpload(step, { ...guarded, ...digest, ...keep }, (upload) =>
    send(step, plan, { upload, sessionUri }),
  );
  if (sent.kind === 'superseded') return storedBefore(step, sent, { guard, isNew: false });
  if (sent.kind === 'id-unusable') {
    await leaveUnusableId(step, plan, sent);
    throw sent.error;
  }
  if (plan.nameKey !== undefined) await markMade(ledger, plan.nameKey, log);
  if (sent.kind === 'exists') return resolveExisting(step, plan, sent);
  const { file, received, target } = sent;
  if (target.kind === 'create') {
    const placed = file.trashed ? await outOfTrash(step, file) : { file };
    return { ...placed, outcome: 'created', isNew: true, received };
  }
  await checkTarget(step, file, undefined);
  return { file, outcome: outcomeOf('replaced', claim), isNew: false, received };
};

/**
 * Whether the key's own file has, or may have, other bytes than the key's. Without a SHA-256 that shows only when the bytes are
 * read, and those that Drive has refused to create a file with cannot always be sent again.
 */
const mayDiffer = (file: DriveFile, sent: string, { size }: UploadStep['delivery']['source']): boolean => {
  if (file.sha256Checksum !== undefined) return file.sha256Checksum !== sent;
  return file.md5Checksum !== undefined || (size !== undefined && size !== file.size);
};

/**
 * Creates the file of a delivery.
 * @param existing the file of the plan's id, where an earlier try has created it
 */
export const createFile = (
  step: UploadStep,
  plan: CreatePlan,
  existing: DriveFile | undefined,
): Promise<StoredFile> => {
  if (existing !== undefined && isOwnFile(step.claim, existing)) {
    const sent = sentBefore(step.claim, existing);
    if (sent !== undefined && mayDiffer(existing, sent, step.delivery.source)) return restore(step, existing, sent);
  }
  return create(step, plan, existing);
};
