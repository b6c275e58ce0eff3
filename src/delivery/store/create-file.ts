import { randomUUID } from 'node:crypto';
import type { DriveFile, Uploaded } from '../../drive/drive.ts';
import { markMade } from '../naming/names.ts';
import { CourierError } from '../../errors.ts';
import { keyMark, sameBytes } from '../idempotency.ts';
import { createCommitGuard } from './commit-guard.ts';
import { DIGEST_PROPERTY, isOwnFile, KEY_PROPERTY, sentBefore, TRY_PROPERTY } from './marks.ts';
import type { Plan } from '../plan.ts';
import { checkTarget, guardedRequest, placedBefore, restore } from './replace-file.ts';
import {
  descriptionOf,
  giveUpId,
  outcomeOf,
  type StoredFile,
  type UploadStep,
  resumption,
  uploadOptions,
} from './upload-step.ts';
import { freshFolder, outOfTrash } from './trashed-folder.ts';

/** Waits for a file that Drive says exists and does not show, before its id is given up; in milliseconds. */
const VISIBILITY_WAITS_MS = [500, 1_500, 3_000];

const nameTaken = (name: string): CourierError =>
  new CourierError('name-taken', { detail: `"${name}" is already in the folder.` });

type NewFile = Plan & { kind: 'create' };

/**
 * Drive had a file of this id. Whose is it, and what follows?
 * @throws CourierError `name-taken`, `idempotency-key-reused`; `drive-unavailable` where the next try has to find out more
 */
const resolveExisting = async (
  step: UploadStep,
  { file, sha256, size }: Uploaded,
  ownTry: string,
): Promise<StoredFile> => {
  const { request, plan, claim } = step;
  const received = { sha256, size };
  const rule = plan.kind === 'create' ? plan.rule : undefined;
  const isOwnTry = file.appProperties[TRY_PROPERTY] === ownTry;
  if (!isOwnTry && !isOwnFile(claim, file) && rule !== 'new') {
    if (rule === 'skip') return { file, outcome: 'skipped' };
    throw nameTaken(request.name);
  }
  if (claim !== undefined && (file.sha256Checksum ?? sha256) !== sha256) {
    await claim.refresh();
    const sent = sentBefore(claim, file);
    // Without word of what was sent, the file itself tells which bytes the key was first used with.
    sameBytes(sha256, sent ?? file.sha256Checksum);
    throw new CourierError('drive-unavailable', {
      detail: "Another try of this delivery has made the file, and Drive shows other bytes than the delivery's in it.",
    });
  }
  return { file, outcome: isOwnTry || claim === undefined ? 'created' : 'replayed', received };
};

/** Whether Drive shows the file of an id after all. */
const becomesVisible = async ({ request, context, sleep }: UploadStep, id: string): Promise<boolean> => {
  for (const wait of VISIBILITY_WAITS_MS) {
    await sleep(wait, context.signal);
    if ((await request.destination.drive.get(id, context)) !== undefined) return true;
  }
  return false;
};

/** A new file under an id that was chosen before: whoever comes second finds it there. */
const create = async (step: UploadStep, plan: NewFile, existing: DriveFile | undefined): Promise<StoredFile> => {
  const { request, delivery, claim, ledger, log } = step;
  const { nameKey } = plan;
  const ownTry = randomUUID();
  const file = {
    id: plan.fileId,
    name: request.name,
    mimeType: delivery.source.mimeType,
    folderId: plan.folderId,
    appProperties: {
      [TRY_PROPERTY]: ownTry,
      ...(claim === undefined ? {} : { [KEY_PROPERTY]: keyMark(claim.key) }),
    },
    ...descriptionOf(step),
  };
  const isReplacing = plan.rule === 'replace';
  const guard = createCommitGuard(step, {
    mayWriteOver: isReplacing,
    mustBeOnly: plan.rule !== 'new' && existing === undefined,
  });
  // An upload without a key to a name of its own has nothing to look up before its bytes become a file.
  const options = claim === undefined && plan.rule === 'new' ? uploadOptions(step) : guardedRequest(step, guard);
  const uploaded = await request.destination.drive.upload({
    ...options,
    ...(await resumption(step)),
    target: { kind: 'create', file },
    ...(claim === undefined ? {} : { digestProperty: DIGEST_PROPERTY }),
    ifExists: (existing) => (isReplacing && !isOwnFile(claim, existing) ? 'replace' : 'answer'),
    folderGone: () => freshFolder(step),
    async idSpent(id, why) {
      if (why === 'taken-back' || !(await becomesVisible(step, id))) await giveUpId(step, plan, id);
    },
  });
  if (uploaded.stopped) return placedBefore(step, uploaded, guard);
  if (nameKey !== undefined) await markMade(ledger, nameKey, log);
  if (uploaded.replaced) {
    const { sha256, size } = uploaded;
    await checkTarget(step, uploaded.file, undefined);
    return { file: uploaded.file, outcome: outcomeOf('replaced', claim), received: { sha256, size } };
  }
  if (uploaded.existed) return resolveExisting(step, uploaded, ownTry);
  const { sha256, size } = uploaded;
  return { ...(await outOfTrash(step, uploaded.file)), outcome: 'created', received: { sha256, size } };
};

/**
 * Makes the file of a delivery.
 * @param existing the file of the plan's id, where an earlier try has made it
 */
export const createFile = (step: UploadStep, plan: NewFile, existing: DriveFile | undefined): Promise<StoredFile> => {
  if (existing !== undefined && isOwnFile(step.claim, existing) && existing.sha256Checksum !== undefined) {
    const sent = sentBefore(step.claim, existing);
    if (sent !== undefined && sent !== existing.sha256Checksum) return restore(step, existing);
  }
  return create(step, plan, existing);
};
