import { compactVerify } from 'jose';
import type { Caller } from '../domain.ts';
import { CourierError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type ClaimRules, checkTimes, type Identified, identify } from './claims.ts';
import { createRemembered } from './remembered.ts';
import { type Algorithm, createSigningKeys } from './signing-keys.ts';
import { isSignatureRemoved, readPayload, readTokenParts, type TokenParts } from './token-parts.ts';

/** Bytes; the tokens that Google makes have one to two thousand. */
const MAX_TOKEN_BYTES = 8 * 1024;

/** About 3 MiB at the most. */
const REMEMBERED_TOKENS = 10_000;

export interface VerifierOptions {
  /** The one signature algorithm that is taken; the token's own word for it only has to agree. */
  algorithm: Algorithm;
  /** The JWKS's address. */
  jwksUrl: string;
  rules: ClaimRules;
  fetch: typeof globalThis.fetch;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
}

export interface Verifier {
  /** The caller that a signed token names. @throws CourierError 401 codes, `google-unavailable` */
  verify(token: string): Promise<Caller>;
  /** Fetches the keys ahead of the first token. @throws CourierError `google-unavailable` */
  warmUp(): Promise<void>;
}

/** The same answer for every forged or malformed token, so that a forger does not learn which check failed. */
const invalid = (cause?: unknown): CourierError => new CourierError('token-invalid', { cause });

const REMOVED_SIGNATURE_REMEDY =
  'Send the token in "Authorization" alone, without "X-Serverless-Authorization"; or, if Cloud Run itself checks every caller (IAM), let the operator set "identity: cloud-run-iam".';

/** The answer to a token whose signature the platform took away. */
export const signatureRemoved = (): CourierError =>
  new CourierError('token-invalid', {
    detail: 'The platform removed the signature of this token, so it cannot be verified here.',
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

/** Takes a token apart, unread when it is too long. @throws CourierError `token-invalid` */
export const partsOf = (token: string): TokenParts => {
  if (token.length > MAX_TOKEN_BYTES) throw invalid();
  const parts = readTokenParts(token);
  if (parts === undefined) throw token.startsWith(ACCESS_TOKEN) ? accessToken() : invalid();
  return parts;
};

/** Verifies tokens by signature, issuer, audience and time, and remembers the good ones until they expire. */
export const createVerifier = (options: VerifierOptions): Verifier => {
  const { algorithm, rules, now } = options;
  const remembered = createRemembered(REMEMBERED_TOKENS);
  const keys = createSigningKeys({ ...options, url: options.jwksUrl, onWithdrawn: remembered.clear });

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
      const known = remembered.find(token);
      if (known !== undefined) {
        if (now() >= known.expiresAtMs) remembered.forget(token);
        checkTimes(known, now());
        return known.caller;
      }
      const identified = await verifyNew(token);
      remembered.add(token, identified);
      return identified.caller;
    },
  };
};
