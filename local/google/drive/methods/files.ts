import { isTrashed, ownerOf, visibleFile } from '../access/access.ts';
import { capabilitiesOf } from '../access/capabilities.ts';
import { type DriveCall, isDownload, type Method, pathParameter } from '../call/call.ts';
import { forbidden, insufficientFilePermissions, invalidValue, notImplemented } from '../errors.ts';
import { downloadable, sendBytes } from '../files/download.ts';
import { fileResource } from '../files/resource.ts';
import { visibleDrive } from '../files/shared-drive.ts';
import type { Account, StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';
import { changeFile } from './change.ts';
import { insertFile } from './insert.ts';

/** The file in the request's path, and what the caller may do with it. @throws DriveError 404 */
const requestedFile = (
  state: DriveState,
  call: DriveCall,
  anyDrive = call.supportsAllDrives,
): { file: StoredFile; can: Record<string, boolean> } => {
  const { file, role } = visibleFile(state, call.actor, pathParameter(call, 'fileId'), anyDrive);
  return { file, can: capabilitiesOf(file, role) };
};

export const filesGenerateIds: Method = (state, call) => {
  const { parameters } = call;
  const space = parameters.text('space') ?? 'drive';
  if (space === 'appDataFolder') throw notImplemented(call.method.id, 'the space appDataFolder');
  if (space !== 'drive') throw invalidValue('space');
  const type = parameters.text('type') ?? 'files';
  if (type !== 'files' && type !== 'shortcuts') throw invalidValue('type');
  const ids = Array.from({ length: parameters.number('count') ?? 10 }, () => state.ids.file());
  state.store.rememberGenerated(ids);
  return { resource: { kind: 'drive#generatedIds', space, ids } };
};

export const filesCreate: Method = async (state, call) => {
  const metadata = await call.body();
  return { resource: fileResource(state, call.actor, insertFile(state, call, metadata)) };
};

export const filesUpdate: Method = async (state, call) => {
  const metadata = await call.body();
  const file = changeFile(state, call, pathParameter(call, 'fileId'), metadata);
  return { resource: fileResource(state, call.actor, file) };
};

export const filesGet: Method = async (state, call) => {
  // A download from a shared drive needs no supportsAllDrives: rclone never sends it with `alt=media`, and its
  // downloads work.
  const { file, can } = requestedFile(state, call, call.supportsAllDrives || isDownload(call));
  if (!isDownload(call)) return { resource: fileResource(state, call.actor, file) };
  const revision = downloadable(file);
  if (can.canDownload !== true) throw forbidden('cannotDownloadFile', 'This file cannot be downloaded by the user.');
  await sendBytes(state, call.google, file, revision);
  return 'answered';
};

const descendantsOf = (state: DriveState, file: StoredFile): StoredFile[] =>
  [...state.store.childrenOf(file.id)].flatMap((id) => {
    const child = state.store.files.get(id);
    return child === undefined ? [] : [child, ...descendantsOf(state, child)];
  });

/**
 * "If the target is a folder, all descendants owned by the user are also deleted". Files of other owners lose their
 * parent.
 */
const destroyOwned = (state: DriveState, file: StoredFile, account: Account): void => {
  if (file.driveId === undefined) {
    for (const other of descendantsOf(state, file)) {
      if (ownerOf(other) === account.email) continue;
      const { parent: _, ...orphan } = other;
      state.store.save(orphan);
    }
  }
  state.store.destroy(file.id);
};

export const filesDelete: Method = (state, call) => {
  const { file, can } = requestedFile(state, call);
  if (can.canDelete !== true) throw insufficientFilePermissions(file.id);
  destroyOwned(state, file, call.actor.account);
  return 'empty';
};

export const filesEmptyTrash: Method = (state, call) => {
  const driveId = call.parameters.text('driveId');
  const { account } = call.actor;
  if (driveId !== undefined) {
    const { role } = visibleDrive(state, call.actor, driveId);
    if (role !== 'organizer') throw insufficientFilePermissions(driveId);
  }
  const mine = (file: StoredFile): boolean =>
    driveId === undefined ? file.driveId === undefined && ownerOf(file) === account.email : file.driveId === driveId;
  const trash = [...state.store.files.all()].filter((file) => file.trashed && mine(file));
  for (const file of trash) if (isTrashed(state, file)) destroyOwned(state, file, account);
  return 'empty';
};
