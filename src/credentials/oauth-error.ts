import { z } from 'zod';
import { CourierError, type ErrorCode } from '../errors.ts';
import { courierErrorIn } from './google-library.ts';

/** What the token endpoint and the Security Token Service answer (RFC 6749 § 5.2). */
const oauthBody = z.object({
  error: z.string().regex(/^[a-z_]{1,40}$/),
  error_description: z.string().catch(''),
  error_subtype: z.string().catch(''),
});

/** Which grant was refused. */
export type Grant = 'service-account' | 'delegation' | 'refresh-token' | 'federation';

interface Verdict {
  code: ErrorCode;
  /** The exact cause: one of ours, or the `error` of RFC 6749. */
  reason: string | undefined;
  detail: string;
  /** Where the table's remedy does not fit. */
  remedy?: string;
}

interface Rule extends Verdict {
  error: string;
  /** Matches the description or the subtype. Google gives nothing more precise than these texts. */
  says?: RegExp;
  grant?: Grant;
}

const LOG_IN_AGAIN = 'Run "courier login" again, and store the new credentials as a new version of the secret.';
const FIX_POOL =
  "Check that the document's audience is the workload identity provider, and that the provider's issuer, audiences and attribute condition match the workload's token.";

/** The first rule that matches applies. Google's texts: https://developers.google.com/identity/protocols/oauth2/service-account#error-codes */
const RULES: readonly Rule[] = [
  {
    error: 'invalid_grant',
    says: /short-lived token|reasonable timeframe|iat and exp/i,
    code: 'key-invalid',
    reason: 'clock-skew',
    detail: "Google rejected the time in the signed request: this machine's clock is off by more than five minutes.",
    remedy: 'Synchronize the clock of the machine that runs the courier (NTP). The key itself may be valid.',
  },
  {
    error: 'invalid_grant',
    says: /email or user id/i,
    grant: 'delegation',
    code: 'delegation-refused',
    reason: 'subject-not-found',
    detail: 'The subject does not exist in a domain that delegates to this account.',
  },
  {
    error: 'invalid_grant',
    says: /invalid_rapt|rapt_required/i,
    grant: 'refresh-token',
    code: 'key-revoked',
    reason: 'session-expired',
    detail: "The person's consent ended with the session length that the organization sets.",
    remedy: LOG_IN_AGAIN,
  },
  {
    error: 'invalid_grant',
    grant: 'refresh-token',
    code: 'key-revoked',
    reason: 'consent-revoked',
    detail: "The person's consent has expired or was revoked.",
    remedy: LOG_IN_AGAIN,
  },
  {
    error: 'invalid_grant',
    says: /signature expired|stale/i,
    grant: 'federation',
    code: 'impersonation-refused',
    reason: 'workload-token-expired',
    detail: "The workload's own token has expired, or this machine's clock is off.",
    remedy:
      "Synchronize the clock of the machine that runs the courier (NTP), and refresh the token that the workload's cloud issued.",
  },
  {
    error: 'invalid_grant',
    grant: 'federation',
    code: 'impersonation-refused',
    reason: 'workload-token-rejected',
    detail: "Google's Security Token Service rejected the workload's own token.",
    remedy: FIX_POOL,
  },
  {
    error: 'invalid_grant',
    says: /audience/i,
    code: 'key-invalid',
    reason: 'assertion-audience',
    detail: 'Google rejected the audience of the signed request.',
  },
  {
    error: 'invalid_grant',
    says: /account not found/i,
    code: 'key-revoked',
    reason: 'account-not-found',
    detail: 'The service account of the key was deleted or is disabled.',
  },
  {
    error: 'invalid_grant',
    code: 'key-revoked',
    reason: 'key-not-found',
    detail: 'The key was deleted or disabled, or belongs to another account.',
  },
  {
    error: 'unauthorized_client',
    grant: 'delegation',
    code: 'delegation-refused',
    reason: 'delegation-missing',
    detail: 'Domain-wide delegation is not set up for this client id and these scopes.',
  },
  {
    error: 'access_denied',
    grant: 'delegation',
    code: 'delegation-refused',
    reason: 'delegation-denied',
    detail: "The subject's domain does not allow the account to act for its users.",
  },
  {
    error: 'unauthorized_client',
    grant: 'federation',
    code: 'impersonation-refused',
    reason: 'attribute-condition',
    detail: "The provider's attribute condition rejects this workload.",
    remedy: FIX_POOL,
  },
  {
    error: 'access_denied',
    grant: 'federation',
    code: 'impersonation-refused',
    reason: 'federation-denied',
    detail: 'The Security Token Service API is disabled in the project, or rejects this workload.',
    remedy: 'Run "gcloud services enable sts.googleapis.com" in the project of the pool, and check the provider.',
  },
  {
    error: 'invalid_target',
    code: 'impersonation-refused',
    reason: 'pool-not-found',
    detail: 'The workload identity pool or provider does not exist, or is disabled.',
    remedy: FIX_POOL,
  },
  {
    error: 'invalid_scope',
    code: 'scope-insufficient',
    reason: 'scope-refused',
    detail: 'Google does not grant one of the configured scopes.',
  },
  {
    error: 'invalid_client',
    code: 'key-invalid',
    reason: 'client-unknown',
    detail: 'Google does not know the OAuth client of the credentials, or the client secret is wrong.',
  },
  {
    error: 'deleted_client',
    code: 'key-revoked',
    reason: 'client-deleted',
    detail: 'The OAuth client of the credentials was deleted.',
    remedy: LOG_IN_AGAIN,
  },
  {
    error: 'admin_policy_enforced',
    code: 'key-revoked',
    reason: 'admin-policy',
    detail: "The organization's policy does not allow this application to use Drive.",
    remedy: 'Ask the Workspace administrator to trust the OAuth client under Security > API controls.',
  },
];

