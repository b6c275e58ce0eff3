import { visibleFile } from '../access/access.ts';
import type { DriveCall } from '../call/call.ts';
import { badRequest, DriveError, notImplemented, required } from '../errors.ts';
import { addRevision, type MediaDescription, noBytes } from '../files/content.ts';
import { checkImport } from '../files/conversions.ts';
import { newItem } from '../files/item.ts';
import { applyMetadata, propertiesAfter, type RequestedMetadata, readMetadata } from '../files/metadata.ts';
import { checkCapacity, parentForNewItem } from '../files/placement.ts';
import { checkStorage } from '../files/storage-quota.ts';
import { FOLDER, isOwnType, type ReceivedBytes, SHORTCUT, type StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';

interface Plan {
  requested: RequestedMetadata;
  folder: StoredFile;
  mimeType: string;
  /** True when the bytes are converted to a Docs editors file. */
  converts: boolean;
}

const FILE_ID = { location: 'file.id', locationType: 'other' } as const;

/**
 * A file may get an ID from files.generateIds, and each ID can be used once, even after its file is deleted. Source:
 * guides/create-file ("a 409 HTTP status code response instead of creating a duplicate file"), guides/manage-uploads
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

const checkShortcut = (state: DriveState, call: DriveCall, { shortcutDetails }: RequestedMetadata): void => {
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
  const requested = readMetadata(state, call.method.id, metadata);
  // The guides set both by files.update only (guides/content-restrictions).
  if (requested.contentRestrictions || requested.downloadRestrictions)
    throw notImplemented(call.method.id, 'a new file with restrictions');
  if (requested.inheritedPermissionsDisabled === true)
    throw notImplemented(call.method.id, 'a new folder with limited access');
  const mimeType = requested.mimeType || media?.mimeType || 'application/octet-stream';
  if (requested.id) checkId(state, requested.id, mimeType);
  const folder = parentForNewItem(state, actor, requested.parents, supportsAllDrives);
  const converts = media !== undefined && isOwnType(mimeType);
  if (converts && (mimeType === FOLDER || mimeType === SHORTCUT))
    throw badRequest('Folders and shortcuts have no content.', 'invalid');
  if (converts && media.mimeType !== mimeType) checkImport(media.mimeType, mimeType, media.size);
  if (mimeType === SHORTCUT) checkShortcut(state, call, requested);
  propertiesAfter({ properties: {}, appProperties: {} }, actor, requested);
  checkCapacity(state, folder);
  const owner = folder.driveId === undefined ? actor.account : undefined;
  checkStorage(state, owner, mimeType, converts ? 0 : (media?.size ?? 0), undefined);
  return { requested, folder, mimeType, converts };
};

/**
 * Runs the checks of files.create without creating anything, for the start of a resumable session.
 * @param media undefined for a file without content
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
 * Runs files.create, for every kind of upload.
 * @param received undefined for a file without content
 * @throws DriveError; the received bytes are then left where they are
 */
export function insertFile(
  state: DriveState,
  call: DriveCall,
  metadata: Record<string, unknown>,
  received?: ReceivedBytes,
): StoredFile {
  const { requested, folder, mimeType, converts } = plan(state, call, metadata, received);
  const { actor } = call;
  const id = requested.id || state.ids.file();
  const file = newItem(state, { id, mimeType, folder, by: actor.account.email, app: actor.app });
  if (requested.trashed === true)
    Object.assign(file, { trashed: true, trashedMs: file.createdMs, trashedBy: file.createdBy });
  applyMetadata(file, actor, requested);
  // The copy of a Docs editors file already has its type, so nothing is converted.
  if (converts && received !== undefined && received.mimeType !== mimeType) file.convertedFrom = received.mimeType;
  if (mimeType === SHORTCUT && requested.shortcutDetails?.targetId)
    file.shortcutTargetId = requested.shortcutDetails.targetId;
  const bytes = received ?? (isOwnType(mimeType) ? undefined : noBytes(state, mimeType));
  if (bytes !== undefined) addRevision(state, actor, file, bytes, call.parameters.flag('keepRevisionForever'));
  state.store.save(file);
  return file;
}
