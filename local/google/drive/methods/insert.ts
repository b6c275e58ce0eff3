import { visibleFile } from '../access.ts';
import type { DriveCall } from '../call.ts';
import { addRevision, type MediaDescription, noBytes } from '../content.ts';
import { checkImport } from '../conversions.ts';
import { badRequest, DriveError, notImplemented, required } from '../errors.ts';
import { newItem } from '../item.ts';
import { applyWishes, propertiesAfter, readWishes, type Wishes } from '../metadata.ts';
import { FOLDER, isOwnType, type ReceivedBytes, SHORTCUT, type StoredFile } from '../model.ts';
import { checkRoom, folderForNew } from '../placement.ts';
import type { DriveState } from '../state.ts';
import { checkStorage } from '../storage.ts';

interface Plan {
  wishes: Wishes;
  folder: StoredFile;
  mimeType: string;
  /** The bytes become a Docs editors file. */
  converts: boolean;
}

const FILE_ID = { location: 'file.id', locationType: 'other' } as const;

/**
 * An id may be chosen among those of files.generateIds, once. A deleted file's id is not free again.
 * Source: guides/create-file ("a 409 HTTP status code response instead of creating a duplicate file"), guides/manage-uploads
 * ("aren't supported for the creation of … Google Docs editors formats, or … conversion").
 */
const checkId = (state: DriveState, id: string, mimeType: string): void => {
  if (isOwnType(mimeType) && mimeType !== FOLDER)
    throw new DriveError(400, 'Generated IDs are not supported for Google Docs formats.', {
      reason: 'generatedIdNotSupported',
      ...FILE_ID,
    });
  if (state.store.isUsed(id))
    throw new DriveError(409, 'A file already exists with the provided ID.', { reason: 'fileIdInUse', ...FILE_ID });
  if (!state.store.isGenerated(id))
    throw new DriveError(400, 'The provided file ID is not usable.', { reason: 'invalid', ...FILE_ID });
};

const checkShortcut = (state: DriveState, call: DriveCall, { shortcutDetails }: Wishes): void => {
  const targetId = shortcutDetails?.targetId;
  if (!targetId) throw required('shortcutDetails.targetId', 'A shortcut needs the id of its target.');
  visibleFile(state, call.actor, targetId, call.supportsAllDrives);
};

const plan = (
  state: DriveState,
  call: DriveCall,
  metadata: Record<string, unknown>,
  media: MediaDescription | undefined,
): Plan => {
  const { actor, supportsAllDrives } = call;
  const wishes = readWishes(state, call.method.id, metadata);
  if (wishes.inheritedPermissionsDisabled === true)
    throw notImplemented(call.method.id, 'a new folder with limited access');
  const mimeType = wishes.mimeType || media?.mimeType || 'application/octet-stream';
  if (wishes.id) checkId(state, wishes.id, mimeType);
  const folder = folderForNew(state, actor, wishes.parents, supportsAllDrives);
  const converts = media !== undefined && isOwnType(mimeType);
  if (converts && (mimeType === FOLDER || mimeType === SHORTCUT))
    throw badRequest('Folders and shortcuts have no content.', 'invalid');
  if (converts && media.mimeType !== mimeType) checkImport(media.mimeType, mimeType, media.size);
  if (mimeType === SHORTCUT) checkShortcut(state, call, wishes);
  propertiesAfter({ properties: {}, appProperties: {} }, actor, wishes);
  checkRoom(state, folder);
  const owner = folder.driveId === undefined ? actor.account : undefined;
  checkStorage(state, owner, mimeType, converts ? 0 : (media?.size ?? 0), undefined);
  return { wishes, folder, mimeType, converts };
};

/**
 * All that files.create checks, with nothing done: for the start of a resumable session.
 * @param media undefined for a file of metadata alone
 * @throws DriveError
 */
export function checkInsert(
  state: DriveState,
  call: DriveCall,
  metadata: Record<string, unknown>,
  media?: MediaDescription,
): void {
  plan(state, call, metadata, media);
}

/**
 * files.create, whatever way the bytes came.
 * @param received undefined for a file of metadata alone
 * @throws DriveError; the received bytes are then still where they were
 */
export function insertFile(
  state: DriveState,
  call: DriveCall,
  metadata: Record<string, unknown>,
  received?: ReceivedBytes,
): StoredFile {
  const { wishes, folder, mimeType, converts } = plan(state, call, metadata, received);
  const { actor } = call;
  const id = wishes.id || state.ids.file();
  const file = newItem(state, { id, mimeType, folder, by: actor.account.email, app: actor.app });
  if (wishes.trashed === true)
    Object.assign(file, { trashed: true, trashedMs: file.createdMs, trashedBy: file.createdBy });
  applyWishes(file, actor, wishes);
  // A Docs editors file that is copied brings its own type along.
  if (converts && received !== undefined && received.mimeType !== mimeType) file.convertedFrom = received.mimeType;
  if (mimeType === SHORTCUT && wishes.shortcutDetails?.targetId)
    file.shortcutTargetId = wishes.shortcutDetails.targetId;
  const bytes = received ?? (isOwnType(mimeType) ? undefined : noBytes(state, mimeType));
  if (bytes !== undefined) addRevision(state, actor, file, bytes, call.parameters.flag('keepRevisionForever'));
  state.store.save(file);
  return file;
}
