import { z } from 'zod';
import { CourierClientError as ClientError, type CourierClientError, failure } from '../errors.ts';
import { timeUpIn } from '../time-up.ts';

/** Both forms in which Google says no: OAuth's, and its APIs'. */
const bodySchema = z.union([
  z.object({ error: z.string(), error_description: z.string().optional() }),
  z.object({ error: z.object({ message: z.string(), status: z.string().optional() }) }),
]);

const responseSchema = z.object({ response: z.object({ status: z.number(), data: z.unknown() }) });

interface Refusal {
  status: number;
  reason: string;
}

/** What Google answered, out of an error of google-auth-library; those errors also hold the request, which must go nowhere. */
const refusalIn = (error: unknown): Refusal | undefined => {
  const answered = responseSchema.safeParse(error).data?.response;
  if (answered === undefined) return undefined;
  const body = bodySchema.safeParse(answered.data).data?.error;
  if (body === undefined) return { status: answered.status, reason: `HTTP ${answered.status}` };
  if (typeof body !== 'string') return { status: answered.status, reason: body.message };
  const description = z.object({ error_description: z.string() }).safeParse(answered.data).data?.error_description;
  return { status: answered.status, reason: description === undefined ? body : `${body}: ${description}` };
};

/** "Bad Request", and "refresh" somewhere behind it. */
const isBadRefresh = (reason: string): boolean => {
  const text = reason.toLowerCase();
  const at = text.indexOf('bad request');
  return at !== -1 && text.includes('refresh', at);
};

const REMEDIES: readonly [{ test(reason: string): boolean }, string][] = [
  [
    /reasonable timeframe|stale|issued at|expired: \d{8}T|Signature expired/i,
    "Set this machine's clock: it is too far from Google's.",
  ],
  [
    /Invalid JWT Signature|account not found|Invalid grant: account/i,
    'The key or the account was deleted: make a new key and use its file.',
  ],
  [
    { test: (reason) => /expired or revoked/i.test(reason) || isBadRefresh(reason) },
    'Sign in again: the refresh token was revoked or is too old.',
  ],
  [
    /getOpenIdToken/,
    'Grant this identity roles/iam.serviceAccountOpenIdTokenCreator (or roles/iam.workloadIdentityUser, for a federated one) on the service account that it is to act as.',
  ],
  [
    /getAccessToken|implicitDelegation/,
    'Grant this identity roles/iam.serviceAccountTokenCreator on the service account that it is to act as.',
  ],
  [
    /Gaia id not found/i,
    'Correct the email of the service account that this identity is to act as: there is none of that name.',
  ],
  [
    /AWS|InvalidClientTokenId|SignatureDoesNotMatch/,
    'Check the AWS role and its credentials; "aws sts get-caller-identity" says who this is there.',
  ],
  [
    /audience|invalid_target|issuer|attribute condition/i,
    'Check the workload identity provider: its name in the credentials file, the issuer and the audiences that it takes, and its attribute condition.',
  ],
];

/** The socket's word (`ECONNREFUSED`, `UND_ERR_SOCKET`), which libraries wrap several times. */
const networkCodeIn = (error: unknown): string | undefined => {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { code } = each as NodeJS.ErrnoException;
    if (typeof code === 'string' && /^(E(CONN|HOST|NET|PIPE|AI_|NOTFOUND|TIMEDOUT)|UND_ERR_)/.test(code)) return code;
  }
  return undefined;
};

/** Anything thrown on the way to a token, as the client's error; nothing of the request is in it. */
export const identityError = (error: unknown, account: string): CourierClientError => {
  if (error instanceof ClientError) return error;
  const refusal = refusalIn(error);
  if (refusal === undefined) {
    const fault = networkCodeIn(error) ?? timeUpIn(error);
    if (fault !== undefined) return failure('google-unreachable', { detail: fault });
    const reason = error instanceof Error ? error.message : 'no reason given';
    return failure('identity-unusable', { detail: `${account}: ${reason}` });
  }
  if (refusal.status >= 500 || refusal.status === 429) {
    return failure('google-unreachable', { detail: refusal.reason, status: refusal.status });
  }
  const remedy = REMEDIES.find(([pattern]) => pattern.test(refusal.reason))?.[1];
  return failure('identity-refused', {
    detail: `${account}: ${refusal.reason}`,
    ...(remedy === undefined ? {} : { remedy }),
  });
};
