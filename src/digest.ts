import { CourierError } from './errors.ts';

/**
 * Compares two digests in hex. An undefined `expected` always matches.
 * @throws CourierError `digest-mismatch` with the digest of the received bytes, so that the caller can compare it
 */
export const checkDigest = (expected: string | undefined, received: string, algorithm = 'SHA-256'): void => {
  if (expected === undefined || expected === received) return;
  throw new CourierError('digest-mismatch', {
    detail: `The ${algorithm} of the received bytes is ${received}.`,
    facts: { received },
  });
};
