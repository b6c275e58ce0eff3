import { type ApiError, oauthError } from '../http/api-error.ts';
import { isSignedBy, parseJwt } from '../world/jwt.ts';
import { publicPemOf } from '../world/keys.ts';
import type { World } from '../world/world.ts';
import type { Mapped } from './aws.ts';

const MAX_SECONDS = 24 * 3600;
const SKEW_SECONDS = 60;

const invalid = (description: string): ApiError => oauthError('invalid_grant', description);

/**
 * The subject of an OIDC token from the only issuer that the local pool trusts. `google.subject` is its `sub`, and
 * `repository` is an attribute. Requirements:
 * https://cloud.google.com/iam/docs/workload-identity-federation-with-other-providers#oidc
 * @param audience the provider's resource name, `//iam.googleapis.com/projects/…`; the token may have it with `https:`
 * in front
 * @throws ApiError 400
 */
export function oidcSubject(world: World, subjectToken: string, audience: string, nowMs: number): Mapped {
  const jwt = parseJwt(subjectToken);
  if (jwt === undefined) throw invalid('Unable to parse the ID Token.');
  const { issuer, key } = world.state.oidcIssuer;
  const { iss, aud, sub, iat, exp, repository } = jwt.claims;
  if (iss !== issuer)
    throw invalid(`The issuer in ID Token ${String(iss)} does not match the expected one in config: ${issuer}.`);
  if (jwt.header.kid !== key.id || !isSignedBy(jwt, publicPemOf(key.privateKeyPem)))
    throw invalid('Error validating the ID Token: invalid signature.');
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.some((each) => each === audience || each === `https:${audience}`))
    throw invalid(`The audience in ID Token [${audiences.join(', ')}] does not match the expected audience.`);
  const nowSeconds = nowMs / 1000;
  const isFresh =
    typeof iat === 'number' &&
    typeof exp === 'number' &&
    exp - iat <= MAX_SECONDS &&
    exp > nowSeconds - SKEW_SECONDS &&
    iat <= nowSeconds + SKEW_SECONDS;
  if (!isFresh) throw invalid(`ID Token issued at ${String(iat)} is stale to sign-in.`);
  if (typeof sub !== 'string' || sub === '') throw invalid('The mapped attribute google.subject is empty.');
  return { subject: sub, attributes: typeof repository === 'string' ? { repository } : {} };
}