const TRANSIENT: ReadonlySet<string> = new Set(['temporarily_unavailable', 'internal_failure', 'server_error']);

/**
 * What an error answer of the token endpoint or the Security Token Service means.
 * @param body parsed JSON, or anything else that was sent
 */
const verdictOf = (status: number, body: unknown, grant: Grant): Verdict => {
  const { data } = oauthBody.safeParse(body);
  if (status === 408 || status === 429 || status >= 500 || (data !== undefined && TRANSIENT.has(data.error)))
    return { code: 'google-unavailable', reason: data?.error, detail: 'Google cannot issue tokens at the moment.' };
  if (data === undefined)
    return { code: 'key-invalid', reason: undefined, detail: `Google rejected the credentials (HTTP ${status}).` };
  const { error, error_description: description, error_subtype: subtype } = data;
  const found = RULES.find(
    (rule) =>
      rule.error === error &&
      (rule.grant === undefined || rule.grant === grant) &&
      (rule.says === undefined || rule.says.test(`${description} ${subtype}`)),
  );
  return found ?? { code: 'key-invalid', reason: error, detail: `Google rejected the credentials (${error}).` };
};

export const oauthError = (
  { status, body }: { status: number; body: unknown },
  { grant, account }: { grant: Grant; account: string | undefined },
): CourierError => {
  const { code, reason, detail, remedy } = verdictOf(status, body, grant);
  const cause = new Error(`Google's token service answered ${status}`);
  return new CourierError(code, { reason, detail, remedy, facts: { account }, cause });
};

const libraryRefusal = z.object({ response: z.object({ status: z.number(), data: z.unknown() }) });

/** The error for what Google's library threw while it got a token. The library's error itself carries the whole request, with the assertion. */
export const mintingError = (error: unknown, context: { grant: Grant; account: string | undefined }): CourierError => {
  const known = courierErrorIn(error);
  if (known !== undefined) return known;
  const refusal = libraryRefusal.safeParse(error).data?.response;
  if (refusal !== undefined) return oauthError({ status: refusal.status, body: refusal.data }, context);
  const name = error instanceof Error ? error.name : typeof error;
  return new CourierError('google-unavailable', { cause: new Error(`no token: ${name}`) });
};
