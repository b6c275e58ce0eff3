import type { Log } from '../log.ts';
import type { DriveFile, ReceivedBytes } from './drive.ts';

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
