import type { Caller } from '../domain.ts';
import { CourierError } from '../errors.ts';
import { bearerToken } from './bearer.ts';
import { googleCaller, identify } from './claims.ts';
import { GOOGLE_ISSUERS } from './id-token.ts';
import { isSignatureRemoved, readPayload } from './token-parts.ts';
import { partsOf, signatureRemoved, type Verifier } from './verifier.ts';

/**
 * Headers whose presence says that the platform looked at them, and not at `Authorization`, which it then hands on as the
 * caller wrote it ("only the X-Serverless-Authorization header is checked", run/docs/authenticating/service-to-service).
 */
const CHECKED_INSTEAD = ['x-serverless-authorization', 'x-goog-iap-jwt-assertion', 'proxy-authorization'] as const;

/** What the operator of this mode relies on; said once at start. */
export const CLOUD_RUN_IAM_TRUST =
  'identity: cloud-run-iam trusts Cloud Run (if its metadata server says that this is Cloud Run) to have checked the signature of every token that arrives without one: the service must require authentication (no run.invoker for allUsers, the invoker check not disabled)';

interface CloudRunIamOptions {
  /** Verifies the tokens that arrive whole. */
  tokens: Verifier;
  audiences: readonly string[];
  /** Outside Cloud Run nobody removes a signature but a forger. @throws CourierError `google-unavailable` */
  isCloudRun(): Promise<boolean>;
  /** Epoch milliseconds. */
  now: () => number;
}

/**
 * Identity where Cloud Run's own IAM check stands in front: whole tokens are verified as ever, those whose signature it
 * removed are held to everything else. The function it makes throws CourierError: 401 codes, `google-unavailable`.
 */
export const createCloudRunIam = ({ tokens, audiences, isCloudRun, now }: CloudRunIamOptions) => {
  const rules = { issuers: GOOGLE_ISSUERS, audiences, callerOf: googleCaller };
  return async (headers: Headers): Promise<Caller> => {
    const token = bearerToken(headers);
    if (!isSignatureRemoved(token)) return tokens.verify(token);
    if (CHECKED_INSTEAD.some((name) => headers.has(name)) || !(await isCloudRun())) throw signatureRemoved();
    const parts = partsOf(token);
    if (parts.alg !== 'RS256') throw new CourierError('token-invalid');
    return identify(readPayload(parts), rules, now()).caller;
  };
};
