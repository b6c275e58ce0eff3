import type { Caller } from '../domain.ts';
import { CourierError } from '../errors.ts';
import type { IdentityOptions } from './id-token.ts';
import { type Claims, canonicalEmail, createVerifier, namedCaller, type Verifier } from './verifier.ts';

/** All three: iap/docs/signed-headers-howto. */
const IAP_KEYS_URL = 'https://www.gstatic.com/iap/verify/public_key-jwk';
const IAP_ISSUER = 'https://cloud.google.com/iap';
const IAP_HEADER = 'x-goog-iap-jwt-assertion';

/** `sub` begins with the account's provider. For Google's accounts only the number after it is used. */
const GOOGLE_ACCOUNT = /^accounts\.google\.com:(\d+)$/;

/**
 * IAP has no `email_verified`. An address is used only if the account is Google's, not an external provider's. IAP has `hd`: "If an account belongs to a hosted domain, the hd claim is provided" (iap/docs/signed-headers-howto).
 */
const iapCaller = ({ sub, email, hd }: Claims): Caller => {
  const number = GOOGLE_ACCOUNT.exec(sub)?.[1];
  if (number === undefined) return { sub };
  const address = canonicalEmail(email);
  return address === undefined ? { sub: number } : namedCaller(number, address, hd);
};

/** The assertion that IAP added to the request. @throws CourierError `token-missing`, `token-invalid` */
const assertionOf = (headers: Headers): string => {
  const assertion = headers.get(IAP_HEADER) ?? '';
  if (assertion === '') {
    throw new CourierError('token-missing', {
      reason: 'not-through-iap',
      detail: 'The request did not come through Identity-Aware Proxy.',
      remedy: "Call the service at the address behind Identity-Aware Proxy, with a token for IAP's audience.",
    });
  }
  return assertion;
};

/**
 * Identity by Identity-Aware Proxy: only its signed header (ES256, with IAP's own keys and issuer) is used.
 * `authenticate` throws CourierError: 401 codes, `google-unavailable`.
 */
export const createIap = ({
  audiences,
  jwksUrl = IAP_KEYS_URL,
  ...rest
}: IdentityOptions): { authenticate(headers: Headers): Promise<Caller>; warmUp: Verifier['warmUp'] } => {
  const verifier = createVerifier({
    ...rest,
    jwksUrl,
    algorithm: 'ES256',
    rules: { issuers: [IAP_ISSUER], audiences, callerOf: iapCaller },
  });
  return { authenticate: async (headers) => verifier.verify(assertionOf(headers)), warmUp: verifier.warmUp };
};
