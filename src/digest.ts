import { CourierError } from './errors.ts';

/**
 * Both in hex; undefined: none was announced.
 * @throws CourierError `digest-mismatch`, which says what came: the caller's own bytes, so that it can tell whether they were cut, changed or others
 */
export const checkDigest = (expected: string | undefined, received: string, algorithm = 'SHA-256'): void => {
  if (expected === undefined || expected === received) return;
  throw new CourierError('digest-mismatch', {
    detail: `The bytes that arrived have the ${algorithm} ${received}.`,
  });
};
