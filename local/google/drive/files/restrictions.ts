import { hasRole, roleOf } from '../access/access.ts';
import { rfc3339, userResource } from '../access/principals.ts';
import { badRequest, insufficientFilePermissions } from '../errors.ts';
import { type Actor, FOLDER, type StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';
import type { RequestedMetadata } from './metadata.ts';

/**
 * Content and download restrictions (guides/content-restrictions, "Protect file content"). Approvals and system
 * restrictions are not modelled.
 */

/** `capabilities` of restrictions: any writer; with `ownerRestricted` only the owner, or an organizer of the shared drive. */
export const mayRestrictContent = (
  { driveId }: StoredFile,
  role: Parameters<typeof hasRole>[0],
  ownerRestricted: boolean,
): boolean => {
  if (!ownerRestricted) return hasRole(role, 'writer');
  return driveId === undefined ? role === 'owner' : role === 'organizer';
};

/** Who may download, print and copy. Restricting writers restricts readers, too (reference/rest/v3/files#DownloadRestriction). */
export const effectiveDownloadRestriction = ({
  copyRequiresWriterPermission,
  downloadRestriction,
}: StoredFile): { restrictedForReaders: boolean; restrictedForWriters: boolean } => {
  const restrictedForWriters = downloadRestriction?.restrictedForWriters ?? false;
  const restrictedForReaders =
    restrictedForWriters || copyRequiresWriterPermission || (downloadRestriction?.restrictedForReaders ?? false);
  return { restrictedForReaders, restrictedForWriters };
};

/**
 * Nobody can change the title, the content or the revisions of a file with a content restriction. It can still be moved,
 * shared and put into the trash. No public source has Drive's reason for the refusal; the message that people report is "The
 * caller does not have permission" (googleapis/google-api-nodejs-client#3437).
 */
export const checkUnlocked = (file: StoredFile, { name }: RequestedMetadata, hasMedia: boolean): void => {
  if (file.contentRestriction !== undefined && (hasMedia || name)) throw insufficientFilePermissions(file.id);
};

/** @throws DriveError 400, 403 */
export const checkRestrictions = (
  state: DriveState,
  actor: Actor,
  file: StoredFile,
  requested: RequestedMetadata,
): void => {
  const { contentRestrictions, downloadRestrictions, copyRequiresWriterPermission } = requested;
  const role = roleOf(state, actor.account, file) ?? 'reader';
  if (contentRestrictions && contentRestrictions.length > 1)
    throw badRequest('A file has at most one content restriction.', 'invalid', 'contentRestrictions');
  const [restriction] = contentRestrictions ?? [];
  // "This is only mutable on requests that also set readOnly=true" (as GAM-team/GAM#1263 found).
  if (restriction?.reason && restriction.readOnly !== true)
    throw badRequest('A reason needs readOnly=true.', 'invalid', 'contentRestrictions');
  if (contentRestrictions) {
    const forOwner = restriction?.ownerRestricted === true || file.contentRestriction?.ownerRestricted === true;
    if (!mayRestrictContent(file, role, forOwner)) throw insufficientFilePermissions(file.id);
  }
  if (downloadRestrictions && !mayRestrictContent(file, role, true)) throw insufficientFilePermissions(file.id);
  // rclone found that Drive answers 400 for folders.
  if ((copyRequiresWriterPermission === true || downloadRestrictions) && file.mimeType === FOLDER)
    throw badRequest('Bad Request', 'invalid', 'copyRequiresWriterPermission');
};

/** "Setting a content restriction on an item overwrites the existing one." */
export const applyRestrictions = (
  file: StoredFile,
  actor: Actor,
  { contentRestrictions, downloadRestrictions }: RequestedMetadata,
  nowMs: number,
): void => {
  if (contentRestrictions) {
    const [restriction] = contentRestrictions;
    file.contentRestriction =
      restriction?.readOnly === true
        ? {
            reason: restriction.reason ?? undefined,
            ownerRestricted: restriction.ownerRestricted ?? false,
            by: actor.account.email,
            atMs: nowMs,
          }
        : undefined;
  }
  if (downloadRestrictions) {
    const { restrictedForReaders, restrictedForWriters } = downloadRestrictions.itemDownloadRestriction ?? {};
    file.downloadRestriction = {
      restrictedForReaders: restrictedForReaders === true || restrictedForWriters === true,
      restrictedForWriters: restrictedForWriters === true,
    };
  }
};

/** The fields of a `File` resource. */
export const restrictionFields = (state: DriveState, file: StoredFile, actor: Actor): Record<string, unknown> => {
  const { contentRestriction: content } = file;
  return {
    contentRestrictions:
      content === undefined
        ? undefined
        : [
            {
              readOnly: true,
              reason: content.reason,
              ownerRestricted: content.ownerRestricted,
              systemRestricted: false,
              type: 'globalContentRestriction',
              restrictionTime: rfc3339(content.atMs),
              restrictingUser: userResource(state, content.by, actor.account),
            },
          ],
    downloadRestrictions: {
      itemDownloadRestriction: file.downloadRestriction ?? { restrictedForReaders: false, restrictedForWriters: false },
      effectiveDownloadRestrictionWithContext: effectiveDownloadRestriction(file),
    },
  };
};
