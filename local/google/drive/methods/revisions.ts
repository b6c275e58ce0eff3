import { visibleFile } from '../access/access.ts';
import { capabilitiesOf } from '../access/capabilities.ts';
import { rfc3339, userResource } from '../access/principals.ts';
import { type DriveCall, isDownload, type Method, pathParameter } from '../call/call.ts';
import { pageOf } from '../call/pages.ts';
import { forbidden, insufficientFilePermissions, notFound, notImplemented } from '../errors.ts';
import { downloadable, sendBytes } from '../files/download.ts';
import { exportLinks } from '../files/resource.ts';
import { FOLDER, isOwnType, type StoredFile, type StoredRevision } from '../model.ts';
import type { DriveState } from '../store/state.ts';

/** These methods have no parameter supportsAllDrives and work in shared drives without it. */
const requestedFile = (state: DriveState, call: DriveCall, ability: 'canReadRevisions' | 'canEdit'): StoredFile => {
  const { file, role } = visibleFile(state, call.actor, pathParameter(call, 'fileId'), true);
  if (file.mimeType === FOLDER || file.kind !== 'item')
    throw forbidden('revisionsNotSupported', 'The file does not support revisions.', 'fileId');
  if (capabilitiesOf(file, role)[ability] !== true) throw insufficientFilePermissions(file.id);
  return file;
};

const revisionOf = (file: StoredFile, call: DriveCall): StoredRevision => {
  const id = pathParameter(call, 'revisionId');
  const revision = id === 'head' ? file.revisions.at(-1) : file.revisions.find((other) => other.id === id);
  if (revision === undefined) throw notFound('Revision', id, 'revisionId');
  return revision;
};

/** A `Revision` resource. Only stored bytes have a size and checksums. */
const revisionResource = (state: DriveState, call: DriveCall, file: StoredFile, revision: StoredRevision) => ({
  kind: 'drive#revision',
  id: revision.id,
  mimeType: revision.mimeType,
  modifiedTime: rfc3339(revision.modifiedMs),
  published: false,
  lastModifyingUser: userResource(state, revision.modifiedBy, call.actor.account),
  ...(isOwnType(file.mimeType)
    ? { exportLinks: exportLinks(file) }
    : {
        keepForever: revision.keepForever,
        md5Checksum: revision.md5,
        size: String(revision.size),
        originalFilename: revision.originalFilename ?? file.originalFilename ?? file.name,
      }),
});

export const revisionsList: Method = (state, call) => {
  const file = requestedFile(state, call, 'canReadRevisions');
  const size = call.parameters.number('pageSize') ?? 200;
  const { page, nextPageToken } = pageOf(file.revisions, size, call.parameters.text('pageToken'), file.id);
  const revisions = page.map((revision) => revisionResource(state, call, file, revision));
  return { resource: { kind: 'drive#revisionList', nextPageToken, revisions } };
};

export const revisionsGet: Method = async (state, call) => {
  const file = requestedFile(state, call, 'canReadRevisions');
  const revision = revisionOf(file, call);
  if (!isDownload(call)) return { resource: revisionResource(state, call, file, revision) };
  await sendBytes(state, call.google, file, downloadable(file, revision.id));
  return 'answered';
};

const withRevisions = (file: StoredFile, revisions: StoredRevision[]): StoredFile => ({
  ...file,
  revisions,
  version: file.version + 1,
});

/** "Whether to keep this revision forever … a maximum of 200 times for a file." */
const MAX_KEPT = 200;

export const revisionsUpdate: Method = async (state, call) => {
  const { keepForever, ...others } = await call.body();
  for (const other of Object.keys(others))
    if (other !== 'kind') throw notImplemented(call.method.id, `${other} of a revision`);
  const file = requestedFile(state, call, 'canEdit');
  const revision = revisionOf(file, call);
  if (isOwnType(file.mimeType))
    throw forbidden('fieldNotWritable', 'The resource body includes fields which are not directly writable.');
  const changed = { ...revision, keepForever: typeof keepForever === 'boolean' ? keepForever : revision.keepForever };
  const revisions = file.revisions.map((other) => (other.id === revision.id ? changed : other));
  if (revisions.filter((other) => other.keepForever).length > MAX_KEPT)
    throw forbidden('keepForeverLimitExceeded', `At most ${MAX_KEPT} revisions of a file are kept for ever.`);
  state.store.save(withRevisions(file, revisions));
  return { resource: revisionResource(state, call, file, changed) };
};

/**
 * "You can only delete revisions for files with binary content … Revisions for other files, like Google Docs or Sheets,
 * and the last remaining file version can't be deleted." When the newest revision is deleted, the one before becomes
 * the current content.
 */
export const revisionsDelete: Method = (state, call) => {
  const file = requestedFile(state, call, 'canEdit');
  const revision = revisionOf(file, call);
  if (isOwnType(file.mimeType))
    throw forbidden('revisionDeletionNotSupported', 'The file does not support deleting revisions.', 'fileId');
  if (file.revisions.length === 1)
    throw forbidden('cannotDeleteOnlyRevision', 'The only remaining revision of a file cannot be deleted.');
  const left = withRevisions(
    file,
    file.revisions.filter((other) => other.id !== revision.id),
  );
  const head = left.revisions.at(-1);
  if (head !== undefined && revision === file.revisions.at(-1)) left.mimeType = head.mimeType;
  state.store.save(left);
  state.store.dropBytes(file.id, revision.id);
  return 'empty';
};
