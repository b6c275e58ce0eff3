import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { roleOf, visibleFile } from '../access/access.ts';
import { capabilitiesOf } from '../access/capabilities.ts';
import { type DriveCall, type Method, pathParameter } from '../call/call.ts';
import { forbidden } from '../errors.ts';
import type { MediaDescription } from '../files/content.ts';
import { SPREADSHEET, withCells } from '../files/spreadsheets.ts';
import { fileResource } from '../files/resource.ts';
import { FOLDER, type ReceivedBytes, type StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';
import { checkInsert, insertFile } from './insert.ts';

/** Copies the newest bytes to a new file, like those of an upload. */
const bytesOf = (state: DriveState, file: StoredFile): ReceivedBytes | undefined => {
  const head = file.revisions.at(-1);
  if (head === undefined) return undefined;
  const path = join(state.store.uploadsDir, state.ids.revision());
  copyFileSync(state.store.contentPath(file.id, head.id), path);
  const { md5, sha1, sha256, size } = head;
  return { path, md5, sha1, sha256, size, mimeType: file.mimeType };
};

const mediaOf = (file: StoredFile): MediaDescription | undefined => {
  const head = file.revisions.at(-1);
  return head === undefined ? undefined : { mimeType: file.mimeType, size: head.size };
};

/**
 * "If not specified … the file will inherit any discoverable parents of the source file", if the caller may write
 * there.
 */
const parentsFor = (state: DriveState, { actor }: DriveCall, source: StoredFile): string[] | undefined => {
  const folder = source.parent === undefined ? undefined : state.store.files.get(source.parent);
  const role = folder === undefined ? undefined : roleOf(state, actor.account, folder);
  if (folder === undefined || role === undefined) return undefined;
  return capabilitiesOf(folder, role).canAddChildren === true ? [folder.id] : undefined;
};

export const filesCopy: Method = async (state, call) => {
  const body = await call.body();
  const { file, role } = visibleFile(state, call.actor, pathParameter(call, 'fileId'), call.supportsAllDrives);
  if (file.mimeType === FOLDER || capabilitiesOf(file, role).canCopy !== true)
    throw forbidden('cannotCopyFile', 'This file cannot be copied by the user.', 'fileId');
  const parents = body.parents ?? parentsFor(state, call, file);
  const metadata = {
    name: `Copy of ${file.name}`,
    mimeType: file.mimeType,
    ...(file.description === undefined ? {} : { description: file.description }),
    ...(Object.keys(file.properties).length === 0 ? {} : { properties: file.properties }),
    ...(file.shortcutTargetId === undefined ? {} : { shortcutDetails: { targetId: file.shortcutTargetId } }),
    ...body,
    ...(parents === undefined ? {} : { parents }),
  };
  // Check before any byte is copied.
  checkInsert(state, call, metadata, mediaOf(file));
  const bytes = bytesOf(state, file);
  const made = await withCells(state, metadata, bytes, () => insertFile(state, call, metadata, bytes));
  if (file.mimeType === SPREADSHEET) state.store.workbooks.copy(file.id, made.id);
  return { resource: fileResource(state, call.actor, made) };
};
