import { ownerOf } from '../access/access.ts';
import { DriveError } from '../errors.ts';
import { type Account, FOLDER, SHORTCUT, type StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';
import { quotaBytes } from './resource.ts';

const exceeded = (message: string): DriveError =>
  new DriveError(403, message, { reason: 'storageQuotaExceeded', domain: 'usageLimits' });

/** Bytes that the person's own files use, including those in the trash. */
export function usageOf(state: DriveState, account: Account): { inDrive: number; inTrash: number } {
  const usage = { inDrive: 0, inTrash: 0 };
  for (const file of state.store.files.all()) {
    if (file.driveId !== undefined || ownerOf(file) !== account.email) continue;
    const bytes = quotaBytes(file);
    usage.inDrive += bytes;
    if (file.trashed) usage.inTrash += bytes;
  }
  return usage;
}

/**
 * Checks that the owner has enough storage. A shared drive belongs to the organisation and uses nobody's quota. Service
 * accounts have no storage quota, so a service account can own folders but no files.
 * @param owner undefined in a shared drive
 * @throws DriveError 403 `storageQuotaExceeded`
 */
export function checkStorage(
  state: DriveState,
  owner: Account | undefined,
  mimeType: string,
  bytes: number,
  replaced: StoredFile | undefined,
): void {
  if (owner === undefined || mimeType === FOLDER || mimeType === SHORTCUT) return;
  if (owner.kind === 'serviceAccount')
    throw exceeded(
      'Service Accounts do not have storage quota. Leverage shared drives (https://developers.google.com/workspace/drive/api/guides/about-shareddrives), or use OAuth delegation (http://support.google.com/a/answer/7281227) instead.',
    );
  if (owner.storageLimit === undefined) return;
  const after = usageOf(state, owner).inDrive - (replaced === undefined ? 0 : quotaBytes(replaced)) + bytes;
  if (after > owner.storageLimit) throw exceeded("The user's Drive storage quota has been exceeded.");
}
