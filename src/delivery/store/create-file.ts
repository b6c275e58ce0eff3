import { randomUUID } from 'node:crypto';
import type { DriveFile, Uploaded } from '../../drive/drive.ts';
import { markMade } from '../naming/names.ts';
import { CourierError } from '../../errors.ts';
import { keyMark, sameBytes } from '../idempotency.ts';
import { createCommitGuard } from './commit-guard.ts';
import { DIGEST_PROPERTY, isOwnFile, KEY_PROPERTY, sentBefore, TRY_PROPERTY } from './marks.ts';
import type { Plan } from '../plan.ts';
import { checkTarget, guardedRequest, placedBefore, restore } from './replace-file.ts';
import { descriptionOf, giveUpId, outcomeOf, type Placed, type Put, resumption, sharedRequest } from './upload-step.ts';
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
const resolveExisting = async (put: Put, { file, sha256, size }: Uploaded, ownTry: string): Promise<Placed> => {
  const { order, plan, claim } = put;
  const received = { sha256, size };
  const rule = plan.kind === 'create' ? plan.rule : undefined;
  const isOwnTry = file.appProperties[TRY_PROPERTY] === ownTry;
  if (!isOwnTry && !isOwnFile(claim, file) && rule !== 'new') {
    if (rule === 'skip') return { file, outcome: 'skipped' };
    throw nameTaken(order.name);
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
const becomesVisible = async ({ order, context, sleep }: Put, id: string): Promise<boolean> => {
  for (const wait of VISIBILITY_WAITS_MS) {
    await sleep(wait, context.signal);
    if ((await order.place.drive.get(id, context)) !== undefined) return true;
  }
  return false;
};

/** A new file under an id that was chosen before: whoever comes second finds it there. */
const create = async (put: Put, plan: NewFile): Promise<Placed> => {
  const { order, delivery, claim, ledger, log } = put;
  const { nameKey } = plan;
  const ownTry = randomUUID();
  const file = {
    id: plan.fileId,
    name: order.name,
    mimeType: delivery.source.mimeType,
    folderId: plan.folderId,
    appProperties: {
      [TRY_PROPERTY]: ownTry,
      ...(claim === undefined ? {} : { [KEY_PROPERTY]: keyMark(claim.key) }),
    },
    ...descriptionOf(put),
  };
  const isReplacing = plan.rule === 'replace';
  const guard = createCommitGuard(put, isReplacing);
  // An upload without a key to a name of its own has nothing to look up before its bytes become a file.
  const request = claim === undefined && !isReplacing ? sharedRequest(put) : guardedRequest(put, guard);
  const uploaded = await order.place.drive.upload({
    ...request,
    ...(await resumption(put)),
    target: { kind: 'create', file },
    ...(claim === undefined ? {} : { digestProperty: DIGEST_PROPERTY }),
    ifExists: (existing) => (isReplacing && !isOwnFile(claim, existing) ? 'replace' : 'answer'),
    folderGone: () => freshFolder(put),
    async idSpent(id, why) {
      if (why === 'taken-back' || !(await becomesVisible(put, id))) await giveUpId(put, plan, id);
    },
  });
  if (uploaded.stopped) return placedBefore(put, uploaded, guard);
  if (nameKey !== undefined) await markMade(ledger, nameKey, log);
  if (uploaded.replaced) {
    const { sha256, size } = uploaded;
    await checkTarget(put, uploaded.file, undefined);
    return { file: uploaded.file, outcome: outcomeOf('replaced', claim), received: { sha256, size } };
  }
  if (uploaded.existed) return resolveExisting(put, uploaded, ownTry);
  const { sha256, size } = uploaded;
  return { ...(await outOfTrash(put, uploaded.file)), outcome: 'created', received: { sha256, size } };
};

/**
 * Makes the file of a delivery.
 * @param existing the file of the plan's id, where an earlier try has made it
 */
export const createFile = (put: Put, plan: NewFile, existing: DriveFile | undefined): Promise<Placed> => {
  if (existing !== undefined && isOwnFile(put.claim, existing) && existing.sha256Checksum !== undefined) {
    const sent = sentBefore(put.claim, existing);
    if (sent !== undefined && sent !== existing.sha256Checksum) return restore(put, existing);
  }
  return create(put, plan);
};
