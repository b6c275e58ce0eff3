import { CourierError } from './errors.ts';

/**
 * Both in hex; undefined: none was announced.
 * @throws CourierError `digest-mismatch`, which says what came: the caller's own bytes, so that it can tell whether they were cut, changed or others
 */
export const checkDigest = (expectedSha256: string | undefined, receivedSha256: string): void => {
  if (expectedSha256 === undefined || expectedSha256 === receivedSha256) return;
  throw new CourierError('digest-mismatch', {
    detail: `The bytes that arrived have the SHA-256 ${receivedSha256}.`,
  });
};
