import { CourierError } from '../errors.ts';
import type { Log } from '../log.ts';
import { hasSameBytes } from './compare-checksums.ts';
import type { CallContext, Drive, DriveFile, UploadRequest } from './drive.ts';
import type { Whole } from './window.ts';

/** Milliseconds for taking back what is wrong; the request's own time may be up. */
const UNDO_TIMEOUT_MS = 15_000;

const DOCS_TYPE = 'application/vnd.google-apps.';

export interface Verifier {
  files: Pick<Drive, 'get' | 'remove' | 'removeRevision'>;
  now: () => number;
  log: Log;
}

const undo = async ({ files, now, log }: Verifier, file: DriveFile, replaced: boolean): Promise<void> => {
  const context = { deadlineMs: now() + UNDO_TIMEOUT_MS };
  if (!replaced) {
    // Another delivery may have put its own bytes into the file by now.
    const current = await files.get(file.id, context);
    if (current?.sha256Checksum === file.sha256Checksum) await files.remove(file.id, context);
    return;
  }
  if (file.headRevisionId === undefined) return;
  await files.removeRevision(file.id, file.headRevisionId, context);
  const { sha256Checksum, headRevisionId } = (await files.get(file.id, context)) ?? {};
  log.info({ fileId: file.id, sha256: sha256Checksum, headRevisionId }, 'the revision with wrong bytes is removed');
};

/**
 * Compares Drive's own checksum and size with what was sent; a converted file has none. What does not fit is taken back:
 * a new file is removed, a replaced one gets its former revision again.
 * @throws CourierError `drive-unavailable`: the same bytes may be sent again.
 */
export const verify = async (
  verifier: Verifier,
  {
    file: described,
    replaced,
    whole,
    md5,
  }: { file: DriveFile; replaced: boolean; whole: Whole; md5: () => Promise<string | undefined> },
  context: CallContext & Pick<UploadRequest, 'idSpent'>,
): Promise<DriveFile> => {
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
  await undo(verifier, file, replaced).catch((error: unknown) => {
    log.error({ error, fileId: file.id }, 'wrong bytes could not be taken back');
  });
  if (!replaced) await context.idSpent?.(file.id, 'taken-back');
  throw new CourierError('drive-unavailable', { detail: 'Drive stored the bytes wrongly; nothing of them was kept.' });
};
