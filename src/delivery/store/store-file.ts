import { checkDigest } from '../../domain.ts';
import type { DriveFile } from '../../drive/drive.ts';
import { asCourierError, CourierError } from '../../errors.ts';
import { freshFolder, isFolderMissing } from '../naming/folders.ts';
import type { Plan } from '../plan.ts';
import { hashOf, IN_TRASH } from '../receipt.ts';
import { folderOf, type ResolvedRequest } from '../resolve-options.ts';
import { convert } from './convert-file.ts';
import { createFile } from './create-file.ts';
import { replace } from './replace-file.ts';
import { mustGet, type StoredFile, type UploadStep } from './upload-step.ts';

const skip = async (step: UploadStep, plan: Plan & { kind: 'skip' }): Promise<StoredFile> => {
  const { source, expectedSha256 } = step.delivery;
  // The body is read to its end although nothing is stored. Otherwise callers that read no answer while they send would only
  // see a reset connection.
  if (source.identity === undefined) {
    const { sha256, size } = await hashOf(source, step.request.destination.config.maxBytes);
    // An empty body with the digest of other bytes only requests the receipt. Clients send this after their upload session
    // was refused.
    if (size > 0) checkDigest(expectedSha256, sha256);
  }
  return { file: await mustGet(step, plan.fileId), outcome: 'skipped', isNew: false };
};

const carryOut = async (step: UploadStep, existing: DriveFile | undefined): Promise<StoredFile> => {
  const { plan } = step;
  switch (plan.kind) {
    case 'create':
      return createFile(step, plan, existing);
    case 'replace':
      return replace(step, plan);
    case 'skip':
      return skip(step, plan);
    case 'convert':
      return convert(step, plan, existing);
    case 'appendRows':
    case 'replaceRows':
      return (await import('./rows/write-rows.ts')).writeRows(step, plan);
  }
};

/** Whether the destination's own folder is there, and the account may create files in it. */
const isOwnFolderThere = async ({ request: { destination, path }, context }: UploadStep): Promise<boolean> => {
  if (path !== '' || destination.config.folder === null) return false;
  const { canAddChildren, trashed } = await destination.drive.inspectFolder(folderOf(destination), context);
  return canAddChildren && !trashed;
};

/**
 * The error of a step. If Drive has not found a folder, it may not have shown one that is there: the next try succeeds then. A
 * folder of the path is looked up or created for it.
 */
const whenFolderMissing = async (step: UploadStep, error: unknown): Promise<unknown> => {
  try {
    if (isFolderMissing(step, error)) await freshFolder(step);
    else if (asCourierError(error).code !== 'folder-not-found' || !(await isOwnFolderThere(step))) return error;
  } catch (failure) {
    return failure;
  }
  return new CourierError('drive-unavailable', {
    detail: 'A folder was removed in the meantime, or Drive does not show it yet.',
    cause: error,
  });
};

/** Of rows that were all there. Only those of a delivery that was interrupted are written again. */
const NO_TAB = 'The tab with the rows was deleted.';

const storeWith = async (
  step: UploadStep,
  existing: DriveFile | undefined,
): Promise<StoredFile & { warnings: readonly string[] }> => {
  const stored = await carryOut(step, existing).catch(async (thrown: unknown) => {
    const error = await whenFolderMissing(step, thrown);
    // Only a write to a file that exists can fail because of a content restriction.
    const { plan } = step;
    const canBeLocked =
      ['replace', 'replaceRows', 'appendRows'].includes(plan.kind) ||
      (plan.kind === 'create' && plan.rule === 'replace');
    if (step.unlocked.length === 0 && !canBeLocked) throw error;
    throw await (await import('./locks.ts')).afterFailure(step, error);
  });
  // Another try has answered and this one has written nothing, so the files must be locked again here.
  if (stored.receipt !== undefined && step.unlocked.length > 0) await (await import('./locks.ts')).relock(step);
  const { file, sheet, warnings = file.trashed ? [IN_TRASH] : [] } = stored;
  return { ...stored, warnings: sheet?.tab === '' ? [...warnings, NO_TAB] : warnings };
};

/**
 * Carries out the plan of a delivery: its bytes are uploaded and verified. If Drive refuses them because of a quota of the
 * account, and the destination has another account, that one is used.
 * @param existing the file of the plan's id, where Drive has it already
 * @returns `request`: with the account that has written the file
 */
export const storeFile = async (
  first: UploadStep,
  existing: DriveFile | undefined,
): Promise<StoredFile & { warnings: readonly string[]; request: ResolvedRequest }> => {
  if (first.request.destination.accounts === undefined) {
    return { ...(await storeWith(first, existing)), request: first.request };
  }
  const refused: UploadStep['refused'] = {};
  const endings: (() => Promise<void>)[] = [];
  const end = async (): Promise<void> => {
    for (const work of endings.splice(0)) await work();
  };
  first.atEnd(end);
  let step: UploadStep = { ...first, refused, atEnd: (work) => void endings.push(work) };
  try {
    for (;;) {
      try {
        const stored = await storeWith(step, existing);
        const { request, context } = step;
        // Rows are always written by the account of the plan. A delivery that is skipped, or answered already, names none.
        const { received, sheet, receipt } = stored;
        if (received === undefined || sheet !== undefined || receipt !== undefined) return { ...stored, request };
        const { asWriter } = await import('../file-account.ts');
        const written = { ...stored, sha256: received.sha256 };
        return { ...stored, request: await asWriter(request, written, context) };
      } catch (error) {
        step = await (await import('./next-account.ts')).nextAccount(step, error);
        // Otherwise it would wait for its own leases, as it still does for one whose request may take effect.
        await end();
      }
    }
  } finally {
    refused.upload?.close();
  }
};
