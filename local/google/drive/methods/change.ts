import { lineage, ownerOf, roleOf, visibleFile } from '../access/access.ts';
import { capabilitiesOf } from '../access/capabilities.ts';
import type { DriveCall } from '../call/call.ts';
import { badRequest, forbidden, insufficientFilePermissions, notImplemented } from '../errors.ts';
import { addRevision, type MediaDescription } from '../files/content.ts';
import { checkImport } from '../files/conversions.ts';
import { applyMetadata, propertiesAfter, type RequestedMetadata, readMetadata } from '../files/metadata.ts';
import { checkCapacity, resolveMove, writableFolder } from '../files/placement.ts';
import { applyRestrictions, checkRestrictions, checkUnlocked } from '../files/restrictions.ts';
import { checkStorage } from '../files/storage-quota.ts';
import { FOLDER, isOwnType, type ReceivedBytes, SHORTCUT, type StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';

interface Plan {
  file: StoredFile;
  requested: RequestedMetadata;
  /** The new parent. Undefined when the item is not moved. */
  folder: StoredFile | undefined;
}

/** "The parents field is not directly writable in update requests." (files.update) */
const FIXED = ['id', 'parents', 'createdTime', 'shortcutDetails'];
/** Fields of the caller's own view of a file, which a reader may change. */
const PERSONAL = new Set(['starred', 'viewedByMeTime', 'kind']);

const listOf = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '');

/**
 * The folder that the item is moved to. Within My Drive, an editor of the item and of both folders may move it; within
 * a shared drive, a content manager. Only its owner may move an item into a shared drive, and only a file. Source:
 * guides/ref-roles, guides/enable-shareddrives.
 */
const destination = (state: DriveState, call: DriveCall, file: StoredFile, can: Record<string, boolean>) => {
  const { actor, supportsAllDrives, parameters } = call;
  const real = (id: string): string => (id === 'root' ? actor.account.rootId : id);
  const added = listOf(parameters.text('addParents')).map(real);
  const removed = listOf(parameters.text('removeParents')).map(real);
  const change = resolveMove(file, { added, removed, isOwner: ownerOf(file) === actor.account.email });
  if (!change.moved) return undefined;
  if (change.to === undefined) throw notImplemented(call.method.id, 'an item without a folder');
  if (file.kind !== 'item') throw insufficientFilePermissions(file.id);
  const folder = writableFolder(state, actor, change.to, supportsAllDrives);
  if (lineage(state, folder).includes(file))
    throw badRequest('A folder cannot be moved into itself or into a folder below it.', 'cyclicParent', 'addParents');
  if (folder.driveId === file.driveId) {
    if (can.canMoveItemWithinDrive !== true) throw insufficientFilePermissions(file.id);
  } else {
    if (file.driveId !== undefined) throw notImplemented(call.method.id, 'moving out of a shared drive');
    if (ownerOf(file) !== actor.account.email) throw insufficientFilePermissions(file.id);
    if (file.mimeType === FOLDER)
      throw forbidden('teamDrivesFolderMoveInNotSupported', 'Moving folders into shared drives is not supported.');
  }
  checkCapacity(state, folder);
  return folder;
};

const checkContent = (
  state: DriveState,
  file: StoredFile,
  requested: RequestedMetadata,
  media: MediaDescription,
): void => {
  if (file.mimeType === FOLDER || file.mimeType === SHORTCUT)
    throw badRequest('Folders and shortcuts have no content.', 'invalid');
  const converts = isOwnType(file.mimeType);
  if (converts) checkImport(media.mimeType, file.mimeType, media.size);
  else if (requested.mimeType && isOwnType(requested.mimeType))
    throw badRequest('A file with content cannot become a Google Docs editors file.', 'invalid', 'mimeType');
  const email = ownerOf(file);
  // The owner's quota counts, even if another account writes. So a service account may replace the content of a person's
  // file.
  const owner = file.driveId === undefined && email !== undefined ? state.account(email) : undefined;
  checkStorage(state, owner, file.mimeType, converts ? 0 : (media.size ?? 0), file);
};

const checkType = (file: StoredFile, { mimeType }: RequestedMetadata): void => {
  if (!mimeType || mimeType === file.mimeType) return;
  if (isOwnType(mimeType) || isOwnType(file.mimeType))
    throw badRequest('The media type of a Google Docs editors file or folder is fixed.', 'invalid', 'mimeType');
};

/**
 * "Only the `owner` role in My Drive and the `organizer` role in shared drives can enable or disable limited access",
 * and only of folders (guides/limited-expansive-access).
 */
