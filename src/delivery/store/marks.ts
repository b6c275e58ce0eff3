import type { DriveFile, UploadTarget } from '../../drive/drive.ts';
import { type Claim, keyMark } from '../idempotency.ts';

/** Private properties (`appProperties`) by which a later try recognizes the file of an earlier one. */

/** Which key the file is for. */
export const KEY_PROPERTY = 'courierKey';

/** Which try made it. */
export const TRY_PROPERTY = 'courierTry';

/** The SHA-256 of the bytes that Drive was sent. */
export const DIGEST_PROPERTY = 'courierSha256';

/** Whether a try of this key has made the file. */
export const isOwnFile = (claim: { key: string } | undefined, { appProperties }: Pick<DriveFile, 'appProperties'>) =>
  claim !== undefined && appProperties[KEY_PROPERTY] === keyMark(claim.key);

/** Whether a file that is about to be created has the digest of its bytes as a property. */
export const carriesDigest = (target: UploadTarget): boolean =>
  target.kind === 'create' && target.file.appProperties?.[DIGEST_PROPERTY] !== undefined;

/** The SHA-256 of the bytes that a key has sent to Drive, if an earlier try has recorded it, in the file or in the ledger. */
export const sentBefore = (claim: Claim | undefined, { appProperties }: DriveFile): string | undefined =>
  appProperties[DIGEST_PROPERTY] ?? claim?.sha256();
