import { lineage, visibleFile } from '../access/access.ts';
import { capabilitiesOf } from '../access/capabilities.ts';
import { type DriveError, forbidden } from '../errors.ts';
import { type Actor, FOLDER, type StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';

/** Levels of folders below the top. Source: support.google.com/drive/answer/2424368 ("up to 100 levels"). */
const MAX_LEVELS = 100;

/** An item has exactly one parent (guides/ref-single-parent). The messages are those of the real Drive. */
const tooManyParents = (isInDrive: boolean): DriveError =>
  isInDrive
    ? forbidden('teamDrivesParentLimit', 'A shared drive item must have exactly one parent.')
    : forbidden('cannotAddParent', 'Increasing the number of parents is not allowed');

/**
 * Finds a folder in which this person may create items.
 * @throws DriveError 404 `notFound`, 403 `parentNotAFolder`, `insufficientParentPermissions`
 */
export function writableFolder(state: DriveState, actor: Actor, id: string, supportsAllDrives: boolean): StoredFile {
  const { file: folder, role } = visibleFile(state, actor, id, supportsAllDrives);
  if (folder.mimeType !== FOLDER) throw forbidden('parentNotAFolder', 'The specified parent is not a folder.');
  if (capabilitiesOf(folder, role).canAddChildren !== true)
    throw forbidden('insufficientParentPermissions', 'Insufficient permissions for the specified parent.');
  return folder;
}

/** The parent of a new item: the requested folder, or the person's My Drive. @throws DriveError */
export function parentForNewItem(
  state: DriveState,
  actor: Actor,
  parents: readonly string[] | null | undefined,
  supportsAllDrives: boolean,
): StoredFile {
  const [first = 'root', ...others] = parents ?? [];
  const folder = writableFolder(state, actor, first, supportsAllDrives);
  if (others.length > 0) throw tooManyParents(folder.driveId !== undefined);
  return folder;
}

/** @throws DriveError 403 when the folder, or its shared drive, is full or too deep */
export function checkCapacity(state: DriveState, folder: StoredFile): void {
  const { store, limits } = state;
  if (folder.kind !== 'myDrive' && store.childrenOf(folder.id).size >= limits.childrenPerFolder)
    throw forbidden(
      'numChildrenInNonRootLimitExceeded',
      "The limit for this folder's number of children (files and folders) has been exceeded.",
    );
  if (folder.driveId !== undefined && store.itemsOf(folder.driveId) >= limits.itemsPerSharedDrive)
    throw forbidden('teamDriveFileLimitExceeded', 'The file limit for this shared drive has been exceeded.');
  if (lineage(state, folder).length > MAX_LEVELS)
    throw folder.driveId === undefined
      ? forbidden('myDriveHierarchyDepthLimitExceeded', "The user's My Drive folder hierarchy is too deep.")
      : forbidden('teamDriveHierarchyTooDeep', 'The shared drive hierarchy depth will exceed the limit.');
}

/**
 * Resolves `addParents` and `removeParents` to a new parent. Usually a request has both. But "if the item's owner makes
 * a request to add a single parent, the item is removed from all current folders and placed in the requested folder.
 * Other requests that increase the number of parents fail" (parameter `enforceSingleParent`, reference of
 * files.update).
 * @throws DriveError 403
 */
export function resolveMove(
  file: StoredFile,
  { added, removed, isOwner }: { added: readonly string[]; removed: readonly string[]; isOwner: boolean },
): { moved: false } | { moved: true; to: string } | { moved: true; to: undefined } {
  const [to, ...others] = added.filter((id) => id !== file.parent);
  const leaves = file.parent === undefined || (removed.includes(file.parent) && !added.includes(file.parent));
  if (to === undefined) return leaves && removed.length > 0 ? { moved: true, to } : { moved: false };
  if (others.length > 0 || !(leaves || isOwner)) throw tooManyParents(file.driveId !== undefined);
  return { moved: true, to };
}
