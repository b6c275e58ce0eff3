import type { Drive, DriveFile, ReceivedBytes, UploadTarget } from '../../drive/drive.ts';
import { CourierError } from '../../errors.ts';
import { isOwnFile } from '../idempotency.ts';
import { isThere } from '../naming/names.ts';
import type { Plan } from '../plan.ts';
import { giveUpId, type UploadStep } from './upload-step.ts';

export type Revisions = Awaited<ReturnType<Drive['revisions']>>;

/** The file may no longer be replaced as planned. */
export const targetChanged = (): CourierError =>
  new CourierError('drive-unavailable', {
    detail: 'The file to be replaced was renamed, moved or removed in the meantime.',
    remedy: 'Try again. The next try uses the file that has the name then.',
  });

/** Whether Drive's checksum shows that the file has these bytes. Drive may lack the SHA-256 of a file. */
const hasBytes = (file: DriveFile, { sha256, md5, size }: ReceivedBytes): boolean =>
  file.sha256Checksum === undefined
    ? md5 !== undefined && file.md5Checksum === md5 && file.size === size
    : file.sha256Checksum === sha256;

/** Whether the bytes were in the file at some time since the delivery was planned, even if they were replaced since. */
export const wereStored = async (
  plan: Plan,
  { file, bytes, former }: { file: DriveFile; bytes: ReceivedBytes; former: string | undefined },
  revisionsOf: (file: DriveFile) => Promise<Revisions>,
): Promise<boolean> => {
  if (hasBytes(file, bytes)) return true;
  if (bytes.md5 === undefined || file.headRevisionId === undefined) return false;
  const revisions = await revisionsOf(file);
  // A file that did not exist when the delivery was planned has only newer revisions.
  const before = plan.kind === 'create' ? -1 : revisions?.findIndex(({ id }) => id === former);
  if (revisions === undefined || before === undefined || (plan.kind !== 'create' && before === -1)) return false;
  return revisions.slice(before + 1).some(({ md5Checksum }) => md5Checksum === bytes.md5);
};

/** Whether the key's bytes may be written over a file that the key has created and that has other bytes. */
const mayRestore = async (
  plan: Plan,
  file: DriveFile,
  revisionsOf: (file: DriveFile) => Promise<Revisions>,
): Promise<boolean> => {
  if (plan.kind === 'create' && plan.rule === 'replace') return true;
  return (await revisionsOf(file))?.length === 1;
};

/**
 * The key's file never held the key's bytes, and another writer has written other bytes to it since. Those stay. With
 * onConflict=new the next try creates another file; otherwise that file is now the one of the name.
 * @returns the error that ends this try
 */
const leaveToOthers = async (
  step: UploadStep,
  plan: Plan & { kind: 'create' },
  file: DriveFile,
): Promise<CourierError> => {
  const { request, claim } = step;
  if (plan.nameKey === undefined || file.trashed) {
    await giveUpId(step, plan, { unusable: file.id });
    return targetChanged();
  }
  if (plan.rule === 'fail') {
    return new CourierError('name-taken', {
      detail: `"${request.name}" is already in the folder, with other content.`,
    });
  }
  await claim?.revise({ kind: 'skip', fileId: file.id, folderId: plan.folderId });
  return targetChanged();
};

/**
 * What a look at the file to be replaced shows: an attempt whose answer was lost has already put these bytes into it, or they
 * may be written.
 * @throws CourierError if the file must not be replaced any more
 */
export const judgeTarget = async (
  step: UploadStep,
  {
    target: { formerRevisionId: former, convertTo },
    file,
    bytes,
    mayBeStored,
  }: { target: UploadTarget & { kind: 'replace' }; file: DriveFile; bytes: ReceivedBytes; mayBeStored: boolean },
  revisionsOf: (file: DriveFile) => Promise<Revisions>,
): Promise<'stored' | 'writable'> => {
  const { request, plan, claim } = step;
  const isOwn = plan.kind === 'create' && isOwnFile(claim, file);
  // A revision from before the plan is not this delivery's, even if it holds the same bytes.
  const isUnchanged = former !== undefined && file.headRevisionId === former;
  const canBeDone = mayBeStored && !isUnchanged && convertTo === undefined && (isOwn || file.trashed !== true);
  if (canBeDone && (await wereStored(plan, { file, bytes, former }, revisionsOf))) return 'stored';
  if (isOwn) {
    // Since this try was planned, an earlier one has found wrong bytes in the file and moved it to the trash. The next try
    // creates the file under another id.
    const isWrong = file.trashed && !hasBytes(file, bytes);
    if (isWrong && (await revisionsOf(file))?.length === 1) throw targetChanged();
    if (!(await mayRestore(plan, file, revisionsOf))) throw await leaveToOthers(step, plan, file);
    return 'writable';
  }
  if (!isThere({ folderId: plan.folderId, name: request.name }, file)) throw targetChanged();
  return 'writable';
};
