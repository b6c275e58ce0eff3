import { hash } from 'node:crypto';
import { compactVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Caller } from '../domain.ts';
import { CourierError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Clocks } from '../steady-clock.ts';
import { isServiceAccount } from '../text/google/service-account.ts';
import { type Algorithm, createSigningKeys } from './signing-keys.ts';
import { isSignatureRemoved, readPayload, readTokenParts, type TokenParts } from './token-parts.ts';

/** Synchronized clocks differ by less. */
const SKEW_SECONDS = 60;

/** Google's tokens are valid for one hour. A token that claims more than a day is not one of them. */
const MAX_LIFETIME_SECONDS = 24 * 3600;

const seconds = z.int().nonnegative();

/** The claims that are checked (OpenID Connect Core §2). Google sends `aud` as one string, never as a list. */
const claimsSchema = z.looseObject({
  iss: z.string(),
  aud: z.string(),
  // "A maximum length of 255 case-sensitive ASCII characters" (developers.google.com/identity/openid-connect).
  sub: z.string().regex(/^[\x21-\x7e]{1,255}$/),
  iat: seconds,
  exp: seconds,
  nbf: seconds.optional(),
  email: z.string().optional(),
  email_verified: z.boolean().optional(),
  hd: z.string().optional(),
});

export type Claims = z.infer<typeof claimsSchema>;

/** The accepted issuers and audiences, and how the caller follows from the claims. */
export interface ClaimRules {
  issuers: readonly string[];
  audiences: readonly string[];
  callerOf(claims: Claims): Caller;
}

/** ASCII only, because lower-casing other letters can turn one address into another (U+212A becomes "k"). */
const ADDRESS = /^[\x21-\x3f\x41-\x7e]+@[a-z0-9-]+(\.[a-z0-9-]+)+$/i;

/** An email address in lower case, as the policy compares it; undefined if it is not one. */
export const canonicalEmail = (email: string | undefined): string | undefined =>
  email !== undefined && ADDRESS.test(email) ? email.toLowerCase() : undefined;

/** ASCII only, as for addresses. */
const DOMAIN = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i;

/**
 * A caller with a verified address, and the organization that manages the account. "Don't rely on the domain of the email
 * claim": anybody can create a consumer account with an address at any domain where they receive mail, so only `hd` shows the
 * organization (developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload).
 */
export const namedCaller = (sub: string, email: string, hd: string | undefined): Caller =>
  hd !== undefined && DOMAIN.test(hd) && !isServiceAccount(email)
    ? { sub, email, hostedDomain: hd.toLowerCase() }
    : { sub, email };

/** The caller of a Google ID token. Its address and organization are used only if Google verified the address. */
export const googleCaller = ({ sub, email, email_verified, hd }: Claims): Caller => {
  const verified = email_verified === true ? canonicalEmail(email) : undefined;
  return verified === undefined ? { sub } : namedCaller(sub, verified, hd);
};

/** A caller, and the time in which the token is valid (epoch milliseconds, including the clock skew). */
export interface Identified {
  caller: Caller;
  notBeforeMs: number;
  /** From this time on the token is rejected. */
  expiresAtMs: number;
}

/** @throws CourierError `token-invalid`, `token-expired` */
const checkTimes = ({ notBeforeMs, expiresAtMs }: Identified, nowMs: number): void => {
  if (nowMs >= expiresAtMs) throw new CourierError('token-expired');
  if (nowMs < notBeforeMs)
    throw new CourierError('token-invalid', { reason: 'not-yet-valid', detail: 'The token is not valid yet.' });
};

/** The maximum number of configured audiences that are named to a caller. */
const MAX_NAMED_AUDIENCES = 5;

/** Only for tokens whose signature is good: both audiences help the caller, and the log, to see which one is wrong. */
const wrongAudience = (audience: string, expected: readonly string[]): CourierError => {
  const names = expected.slice(0, MAX_NAMED_AUDIENCES).map((each) => `"${each}"`);
  const wanted = `${names.join(' or ')}${names.length < expected.length ? ' or another one' : ''}`;
  return new CourierError('token-audience', {
    detail: `The token's audience is ${JSON.stringify(audience.slice(0, 200))}. This service expects ${wanted}.`,
    facts: { audience, expectedAudiences: expected.join(' ') },
  });
};

