import { CourierError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { isDocsType } from '../../text/media-type.ts';
import type {
  CallContext,
  Drive,
  DriveFile,
  ReceivedBytes,
  UploadRequest,
  UploadResult,
  UploadTarget,
} from '../drive.ts';
import type { Sent } from './create-or-update.ts';
import type { UploadSource } from './upload-source.ts';

/** Milliseconds for removing wrong bytes; the request's own time may have ended. */
const UNDO_TIMEOUT_MS = 15_000;

interface Verifier {
  files: Pick<Drive, 'get' | 'removeUnchanged' | 'revisions' | 'removeRevision'>;
  request: Pick<UploadRequest, 'seenRevision' | 'signal' | 'deadlineMs' | 'beforeUndo'>;
  source: Pick<UploadSource, 'received' | 'md5'>;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
}

type Written = Extract<Sent, { kind: 'written' }>;

/** Whether the file's content is certainly what this upload has written, and was not written by somebody else later. */
const isOwnContent = async (
  { files, request }: Verifier,
  target: UploadTarget,
  { file, isAnswer }: Written,
  context: CallContext,
): Promise<boolean> => {
  if (isAnswer) return true;
  const revisions = await files.revisions(file.id, context);
  if (revisions === undefined) return false;
  const former = target.kind === 'replace' ? (request.seenRevision?.() ?? target.formerRevisionId) : undefined;
  const before = former === undefined ? -1 : revisions.findIndex(({ id }) => id === former);
  if (target.kind === 'replace' && before === -1) return false;
  return revisions.length === before + 2 && revisions.at(-1)?.id === file.headRevisionId;
};

/** A person may have renamed or moved a file before Drive described it. Drive leaves out a parent that an account may not see. */
const isWhereItWasMade = ({ folderId, name }: { folderId: string; name: string }, { parents, ...file }: DriveFile) =>
  (parents.length === 0 || parents.includes(folderId)) && file.name.normalize('NFC') === name.normalize('NFC');

/** @returns true if the wrong bytes are removed completely */
const undo = async (verifier: Verifier, target: UploadTarget, written: Written): Promise<boolean> => {
  const { files, now, request } = verifier;
  const { file } = written;
  const context = { ...(await request.beforeUndo?.(file.id)), deadlineMs: now() + UNDO_TIMEOUT_MS };
  if (!(await isOwnContent(verifier, target, written, context))) return false;
  if (target.kind === 'create') {
    return isWhereItWasMade(target.file, file) && files.removeUnchanged(file, context);
  }
  if (file.headRevisionId === undefined) return false;
  // Removes only the revision that this upload has written. Later revisions of others stay.
  return files.removeRevision(file.id, file.headRevisionId, context);
};

/**
 * Whether a stored file has the bytes that were sent, by size and by the best checksum that Drive gives: SHA-256, otherwise
 * MD5 (as for files that were stored before Drive had SHA-256). A weaker comparison is logged.
 * @param md5 of the bytes sent, in lower-case hex; undefined where they are no longer held and cannot be read again
 */
export const hasSameBytes = async (
  file: Pick<DriveFile, 'id' | 'size' | 'sha256Checksum' | 'md5Checksum'>,
  received: ReceivedBytes,
  { md5, log }: { md5: () => Promise<string | undefined>; log: Log },
): Promise<boolean> => {
  if (file.size !== received.size) return false;
  if (file.sha256Checksum !== undefined) return file.sha256Checksum === received.sha256;
  const sent = file.md5Checksum === undefined ? undefined : await md5();
  if (sent !== undefined) {
    log.warn({ fileId: file.id }, 'Drive returned no SHA-256 checksum; the file was compared by its MD5 checksum');
    return sent === file.md5Checksum;
  }
  log.warn({ fileId: file.id }, 'Drive returned no checksum that could be compared; only the size was compared');
  return true;
};

/**
 * Compares Drive's own checksum and size with what was sent; a converted file has none. Wrong bytes are removed: a new file
 * is deleted, a replaced file gets its former revision back.
 * @throws CourierError `drive-unavailable`: the same bytes may be sent again
 */
export const verify = async (verifier: Verifier, target: UploadTarget, written: Written): Promise<UploadResult> => {
  const { files, request, source, log } = verifier;
  const received = await source.received();
  const { file: described } = written;
  if (isDocsType(described.mimeType)) return { kind: 'stored', file: described, received };
  const file =
    described.sha256Checksum === undefined ? ((await files.get(described.id, request)) ?? described) : described;
  if (await hasSameBytes(file, received, { md5: () => source.md5(received.size), log })) {
    return { kind: 'stored', file, received };
  }
  const stored = { sha256: file.sha256Checksum, md5: file.md5Checksum, size: file.size };
  const replaced = target.kind === 'replace';
  log.error({ fileId: file.id, sent: received, stored, replaced }, 'Drive stored other bytes than were sent');
  const undone = await undo(verifier, target, { ...written, file }).catch((error: unknown) => {
    log.error({ error, fileId: file.id }, 'wrong bytes could not be removed');
    return false;
  });
  if (!undone)
    log.warn(
      { fileId: file.id },
      'the file was not removed: somebody else may have changed it, or Drive does not show it',
    );
  const error = new CourierError('drive-unavailable', { detail: 'Drive stored other bytes than were sent.' });
  if (undone && target.kind === 'create') return { kind: 'id-unusable', why: 'removed', error };
  throw error;
};
