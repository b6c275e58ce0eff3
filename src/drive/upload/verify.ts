import { CourierError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { hasSameBytes } from './compare-checksums.ts';
import type { CallContext, Drive, DriveFile, UploadRequest } from '../drive.ts';
import type { Landed } from './create-or-update.ts';
import type { Whole } from './replay-buffer.ts';

/** Milliseconds for taking back what is wrong; the request's own time may be up. */
const UNDO_TIMEOUT_MS = 15_000;

const DOCS_TYPE = 'application/vnd.google-apps.';

export interface Verifier {
  files: Pick<Drive, 'get' | 'removeUnchanged' | 'revisions' | 'removeRevision'>;
  now: () => number;
  log: Log;
}

/** Whether the file's content is surely the one that this upload has written, and nobody's later one. */
const isOwnContent = async (
  { files }: Verifier,
  { file, isAnswer = false, replaced }: Landed,
  former: string | undefined,
  context: CallContext,
): Promise<boolean> => {
  if (isAnswer) return true;
  const revisions = await files.revisions(file.id, context);
  if (revisions === undefined) return false;
  const before = former === undefined ? -1 : revisions.findIndex(({ id }) => id === former);
  if (replaced && before === -1) return false;
  return revisions.length === before + 2 && revisions.at(-1)?.id === file.headRevisionId;
};

/** @returns whether nothing of the wrong bytes is left */
const undo = async (verifier: Verifier, landed: Landed, former: string | undefined): Promise<boolean> => {
  const { files, now, log } = verifier;
  const { file, replaced } = landed;
  const context = { deadlineMs: now() + UNDO_TIMEOUT_MS };
  if (!(await isOwnContent(verifier, landed, former, context))) return false;
  if (!replaced) return files.removeUnchanged(file, context);
  if (file.headRevisionId === undefined) return false;
  // Only the revision that this upload has made: whatever others have put there since stays.
  await files.removeRevision(file.id, file.headRevisionId, context);
  const { sha256Checksum, headRevisionId } = (await files.get(file.id, context)) ?? {};
  log.info({ fileId: file.id, sha256: sha256Checksum, headRevisionId }, 'the revision with wrong bytes is removed');
  return headRevisionId !== file.headRevisionId;
};

/**
 * Compares Drive's own checksum and size with what was sent; a converted file has none. What does not fit is taken back:
 * a new file is removed, a replaced one gets its former revision again.
 * @throws CourierError `drive-unavailable`: the same bytes may be sent again.
 */
export const verify = async (
  verifier: Verifier,
  { landed, whole, md5 }: { landed: Landed; whole: Whole; md5: () => Promise<string | undefined> },
  context: CallContext & Pick<UploadRequest, 'idSpent' | 'target'>,
): Promise<DriveFile> => {
  const { file: described, replaced } = landed;
  if (described.mimeType.startsWith(DOCS_TYPE)) return described;
  const { files, log } = verifier;
  const file =
    described.sha256Checksum === undefined ? ((await files.get(described.id, context)) ?? described) : described;
  if (await hasSameBytes(file, whole, { md5, log })) return file;
  log.error(
    {
      fileId: file.id,
      sent: whole,
      stored: { sha256: file.sha256Checksum, md5: file.md5Checksum, size: file.size },
      replaced,
    },
    'Drive has stored other bytes than were sent; they are taken back',
  );
  const former = context.target.kind === 'replace' ? context.target.formerRevisionId : undefined;
  const undone = await undo(verifier, { ...landed, file }, former).catch((error: unknown) => {
    log.error({ error, fileId: file.id }, 'wrong bytes could not be taken back');
    return false;
  });
  if (!undone) log.warn({ fileId: file.id }, 'the file may have been changed by somebody else since, and stays');
  if (undone && !replaced) await context.idSpent?.(file.id, 'taken-back');
  throw new CourierError('drive-unavailable', { detail: 'Drive stored other bytes than were sent.' });
};
