import { z } from 'zod';
import { CourierError } from '../errors.ts';
import type { Bearer, GoogleResponse, GoogleTransport } from '../google/transport.ts';

const DEADLINE_MS = 30_000;

/** `google.rpc.Status` with its `ErrorInfo`. */
const rpcError = z.object({
  error: z.object({
    status: z.string().catch(''),
    message: z.string().catch(''),
    details: z.array(z.object({ reason: z.string().catch('') })).catch([]),
  }),
});

const parse = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
};

const refused = (detail: string, remedy?: string) => ({ detail, ...(remedy === undefined ? {} : { remedy }) });

const NO_RIGHT = 'The identity that asks may not mint tokens for that service account.';

const explain = (
  { status, body }: GoogleResponse,
  { federated, method }: Pick<IamCaller, 'federated'> & { method: IamMethod },
): { detail: string; remedy?: string } => {
  const { error } = rpcError.safeParse(parse(body)).data ?? {};
  const reasons = error?.details.map(({ reason }) => reason) ?? [];
  if (reasons.includes('SERVICE_DISABLED'))
    return refused(
      'The IAM Service Account Credentials API is off in the project.',
      'Run "gcloud services enable iamcredentials.googleapis.com" in the project of the identity that asks.',
    );
  if (reasons.includes('ACCESS_TOKEN_SCOPE_INSUFFICIENT'))
    return refused(
      "This machine's own access scopes do not cover IAM.",
      'Give the instance the access scope https://www.googleapis.com/auth/cloud-platform.',
    );
  if (status === 404)
    return refused(
      'That service account does not exist.',
      'Create {account}, or correct its address in the configuration.',
    );
  if (status === 400)
    return refused(
      'IAM finds the request malformed; one of the scopes may not exist.',
      'Check "scopes" and {account}.',
    );
  // The federated role lacks the right to sign (https://cloud.google.com/iam/docs/roles-permissions/iam#iam.workloadIdentityUser).
  if (federated === true && method === 'generateAccessToken')
    return refused(
      'The workload that asks (its AWS role, or its OIDC subject) may not act as that service account.',
      "Grant the workload's principal or principalSet of the identity pool roles/iam.workloadIdentityUser on {account}.",
    );
  return refused(NO_RIGHT);
};

const iamError = (response: GoogleResponse, target: string, how: Parameters<typeof explain>[1]): CourierError => {
  const { status } = response;
  const cause = new Error(`IAM Credentials answered ${status}`);
  return status === 408 || status === 429 || status >= 500
    ? new CourierError('google-unavailable', { cause })
    : new CourierError('impersonation-refused', { ...explain(response, how), facts: { account: target }, cause });
};

type IamMethod = 'generateAccessToken' | 'signJwt';

/** The identity that asks has the scope `cloud-platform`. */
export interface IamCaller extends Bearer {
  transport: Pick<GoogleTransport, 'send'>;
  /** True when that is somebody of a workload identity pool. */
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
  { transport, token, rejected, now, federated = false }: IamCaller,
  { method, target, body, answer }: { method: IamMethod; target: string; body: object; answer: z.ZodType<Answer> },
): Promise<Answer> => {
  const response = await transport.send({
    operation: `iamcredentials.${method}`,
    method: 'POST',
    url: `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${encodeURIComponent(target)}:${method}`,
    headers: { 'content-type': 'application/json' },
    bearer: { token, ...(rejected === undefined ? {} : { rejected }) },
    body: Buffer.from(JSON.stringify(body)),
    deadlineMs: now() + DEADLINE_MS,
    // It only mints or signs: a second one does no harm.
    retry: 'idempotent',
  });
  if (response.status >= 300) throw iamError(response, target, { federated, method });
  const { data } = answer.safeParse(parse(response.body));
  if (data === undefined)
    throw new CourierError('google-unavailable', { cause: new Error(`${method}: an answer of another form`) });
  return data;
};
