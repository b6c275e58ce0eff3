import type { Log } from '../../log.ts';
import type { DriveFile } from '../drive.ts';
import type { Whole } from './replay-buffer.ts';

/**
 * Whether a stored file has the bytes that were sent, by size and by the best checksum that Drive gives: SHA-256, else MD5
 * (as for files that were stored before Drive had SHA-256). What could be compared less well is logged.
 * @param md5 of the bytes sent, in lower-case hex; undefined where they are not held any more and cannot be read again
 */
export const hasSameBytes = async (
  file: DriveFile,
  whole: Whole,
  { md5, log }: { md5: () => Promise<string | undefined>; log: Log },
): Promise<boolean> => {
  if (file.size !== whole.size) return false;
  if (file.sha256Checksum !== undefined) return file.sha256Checksum === whole.sha256;
  const sent = file.md5Checksum === undefined ? undefined : await md5();
  if (sent !== undefined) {
    log.warn({ fileId: file.id }, 'Drive gave no SHA-256 checksum; the file was compared by its MD5 checksum');
    return sent === file.md5Checksum;
  }
  log.warn({ fileId: file.id }, 'Drive gave no checksum that could be compared; only the size of the file was');
  return true;
};
