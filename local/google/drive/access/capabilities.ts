import { FOLDER, isOwnType, type Role, type StoredFile } from '../model.ts';
import { effectiveDownloadRestriction, mayRestrictContent } from '../files/restrictions.ts';
import { hasRole } from './access.ts';

/** What the person may see of an item, apart from the role. */
interface ItemAccess {
  /** False for a folder with limited access that the person sees but cannot open. */
  opens: boolean;
  /** False when the person is not a member of the item's shared drive. */
  readsDrive: boolean;
}

/**
 * What a role may do with an item: the `capabilities` of a file.
 * My Drive: editors edit and move, only the owner trashes and deletes. Shared drives: contributors (`writer`) add and edit, content managers
 * (`fileOrganizer`) also move, trash and share folders, managers (`organizer`) also delete.
 * Source: guides/ref-roles, support.google.com/a/users/answer/12380484.
 */
export function capabilitiesOf(
  file: StoredFile,
  role: Role,
  { opens, readsDrive }: ItemAccess = { opens: true, readsDrive: file.driveId !== undefined },
): Record<string, boolean> {
  const isFolder = file.mimeType === FOLDER;
  const inDrive = file.driveId !== undefined;
  const isTop = file.kind !== 'item';
  const writer = hasRole(role, 'writer');
  const organizer = inDrive ? role === 'organizer' : role === 'owner';
  const mover = inDrive ? hasRole(role, 'fileOrganizer') : role === 'owner';
  const canShare = inDrive
    ? isTop
      ? role === 'organizer'
      : isFolder
        ? mover
        : writer
    : role === 'owner' || (writer && file.writersCanShare);
  const { restrictedForReaders, restrictedForWriters } = effectiveDownloadRestriction(file);
  // Owners and organizers restrict others, not themselves (release notes of 2025-07-16).
  const reads = organizer || (writer ? !restrictedForWriters : !restrictedForReaders);
  const isUnlocked = file.contentRestriction === undefined;
  return {
    canAddChildren: isFolder && writer,
    canAddFolderFromAnotherDrive: false,
    canAddMyDriveParent: false,
    canChangeCopyRequiresWriterPermission: writer,
    canChangeViewersCanCopyContent: writer,
    canComment: hasRole(role, 'commenter'),
    canCopy: !isFolder && reads,
    canDelete: organizer && !isTop,
    canDeleteChildren: isFolder && inDrive && organizer,
    canDownload: !isFolder && reads,
    canEdit: writer,
    canDisableInheritedPermissions: isFolder && !isTop && organizer && file.isLimited !== true,
    canEnableInheritedPermissions: isFolder && !isTop && organizer && file.isLimited === true,
    canListChildren: isFolder && opens,
    canModifyContent: writer && !isFolder && isUnlocked,
    canModifyContentRestriction: writer,
    canModifyEditorContentRestriction: writer,
    canModifyOwnerContentRestriction: organizer,
    canRemoveContentRestriction:
      !isUnlocked && mayRestrictContent(file, role, file.contentRestriction?.ownerRestricted ?? false),
    canMoveChildrenWithinDrive: isFolder && mover,
    canMoveItemWithinDrive: (inDrive ? mover : writer) && !isTop,
    canMoveItemOutOfDrive: organizer && !isTop,
    canReadDrive: readsDrive,
    canReadRevisions: !isFolder && writer,
    canRemoveChildren: isFolder && (inDrive ? mover : writer),
    canRename: writer && (!isTop || organizer) && isUnlocked,
    canShare,
    canTrash: mover && !isTop,
    canTrashChildren: isFolder && inDrive && mover,
    canUntrash: mover && !isTop,
    canChangeItemDownloadRestriction: organizer,
    canAcceptOwnership: false,
    canModifyLabels: writer && !isFolder,
    canReadLabels: !isOwnType(file.mimeType) || !isFolder,
  };
}
