import { numericIdOf } from './initial.ts';
import { signJwt } from './jwt.ts';
import { privateKeyOf } from './keys.ts';
import type { ServiceAccountKey, WorldState } from './state.ts';

export interface IdTokenOptions {
  email: string;
  audience: string;
  /** Adds `email` and `email_verified`. Each of Google's issuers has its own parameter for this. */
  includeEmail: boolean;
  lifetimeSeconds?: number;
  /** Overrides claims, for tests of verifiers. Undefined removes a claim. */
  claims?: Readonly<Record<string, unknown>>;
  azp?: string;
}

const firstKey = (keys: readonly ServiceAccountKey[]): ServiceAccountKey => {
  const [key] = keys;
  if (key === undefined) throw new Error('This world has no signing key.');
  return key;
};

/** Google's own email domains. Their accounts belong to no organization. */
const CONSUMERS: ReadonlySet<string> = new Set(['gmail.com', 'googlemail.com']);

/**
 * "hd: The domain associated with the Google Workspace or Cloud organization of the user. Provided only if the user
 * belongs to a Google Cloud organization"
 * (developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload). A consumer account with an
 * address in another domain has no `hd` either; pass `claims: {hd: undefined}` for one.
 */
const hostedDomainOf = (email: string): { hd?: string } => {
  const domain = email.slice(email.lastIndexOf('@') + 1);
  return domain.endsWith('gserviceaccount.com') || CONSUMERS.has(domain) ? {} : { hd: domain };
};

/** An ID token of https://accounts.google.com: RS256, valid for one hour, with numeric `sub` and `azp`. */
export function issueIdToken(state: WorldState, nowMs: number, options: IdTokenOptions): string {
  const { email, audience, includeEmail, lifetimeSeconds = 3600 } = options;
  const key = firstKey(state.signingKeys);
  const sub = numericIdOf(email);
  const iat = Math.floor(nowMs / 1000);
  const claims = {
    aud: audience,
    azp: options.azp ?? sub,
    ...(includeEmail ? { email, email_verified: true } : {}),
    exp: iat + lifetimeSeconds,
    ...hostedDomainOf(email),
    iat,
    iss: 'https://accounts.google.com',
    sub,
    ...options.claims,
  };
  return signJwt(claims, { kid: key.id, privateKey: privateKeyOf(key.privateKeyPem) });
}

/** The token that Identity-Aware Proxy adds as `x-goog-iap-jwt-assertion`: ES256, valid for ten minutes. */
export function issueIapToken(
  state: WorldState,
  nowMs: number,
  options: { email: string; audience: string; claims?: Readonly<Record<string, unknown>> },
): string {
  const key = firstKey(state.iapKeys);
  const iat = Math.floor(nowMs / 1000);
  const claims = {
    aud: options.audience,
    email: options.email,
    exp: iat + 600,
    ...hostedDomainOf(options.email),
    iat,
    iss: 'https://cloud.google.com/iap',
    sub: `accounts.google.com:${numericIdOf(options.email)}`,
    ...options.claims,
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
