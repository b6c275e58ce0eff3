import { CourierError } from '../errors.ts';

/** RFC 6750 §2.1: the scheme in any case, then one token. It excludes commas, so two headers that were joined don't match. */
const BEARER = /^bearer +([\w.~+/=-]+)$/i;

/**
 * The token in the `Authorization` header. No other header is used: where the platform does not check
 * `X-Serverless-Authorization`, a caller can write anything into it.
 * @throws CourierError `token-missing`, `token-invalid`
 */
export const bearerToken = (headers: Headers): string => {
  const value = headers.get('authorization') ?? '';
  const token = BEARER.exec(value)?.[1];
  if (token !== undefined) return token;
  if (value.includes(',')) {
    throw new CourierError('token-invalid', {
      reason: 'authorization-repeated',
      detail: 'The request has more than one Authorization header.',
    });
  }
  throw new CourierError(/^bearer\s+\S/i.test(value) ? 'token-invalid' : 'token-missing');
};
