import type { CallContext, DriveFile } from '../../drive/drive.ts';
import { endLease, type Lease, underLease } from '../../ledger/lease.ts';
import { createUnanswered, type UnansweredRequests } from '../../unanswered-requests.ts';
import { freshFolder } from '../naming/folders.ts';
import { freeName } from '../naming/named-file.ts';
import { acquireNameLease } from './name-lease.ts';
import type { StoredFile, UploadStep } from './upload-step.ts';

/** How long a move waits for a conversion of the name in the folder. If that one succeeds, the name is taken. */
const MAX_WAIT_MS = 5_000;

interface Move {
  file: DriveFile;
  from: string;
  to: string;
  held?: HeldLease | undefined;
}

/** The lease of the name in the folder of the plan, if the delivery has it already. It is not ended here. */
interface HeldLease {
  lease: Lease;
  /** The requests under it that may still take effect. */
  requests: UnansweredRequests;
}

/** @returns undefined if the name is taken */
const moveNamed = async (
  { request, plan, ledger, log, now, sleep }: UploadStep,
  { file, from, to }: Move,
  context: CallContext,
): Promise<DriveFile | undefined> => {
  const { drive } = request.destination;
  const named = { drive, ledger, folderId: to, name: request.name, context, log, now, sleep };
  const free = await freeName(named, plan.kind === 'convert' ? 'converted' : 'file');
  if (free === undefined) return undefined;
  const moved = await drive.move(file.id, { from, to }, context);
  try {
    // After the move: other deliveries would find the file in the former folder, and give the name another id.
    if (await free.take(file.id)) return moved;
    await drive.move(file.id, { from: to, to: from }, context);
    return undefined;
  } catch (error) {
    // The receipt must say where the file is.
    log.warn({ error, fileId: file.id }, 'the name of a moved file could not be noted in its new folder');
    return moved;
  }
};

/** A conversion that runs in the folder has looked for the name before, so the name is moved when it has ended. */
const moveDocument = async (step: UploadStep, move: Move): Promise<DriveFile | undefined> => {
  const { context, plan } = step;
  const moveUnder = ({ lease, requests: { onSend } }: HeldLease): Promise<DriveFile | undefined> =>
    moveNamed(step, move, underLease(lease, { ...context, onSend }));
  if (move.held !== undefined && move.to === plan.folderId) return moveUnder(move.held);
  const lease = await acquireNameLease(step, move.to, { ...context, maxWaitMs: MAX_WAIT_MS });
  const requests = createUnanswered();
  try {
    return await moveUnder({ lease, requests });
  } finally {
    await endLease(lease, requests);
  }
};

/**
 * Moves a new file into the folder that replaces one in the trash. If it must be the only one of its name, and the name is
 * taken there, it stays where it is.
 * @returns undefined if the name is taken
 */
const moveTo = (step: UploadStep, move: Move): Promise<DriveFile | undefined> => {
  const { request, plan, context } = step;
  if (!('rule' in plan) || plan.rule === 'new') return request.destination.drive.move(move.file.id, move, context);
  return plan.kind === 'convert' ? moveDocument(step, move) : moveNamed(step, move, context);
};

/**
 * Moves a new file out of a folder in the trash. Drive creates files there without an error, but people would not find them.
 */
export const outOfTrash = async (
  step: UploadStep,
  file: DriveFile,
  held?: HeldLease,
): Promise<Pick<StoredFile, 'file' | 'warnings'>> => {
  const from = file.parents[0];
  if (!file.trashed || from === undefined) return { file };
  try {
    const to = await freshFolder(step);
    // The folder is not in the trash: a person put the file itself there, and the receipt says so.
    if (to === from) return { file };
    const moved = to === undefined ? undefined : await moveTo(step, { file, from, to, held });
    if (moved !== undefined) return { file: moved };
  } catch (error) {
    step.log.warn({ error, fileId: file.id }, 'a new file could not be moved out of a folder in the trash');
  }
  return { file, warnings: ['The folder is in the trash, and so is the file.'] };
};