/** The caller that a token's payload names, if the token is meant for this service and valid now. @throws CourierError `token-invalid`, `token-audience`, `token-expired` */
export const identify = (payload: unknown, rules: ClaimRules, nowMs: number): Identified => {
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success) throw new CourierError('token-invalid');
  const claims = parsed.data;
  if (!rules.issuers.includes(claims.iss)) throw new CourierError('token-invalid');
  if (!rules.audiences.includes(claims.aud)) throw wrongAudience(claims.aud, rules.audiences);
  const life = claims.exp - claims.iat;
  if (life <= 0 || life > MAX_LIFETIME_SECONDS) throw new CourierError('token-invalid');
  const identified = {
    caller: Object.freeze(rules.callerOf(claims)), // one object for all requests with this token
    notBeforeMs: (Math.max(claims.iat, claims.nbf ?? 0) - SKEW_SECONDS) * 1000,
    expiresAtMs: (claims.exp + SKEW_SECONDS) * 1000,
  };
  checkTimes(identified, nowMs);
  return identified;
};

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

/** Google's tokens have one to two thousand bytes. */
const MAX_TOKEN_BYTES = 8 * 1024;

/** They take at most about 3 MiB. */
const MAX_CACHED_TOKENS = 10_000;

export interface VerifierOptions extends Clocks {
  /** The one accepted signature algorithm. The token's own `alg` must be the same. */
  algorithm: Algorithm;
  /** URL of the JWKS. */
  jwksUrl: string;
  rules: ClaimRules;
  fetch: typeof globalThis.fetch;
  log: Log;
}

export interface Verifier {
  /** The caller of a signed token. @throws CourierError 401 codes, `google-unavailable` */
  verify(token: string): Promise<Caller>;
  /** Fetches the keys ahead of the first token. @throws CourierError `google-unavailable` */
  warmUp(): Promise<void>;
}

/** The same answer for every forged or malformed token, so that a forger does not learn which check failed. */
const invalid = (cause?: unknown): CourierError => new CourierError('token-invalid', { cause });

const REMOVED_SIGNATURE_REMEDY =
  'Send the token only in "Authorization", without "X-Serverless-Authorization". If Cloud Run checks every caller (IAM), ask the operator to set "identity: cloud-run-iam".';

/** The error for a token whose signature the platform removed. */
export const signatureRemoved = (): CourierError =>
  new CourierError('token-invalid', {
    reason: 'signature-removed',
    detail: 'The platform removed the signature of this token, so it cannot be verified.',
    remedy: REMOVED_SIGNATURE_REMEDY,
  });

/** Google's access tokens begin so (https://cloud.google.com/docs/authentication/token-types#access). */
const ACCESS_TOKEN = 'ya29.';

const accessToken = (): CourierError =>
  new CourierError('token-invalid', {
    detail: 'This is an access token. The service needs an ID token.',
    remedy:
      'Send an ID token whose audience is this service\'s URL, for example from "courier token" or "gcloud auth print-identity-token".',
  });

/** The parts of a token. A token that is too long is not parsed. @throws CourierError `token-invalid` */
export const partsOf = (token: string): TokenParts => {
  if (token.length > MAX_TOKEN_BYTES) throw invalid();
  const parts = readTokenParts(token);
  if (parts === undefined) throw token.startsWith(ACCESS_TOKEN) ? accessToken() : invalid();
  return parts;
};

/** The cache key of a token: its hash, so that the cache holds nothing that could be sent again. */
const digestOf = (token: string): string => hash('sha256', token, 'base64url');

/** Verifies tokens by signature, issuer, audience and time, and caches valid ones until they expire. */
export const createVerifier = (options: VerifierOptions): Verifier => {
  const { algorithm, rules, wall } = options;
  const verified = new LRUCache<string, Identified>({ max: MAX_CACHED_TOKENS });
  const keys = createSigningKeys({ ...options, url: options.jwksUrl, onWithdrawn: () => verified.clear() });

  const verifyNew = async (token: string): Promise<Identified> => {
    if (isSignatureRemoved(token)) throw signatureRemoved();
    const parts = partsOf(token);
    if (parts.alg !== algorithm) throw invalid();
    const key = await keys.find(parts.kid);
    if (key === undefined) throw invalid();
    await compactVerify(token, key, { algorithms: [algorithm] }).catch((error) => {
      throw invalid(error);
    });
    return identify(readPayload(parts), rules, wall());
  };

  return {
    warmUp: keys.warmUp,
    async verify(token) {
      if (token.length > MAX_TOKEN_BYTES) throw invalid();
      const digest = digestOf(token);
      const known = verified.get(digest);
      if (known !== undefined) {
        if (wall() >= known.expiresAtMs) verified.delete(digest);
        checkTimes(known, wall());
        return known.caller;
      }
      const identified = await verifyNew(token);
      verified.set(digest, identified);
      return identified.caller;
    },
  };
};
