import { type ApiError, oauthError } from '../http/api-error.ts';
import { isSignedBy, type Jwt, parseJwt } from '../world/jwt.ts';
import { REAL_TOKEN_URI } from '../world/key-files.ts';
import { publicPemOf } from '../world/keys.ts';
import type { ServiceAccount } from '../world/state.ts';
import type { World } from '../world/world.ts';

/**
 * The maximum lifetime of an assertion, and the tolerated clock skew.
 * https://developers.google.com/identity/protocols/oauth2/service-account#error-codes
 */
const MAX_SECONDS = 3600;
const SKEW_SECONDS = 300;

const invalidGrant = (description: string): ApiError => oauthError('invalid_grant', description);

const checkTimes = ({ claims }: Jwt, nowMs: number): void => {
  const { iat, exp } = claims;
  const nowSeconds = nowMs / 1000;
  const inFrame =
    typeof iat === 'number' &&
    typeof exp === 'number' &&
    exp > iat &&
    exp - iat <= MAX_SECONDS &&
    iat <= nowSeconds + SKEW_SECONDS &&
    exp >= nowSeconds - SKEW_SECONDS;
  if (!inFrame)
    throw invalidGrant(
      'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
    );
};

/** The account whose active key signed the assertion. A deleted or disabled key also gets "Invalid JWT Signature.". */
const signerOf = (world: World, jwt: Jwt): ServiceAccount => {
  const account = world.state.serviceAccounts.find(({ email }) => email === jwt.claims.iss);
  if (account === undefined || account.disabled) throw invalidGrant('Invalid grant: account not found');
  const live = [...account.keys, ...(account.systemKey === undefined ? [] : [account.systemKey])].filter(
    ({ disabled }) => !disabled,
  );
  const { kid } = jwt.header;
  const candidates = kid === undefined ? live : live.filter(({ id }) => id === kid);
  const signed = candidates.some(({ privateKeyPem }) => isSignedBy(jwt, publicPemOf(privateKeyPem)));
  if (!signed) throw invalidGrant('Invalid JWT Signature.');
  return account;
};

/** Domain-wide delegation: the administrator granted all requested scopes to the account's client ID. */
const checkSubject = (world: World, account: ServiceAccount, subject: string, scopes: readonly string[]): void => {
  if (!world.state.users.some(({ email }) => email === subject)) throw invalidGrant('Invalid email or User ID');
  if (!scopes.every((scope) => account.delegatedScopes.includes(scope)))
    throw oauthError(
      'unauthorized_client',
      'Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.',
      401,
    );
};

export type Assertion =
  | { wants: 'idToken'; account: ServiceAccount; audience: string }
  | { wants: 'accessToken'; account: ServiceAccount; email: string; scopes: string[] };

/**
 * Checks the assertion of a `jwt-bearer` grant as Google does.
 * @param localTokenUri the `token_uri` in key files of this server, which libraries use as the audience
 * @throws ApiError in the token endpoint's format
 */
export function readAssertion(world: World, text: string, nowMs: number, localTokenUri: string): Assertion {
  const jwt = parseJwt(text);
  if (jwt === undefined) throw invalidGrant('Bad Request');
  const account = signerOf(world, jwt);
  checkTimes(jwt, nowMs);
  const { aud, scope, sub, target_audience: audience } = jwt.claims;
  const accepted: unknown[] = [REAL_TOKEN_URI, 'https://www.googleapis.com/oauth2/v4/token', localTokenUri];
  if (!accepted.includes(aud)) throw invalidGrant('Invalid JWT: Failed audience check.');
  if (typeof audience === 'string' && audience !== '') return { wants: 'idToken', account, audience };
  const scopes = typeof scope === 'string' ? scope.split(' ').filter(Boolean) : [];
  if (!scopes.length || !scopes.every(isScope))
    throw oauthError('invalid_scope', 'Invalid OAuth scope or ID token audience provided.');
  const email = typeof sub === 'string' && sub !== '' ? sub : account.email;
  if (email !== account.email) checkSubject(world, account, email, scopes);
  return { wants: 'accessToken', account, email, scopes };
}

/** A scope is one of a few words (`openid`, `email`, `profile`) or a URL. */
export const isScope = (scope: string): boolean =>
  ['openid', 'email', 'profile'].includes(scope) ||
  /^https:\/\/(www\.googleapis\.com\/auth\/|mail\.google\.com\/)/.test(scope);
