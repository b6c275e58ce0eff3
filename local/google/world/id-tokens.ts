import { numericIdOf } from './initial.ts';
import { signJwt } from './jwt.ts';
import { privateKeyOf } from './keys.ts';
import type { ServiceAccountKey, WorldState } from './state.ts';

export interface IdTokenWish {
  email: string;
  audience: string;
  /** Adds `email` and `email_verified`; asked for in different ways at each of Google's issuers. */
  includeEmail: boolean;
  lifetimeSeconds?: number;
  /** Laid over the claims, for tests of verifiers; undefined removes one. */
  claims?: Readonly<Record<string, unknown>>;
  azp?: string;
}

const firstKey = (keys: readonly ServiceAccountKey[]): ServiceAccountKey => {
  const [key] = keys;
  if (key === undefined) throw new Error('This world has no signing key.');
  return key;
};

/** Google's own mail domains: their accounts belong to no organization. */
const CONSUMERS: ReadonlySet<string> = new Set(['gmail.com', 'googlemail.com']);

/**
 * "hd: The domain associated with the Google Workspace or Cloud organization of the user. Provided only if the user belongs to a
 * Google Cloud organization" (developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload). A consumer account
 * whose address is at some other domain has none either: for such a one, `claims: {hd: undefined}`.
 */
const hostedDomainOf = (email: string): { hd?: string } => {
  const domain = email.slice(email.lastIndexOf('@') + 1);
  return domain.endsWith('gserviceaccount.com') || CONSUMERS.has(domain) ? {} : { hd: domain };
};

/** An ID token as https://accounts.google.com issues it: RS256, one hour, `sub` and `azp` numeric. */
export function issueIdToken(state: WorldState, nowMs: number, wish: IdTokenWish): string {
  const { email, audience, includeEmail, lifetimeSeconds = 3600 } = wish;
  const key = firstKey(state.signingKeys);
  const sub = numericIdOf(email);
  const iat = Math.floor(nowMs / 1000);
  const claims = {
    aud: audience,
    azp: wish.azp ?? sub,
    ...(includeEmail ? { email, email_verified: true } : {}),
    exp: iat + lifetimeSeconds,
    ...hostedDomainOf(email),
    iat,
    iss: 'https://accounts.google.com',
    sub,
    ...wish.claims,
  };
  return signJwt(claims, { kid: key.id, privateKey: privateKeyOf(key.privateKeyPem) });
}

/** What Identity-Aware Proxy adds as `x-goog-iap-jwt-assertion`: ES256, ten minutes. */
export function issueIapToken(
  state: WorldState,
  nowMs: number,
  wish: { email: string; audience: string; claims?: Readonly<Record<string, unknown>> },
): string {
  const key = firstKey(state.iapKeys);
  const iat = Math.floor(nowMs / 1000);
  const claims = {
    aud: wish.audience,
    email: wish.email,
    exp: iat + 600,
    ...hostedDomainOf(wish.email),
    iat,
    iss: 'https://cloud.google.com/iap',
    sub: `accounts.google.com:${numericIdOf(wish.email)}`,
    ...wish.claims,
  };
  return signJwt(claims, { kid: key.id, privateKey: privateKeyOf(key.privateKeyPem), alg: 'ES256' });
}

/** A token of the OIDC issuer that the local workload identity pool trusts. */
export function issueOidcToken(
  { oidcIssuer }: WorldState,
  nowMs: number,
  claims: Readonly<Record<string, unknown>>,
): string {
  const iat = Math.floor(nowMs / 1000);
  return signJwt(
    { iss: oidcIssuer.issuer, iat, nbf: iat, exp: iat + 12 * 3600, ...claims },
    { kid: oidcIssuer.key.id, privateKey: privateKeyOf(oidcIssuer.key.privateKeyPem) },
  );
}
