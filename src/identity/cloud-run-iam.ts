import type { Caller } from '../domain.ts';
import { CourierError } from '../errors.ts';
import type { Clocks } from '../steady-clock.ts';
import { GOOGLE_ISSUERS } from './id-token.ts';
import { isSignatureRemoved, readPayload } from './token-parts.ts';
import { bearerToken, googleCaller, identify, partsOf, signatureRemoved, type Verifier } from './verifier.ts';

/**
 * If one of these headers is present, the platform checked it instead of `Authorization`, which it then passes on unchecked
 * ("only the X-Serverless-Authorization header is checked", run/docs/authenticating/service-to-service).
 */
const CHECKED_INSTEAD = ['x-serverless-authorization', 'x-goog-iap-jwt-assertion', 'proxy-authorization'] as const;

/** What the operator of this mode relies on. It is logged once at start. */
export const CLOUD_RUN_IAM_TRUST =
  '"identity: cloud-run-iam" accepts tokens without a signature, because Cloud Run has checked it. The service must require authentication: no run.invoker for allUsers, and the invoker check enabled';

interface CloudRunIamOptions {
  /** Verifies tokens that have their signature. */
  tokens: Verifier;
  audiences: readonly string[];
  /** Outside Cloud Run, only an attacker sends a token without a signature. @throws CourierError `google-unavailable` */
  isCloudRun(): Promise<boolean>;
  wall: Clocks['wall'];
}

/**
 * Identity behind Cloud Run's own IAM check: tokens with a signature are verified as usual, and for tokens whose signature Cloud
 * Run removed everything else is checked. The returned function throws CourierError: 401 codes, `google-unavailable`.
 */
export const createCloudRunIam = ({ tokens, audiences, isCloudRun, wall }: CloudRunIamOptions) => {
  const rules = { issuers: GOOGLE_ISSUERS, audiences, callerOf: googleCaller };
  return async (headers: Headers): Promise<Caller> => {
    const token = bearerToken(headers);
    if (!isSignatureRemoved(token)) return tokens.verify(token);
    if (CHECKED_INSTEAD.some((name) => headers.has(name)) || !(await isCloudRun())) throw signatureRemoved();
    const parts = partsOf(token);
    if (parts.alg !== 'RS256') throw new CourierError('token-invalid');
    return identify(readPayload(parts), rules, wall()).caller;
  };
};
