import { hash } from 'node:crypto';
import { compactVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Caller } from '../domain.ts';
import { CourierError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type ClaimRules, checkTimes, type Identified, identify } from './claims.ts';
import { type Algorithm, createSigningKeys } from './signing-keys.ts';
import { isSignatureRemoved, readPayload, readTokenParts, type TokenParts } from './token-parts.ts';

/** Google's tokens have one to two thousand bytes. */
const MAX_TOKEN_BYTES = 8 * 1024;

/** They take at most about 3 MiB. */
const MAX_CACHED_TOKENS = 10_000;

export interface VerifierOptions {
  /** The one accepted signature algorithm. The token's own `alg` must be the same. */
  algorithm: Algorithm;
  /** URL of the JWKS. */
  jwksUrl: string;
  rules: ClaimRules;
  fetch: typeof globalThis.fetch;
  /** Epoch milliseconds. */
  now: () => number;
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
  const { algorithm, rules, now } = options;
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
    return identify(readPayload(parts), rules, now());
  };

  return {
    warmUp: keys.warmUp,
    async verify(token) {
      if (token.length > MAX_TOKEN_BYTES) throw invalid();
      const digest = digestOf(token);
      const known = verified.get(digest);
      if (known !== undefined) {
        if (now() >= known.expiresAtMs) verified.delete(digest);
        checkTimes(known, now());
        return known.caller;
      }
      const identified = await verifyNew(token);
      verified.set(digest, identified);
      return identified.caller;
    },
  };
};
