import type { Caller } from '../domain.ts';
import type { Log } from '../log.ts';
import type { Clocks } from '../steady-clock.ts';
import { createVerifier, googleCaller, type Verifier } from './verifier.ts';

/** https://accounts.google.com/.well-known/openid-configuration, `jwks_uri`. */
const GOOGLE_KEYS_URL = 'https://www.googleapis.com/oauth2/v3/certs';

/** "The value of iss … is equal to accounts.google.com or https://accounts.google.com" (developers.google.com/identity). */
export const GOOGLE_ISSUERS = ['https://accounts.google.com', 'accounts.google.com'] as const;

export interface IdentityOptions extends Clocks {
  /** A token's `aud` must be exactly one of these. */
  audiences: readonly string[];
  fetch: typeof globalThis.fetch;
  log: Log;
  jwksUrl?: string;
}

/** Verifies Google's ID tokens, and fetches the keys for it. */
export const createGoogleTokens = ({ audiences, jwksUrl = GOOGLE_KEYS_URL, ...rest }: IdentityOptions): Verifier =>
  createVerifier({
    ...rest,
    jwksUrl,
    algorithm: 'RS256',
    rules: { issuers: GOOGLE_ISSUERS, audiences, callerOf: googleCaller },
  });

/**
 * Verifies Google ID tokens: RS256 by Google's published keys, Google's issuers, one of the audiences, times with 60 s of skew.
 * The returned function throws CourierError: `token-invalid`, `token-expired`, `token-audience`, `google-unavailable`.
 * @internal for tests
 */
export const createIdTokenVerifier = (options: IdentityOptions): ((token: string) => Promise<Caller>) =>
  createGoogleTokens(options).verify;
