import { CourierError } from '../errors.ts';

/** RFC 6750 §2.1: the scheme in any case, then one token. A comma has no place in it, so two headers joined into one do not fit. */
const BEARER = /^bearer +([\w.~+/=-]+)$/i;

/**
 * The token in the one `Authorization` header. No other header is identity: a caller may write into
 * `X-Serverless-Authorization` what it likes wherever the platform does not check it.
 * @throws CourierError `token-missing`, `token-invalid`
 */
export const bearerToken = (headers: Headers): string => {
  const value = headers.get('authorization') ?? '';
  const token = BEARER.exec(value)?.[1];
  if (token !== undefined) return token;
  if (value.includes(',')) {
    throw new CourierError('token-invalid', { detail: 'More than one Authorization header was sent.' });
  }
  throw new CourierError(/^bearer\s+\S/i.test(value) ? 'token-invalid' : 'token-missing');
};
