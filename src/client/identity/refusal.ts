import { z } from 'zod';
import { CourierClientError as ClientError, type CourierClientError, failure } from '../errors.ts';
import { networkErrorText } from '../http/http.ts';
import { ProxyError } from '../http/proxy.ts';
import { timeoutIn } from '../http/timeout.ts';
import { isError } from '../realms.ts';

/** Google's two forms of errors: OAuth's, and that of its APIs. */
const bodySchema = z.union([
  z.object({ error: z.string(), error_description: z.string().optional() }),
  z.object({ error: z.object({ message: z.string(), status: z.string().optional() }) }),
]);

const responseSchema = z.object({ response: z.object({ status: z.number(), data: z.unknown() }) });

interface Refusal {
  status: number;
  reason: string;
}

/** Google's answer in an error of google-auth-library. Those errors also hold the request, which contains secrets. */
const refusalIn = (error: unknown): Refusal | undefined => {
  const answered = responseSchema.safeParse(error).data?.response;
  if (answered === undefined) return undefined;
  const body = bodySchema.safeParse(answered.data).data?.error;
  if (body === undefined) return { status: answered.status, reason: `HTTP ${answered.status}` };
  if (typeof body !== 'string') return { status: answered.status, reason: body.message };
  const description = z.object({ error_description: z.string() }).safeParse(answered.data).data?.error_description;
  return { status: answered.status, reason: description === undefined ? body : `${body}: ${description}` };
};

/** True for "Bad Request" followed by "refresh". */
const isBadRefresh = (reason: string): boolean => {
  const text = reason.toLowerCase();
  const at = text.indexOf('bad request');
  return at !== -1 && text.includes('refresh', at);
};

const REMEDIES: readonly [{ test(reason: string): boolean }, string][] = [
  [
    /reasonable timeframe|stale|issued at|expired: \d{8}T|Signature expired/i,
    "Set this machine's clock. It differs too much from Google's.",
  ],
  [
    /Invalid JWT Signature|account not found|Invalid grant: account/i,
    'The key or the account was deleted. Create a new key and use its file.',
  ],
  [
    { test: (reason) => /expired or revoked/i.test(reason) || isBadRefresh(reason) },
    'Sign in again. The refresh token was revoked or has expired.',
  ],
  [
    /getOpenIdToken/,
    'Grant this identity roles/iam.serviceAccountOpenIdTokenCreator (or roles/iam.workloadIdentityUser, for a federated one) on the service account to impersonate.',
  ],
  [
    /getAccessToken|implicitDelegation/,
    'Grant this identity roles/iam.serviceAccountTokenCreator on the service account to impersonate.',
  ],
  [
    /Gaia id not found/i,
    'Correct the email of the service account to impersonate. There is no account with this email.',
  ],
  [
    /AWS|InvalidClientTokenId|SignatureDoesNotMatch/,
    'Check the AWS role and its credentials; "aws sts get-caller-identity" shows the role in use.',
  ],
  [
    /audience|invalid_target|issuer|attribute condition/i,
    'Check the workload identity provider: its name in the credentials file, its issuer, its allowed audiences, and its attribute condition.',
  ],
];

const NETWORK_CODES =
  /^(E(CONN|HOST|NET|PIPE|AI_|NOTFOUND|TIMEDOUT|PROTO|[MN]FILE)|ERR_TLS_|CERT_|UNABLE_TO_|.*SELF_SIGNED)/;

/** The network error, which libraries wrap several times. */
const networkErrorIn = (error: unknown): string | undefined => {
  for (let each = error; isError(each); each = each.cause) {
    const { code } = each as NodeJS.ErrnoException;
    if (each instanceof ProxyError || NETWORK_CODES.test(code ?? '')) return networkErrorText(each);
  }
  return undefined;
};

/** Converts an error that occurred while getting a token to the client's error, without any part of the request. */
export const identityError = (error: unknown, account: string): CourierClientError => {
  if (error instanceof ClientError) return error;
  const refusal = refusalIn(error);
  if (refusal === undefined) {
    const fault = timeoutIn(error) ?? networkErrorIn(error);
    if (fault !== undefined) return failure('google-unreachable', { detail: fault });
    const reason = isError(error) ? error.message : 'no reason given';
    return failure('identity-unusable', { detail: `${account}: ${reason}` });
  }
  if (refusal.status >= 500 || refusal.status === 429) {
    return failure('google-unreachable', { detail: refusal.reason, status: refusal.status });
  }
  const remedy = REMEDIES.find(([pattern]) => pattern.test(refusal.reason))?.[1];
  return failure('identity-refused', { detail: `${account}: ${refusal.reason}`, remedy });
};
