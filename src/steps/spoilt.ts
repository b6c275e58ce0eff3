import type { DriveFile } from '../drive/drive.ts';
import { KEY_PROPERTY, type Put } from './put-request.ts';

/** Private property of a keyed file: the SHA-256 of the bytes that Drive was sent. */
export const DIGEST_PROPERTY = 'courierSha256';

/**
 * An earlier try of this key has died between Drive's wrong keeping of its bytes and the look that finds it out. Either the
 * file says that these very bytes were sent, or they come from a source that names its bytes for good; and Drive has others.
 * A file that was changed since it was made may have been so by a person.
 * @param sha256 of this try's bytes; undefined while unknown
 */
export const isSpoilt = (
  { claim, delivery }: Pick<Put, 'claim' | 'delivery'>,
  file: DriveFile,
  { sha256, keyMark }: { sha256: string | undefined; keyMark: string | undefined },
): boolean => {
  if (claim === undefined || sha256 === undefined || file.appProperties[KEY_PROPERTY] !== keyMark) return false;
  const isSame = delivery.source.identity !== undefined || file.appProperties[DIGEST_PROPERTY] === sha256;
  const isOther = file.sha256Checksum !== undefined && file.sha256Checksum !== sha256;
  return isSame && isOther && file.modifiedTime === file.createdTime;
};