const checkLimit = (
  file: StoredFile,
  { inheritedPermissionsDisabled: limited }: RequestedMetadata,
  can: Record<string, boolean>,
): void => {
  if (typeof limited !== 'boolean' || limited === (file.isLimited ?? false)) return;
  if (can[limited ? 'canDisableInheritedPermissions' : 'canEnableInheritedPermissions'] !== true)
    throw insufficientFilePermissions(file.id);
};

const plan = (
  state: DriveState,
  call: DriveCall,
  fileId: string,
  metadata: Record<string, unknown>,
  media: MediaDescription | undefined,
): Plan => {
  const { actor, supportsAllDrives } = call;
  const { file, role } = visibleFile(state, actor, fileId, supportsAllDrives);
  const requested = readMetadata(state, call.method.id, metadata, FIXED);
  const can = capabilitiesOf(file, role);
  const { trashed } = requested;
  if (typeof trashed === 'boolean' && trashed !== file.trashed && can[trashed ? 'canTrash' : 'canUntrash'] !== true)
    throw insufficientFilePermissions(file.id);
  const touched = Object.keys(metadata).filter((name) => !PERSONAL.has(name) && name !== 'trashed');
  if ((touched.length > 0 || media !== undefined) && can.canEdit !== true) throw insufficientFilePermissions(file.id);
  if (requested.name && can.canRename !== true) throw insufficientFilePermissions(file.id);
  const sharing = requested.writersCanShare;
  if (typeof sharing === 'boolean' && roleOf(state, actor.account, file) !== 'owner')
    throw insufficientFilePermissions(file.id);
  checkLimit(file, requested, can);
  checkUnlocked(file, requested, media !== undefined);
  checkRestrictions(state, actor, file, requested);
  propertiesAfter(file, actor, requested);
  if (media === undefined) checkType(file, requested);
  else checkContent(state, file, requested, media);
  return { file, requested, folder: destination(state, call, file, can) };
};

const move = (file: StoredFile, folder: StoredFile): void => {
  if (folder.driveId !== undefined && file.driveId === undefined) {
    // In a shared drive, the organisation owns the item.
    file.driveId = folder.driveId;
    file.permissions = file.permissions.filter(({ role }) => role !== 'owner');
  }
  file.parent = folder.id;
};

const setTrashed = (file: StoredFile, trashed: boolean, email: string, now: number): void => {
  file.trashed = trashed;
  if (trashed) Object.assign(file, { trashedMs: now, trashedBy: email });
  else {
    delete file.trashedMs;
    delete file.trashedBy;
  }
};

/** Fields that change `modifiedTime`. Trashing, starring and moving do not change it. */
const MODIFYING = ['name', 'description', 'mimeType', 'properties', 'appProperties', 'originalFilename'];

/**
 * Runs the checks of files.update without changing anything, for the start of a resumable session.
 * @throws DriveError
 */
export function checkChange(
  state: DriveState,
  call: DriveCall,
  fileId: string,
  metadata: Record<string, unknown>,
  media?: MediaDescription,
): void {
  plan(state, call, fileId, metadata, media);
}

/**
 * Runs files.update, with or without new bytes.
 * @throws DriveError; the received bytes are then left where they are
 */
export function changeFile(
  state: DriveState,
  call: DriveCall,
  fileId: string,
  metadata: Record<string, unknown>,
  received?: ReceivedBytes,
): StoredFile {
  const { file: current, requested, folder } = plan(state, call, fileId, metadata, received);
  const { actor } = call;
  const { email } = actor.account;
  const now = state.now();
  const file = structuredClone(current);
  if (received !== undefined || MODIFYING.some((name) => metadata[name] !== undefined)) {
    file.modifiedMs = now;
    file.modifiedBy = email;
    file.modifiedByMeMs = { ...file.modifiedByMeMs, [email]: now };
  }
  if (requested.mimeType) file.mimeType = requested.mimeType;
  else if (received !== undefined && !isOwnType(file.mimeType)) file.mimeType = received.mimeType;
  applyMetadata(file, actor, requested);
  applyRestrictions(file, actor, requested, now);
  if (typeof requested.trashed === 'boolean' && requested.trashed !== file.trashed)
    setTrashed(file, requested.trashed, email, now);
  if (folder !== undefined) move(file, folder);
  if (received !== undefined) {
    if (isOwnType(file.mimeType)) file.convertedFrom = received.mimeType;
    addRevision(state, actor, file, received, call.parameters.flag('keepRevisionForever'));
  }
  file.version += 1;
  state.store.save(file);
  return file;
}
