import type { z } from 'zod';
import type { Bearer } from '../../bearer.ts';
import { CourierError } from '../../errors.ts';
import type { GoogleResponse, GoogleTransport } from '../../google/transport.ts';
import { parseJson, rpcReasonsOf } from '../../text/google/rpc-error.ts';

const DEADLINE_MS = 30_000;

interface Refusal {
  /** Google's: that of `ErrorInfo`, or the name of the status. */
  reason: string | undefined;
  detail: string;
  remedy?: string;
}

const explain = (
  { status, body }: GoogleResponse,
  { federated, method }: Pick<IamCaller, 'federated'> & { method: IamMethod },
): Refusal => {
  const reasons = rpcReasonsOf(body);
  const [reason] = reasons;
  if (reasons.includes('SERVICE_DISABLED'))
    return {
      reason,
      detail: 'The IAM Service Account Credentials API is disabled in the project.',
      remedy: 'Run "gcloud services enable {api}" in the project of the calling identity.',
    };
  if (reasons.includes('ACCESS_TOKEN_SCOPE_INSUFFICIENT'))
    return {
      reason,
      detail: "The access scopes of this machine don't include IAM.",
      remedy: 'Give the instance the access scope https://www.googleapis.com/auth/cloud-platform.',
    };
  if (status === 404)
    return {
      reason,
      detail: 'The service account does not exist.',
      remedy: 'Create {account}, or correct its address in the configuration.',
    };
  if (status === 400)
    return {
      reason,
      detail: 'IAM rejected the request as malformed. One of the scopes may not exist.',
      remedy: 'Check "scopes" and {account}.',
    };
  // roles/iam.workloadIdentityUser does not include signJwt (https://cloud.google.com/iam/docs/roles-permissions/iam#iam.workloadIdentityUser).
  if (federated === true && method === 'generateAccessToken')
    return {
      reason,
      detail: 'The calling workload (its AWS role or OIDC subject) is not allowed to act as the service account.',
      remedy:
        "Grant the workload's principal or principalSet of the identity pool roles/iam.workloadIdentityUser on {account}.",
    };
  return { reason, detail: 'The calling identity is not allowed to create tokens for the service account.' };
};

const iamError = (
  response: GoogleResponse,
  { target, courier }: { target: string; courier: string | undefined },
  how: Parameters<typeof explain>[1],
): CourierError => {
  const { status } = response;
  const cause = new Error(`IAM Credentials answered ${status}`);
  return status === 408 || status === 429 || status >= 500
    ? new CourierError('google-unavailable', { cause })
    : new CourierError('impersonation-refused', {
        ...explain(response, how),
        facts: { account: target, courier, api: 'iamcredentials.googleapis.com' },
        cause,
      });
};

type IamMethod = 'generateAccessToken' | 'signJwt';

/** The calling identity. Its token has the scope `cloud-platform`. */
export interface IamCaller extends Bearer {
  transport: Pick<GoogleTransport, 'send'>;
  /** True for a principal of a workload identity pool. */
  federated?: boolean;
  /** Epoch milliseconds. */
  now: () => number;
}

/**
 * One method of the IAM Service Account Credentials API (https://cloud.google.com/iam/docs/reference/credentials/rest).
 * @param target the service account's email
 * @throws CourierError `impersonation-refused`, `google-unavailable`
 */
export const callIam = async <Answer>(
  { transport, token, rejected, account, now, federated = false }: IamCaller,
  { method, target, body, answer }: { method: IamMethod; target: string; body: object; answer: z.ZodType<Answer> },
): Promise<Answer> => {
  const response = await transport.send({
    operation: `iamcredentials.${method}`,
    method: 'POST',
    url: `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${encodeURIComponent(target)}:${method}`,
    headers: { 'content-type': 'application/json' },
    bearer: { token, rejected },
    body: Buffer.from(JSON.stringify(body)),
    deadlineMs: now() + DEADLINE_MS,
    // It only creates a token or signs, so sending it twice is harmless.
    retry: 'idempotent',
  });
  if (response.status >= 300) throw iamError(response, { target, courier: account?.() }, { federated, method });
  const { data } = answer.safeParse(parseJson(response.body));
  if (data === undefined)
    throw new CourierError('google-unavailable', { cause: new Error(`${method}: an unexpected answer`) });
  return data;
};
