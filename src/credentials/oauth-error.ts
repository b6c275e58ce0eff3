import { z } from 'zod';
import { CourierError, type ErrorCode } from '../errors.ts';
import { courierErrorIn } from './access-token.ts';

/** What the token endpoint and the Security Token Service answer (RFC 6749 § 5.2). */
const oauthBody = z.object({
  error: z.string().regex(/^[a-z_]{1,40}$/),
  error_description: z.string().catch(''),
  error_subtype: z.string().catch(''),
});

/** Which grant was refused. */
export type Grant = 'service-account' | 'delegation' | 'refresh-token' | 'federation';

interface OauthVerdict {
  code: ErrorCode;
  detail: string;
  /** Where the table's does not fit. */
  remedy?: string;
}

interface Rule extends OauthVerdict {
  error: string;
  /** In the description or the subtype. */
  says?: RegExp;
  grant?: Grant;
}

const LOG_IN_AGAIN = 'Run "courier login" again and store what it makes as a new version of the secret.';
const FIX_POOL =
  "Compare the document's audience with the workload identity provider, and its issuer, audiences and attribute condition with what the workload presents.";

/** The first that fits counts. Google's wordings: https://developers.google.com/identity/protocols/oauth2/service-account#error-codes */
const RULES: readonly Rule[] = [
  {
    error: 'invalid_grant',
    says: /short-lived token|reasonable timeframe|iat and exp/i,
    code: 'key-invalid',
    detail: 'Google finds the signed request out of time: the clock here is more than five minutes off.',
    remedy: 'Set the clock of the machine that the courier runs on (NTP); the key itself may be good.',
  },
  {
    error: 'invalid_grant',
    says: /email or user id/i,
    grant: 'delegation',
    code: 'delegation-refused',
    detail: 'Google knows no such user in a domain that the account may act for.',
  },
  {
    error: 'invalid_grant',
    says: /invalid_rapt|rapt_required/i,
    grant: 'refresh-token',
    code: 'key-revoked',
    detail: "The organization's session length ended the person's consent.",
    remedy: LOG_IN_AGAIN,
  },
  {
    error: 'invalid_grant',
    grant: 'refresh-token',
    code: 'key-revoked',
    detail: "The person's consent has expired or was revoked.",
    remedy: LOG_IN_AGAIN,
  },
  {
    error: 'invalid_grant',
    says: /signature expired|stale/i,
    grant: 'federation',
    code: 'impersonation-refused',
    detail: "The workload's own token is out of time: it is an old one, or the clock here is off.",
    remedy: 'Set the clock of the machine that the courier runs on (NTP), and renew the token that its cloud gave it.',
  },
  {
    error: 'invalid_grant',
    grant: 'federation',
    code: 'impersonation-refused',
    detail: "Google's Security Token Service does not take the workload's own token.",
    remedy: FIX_POOL,
  },
  {
    error: 'invalid_grant',
    says: /audience/i,
    code: 'key-invalid',
    detail: 'Google refused the audience of the signed request.',
  },
  {
    error: 'invalid_grant',
    says: /account not found/i,
    code: 'key-revoked',
    detail: 'The service account of the key does not exist any more, or is disabled.',
  },
  {
    error: 'invalid_grant',
    code: 'key-revoked',
    detail: 'The key was deleted or disabled, or is not of this account.',
  },
  {
    error: 'unauthorized_client',
    grant: 'delegation',
    code: 'delegation-refused',
    detail: 'No domain-wide delegation for this client id and these scopes.',
  },
  {
    error: 'access_denied',
    grant: 'delegation',
    code: 'delegation-refused',
    detail: "The subject's domain does not let the account act for its users.",
  },
  {
    error: 'unauthorized_client',
    grant: 'federation',
    code: 'impersonation-refused',
    detail: "The provider's attribute condition refuses this workload.",
    remedy: FIX_POOL,
  },
  {
    error: 'access_denied',
    grant: 'federation',
    code: 'impersonation-refused',
    detail: 'The Security Token Service is off in the project, or refuses this workload.',
    remedy: 'Run "gcloud services enable sts.googleapis.com" in the pool\'s project, and check the provider.',
  },
  {
    error: 'invalid_target',
    code: 'impersonation-refused',
    detail: 'The workload identity pool or provider does not exist, or is disabled.',
    remedy: FIX_POOL,
  },
  {
    error: 'invalid_scope',
    code: 'scope-insufficient',
    detail: 'Google does not give one of the scopes that the configuration asks for.',
  },
  {
    error: 'invalid_client',
    code: 'key-invalid',
    detail: 'Google does not know the OAuth client of the credentials, or its client secret is another.',
  },
  {
    error: 'deleted_client',
    code: 'key-revoked',
    detail: 'The OAuth client of the credentials was deleted.',
    remedy: LOG_IN_AGAIN,
  },
  {
    error: 'admin_policy_enforced',
    code: 'key-revoked',
    detail: "The organization's policy does not let this application use Drive.",
    remedy: 'Have the Workspace administrator trust the OAuth client under Security > API controls.',
  },
];

const PASSING: ReadonlySet<string> = new Set(['temporarily_unavailable', 'internal_failure', 'server_error']);

/**
 * What a refusal of the token endpoint or the Security Token Service means.
 * @param body as it came: parsed JSON, or anything else
 */
const verdictOf = (status: number, body: unknown, grant: Grant): OauthVerdict => {
  const { data } = oauthBody.safeParse(body);
  if (status === 408 || status === 429 || status >= 500 || (data !== undefined && PASSING.has(data.error)))
    return { code: 'google-unavailable', detail: 'Google cannot give out tokens at the moment.' };
  if (data === undefined) return { code: 'key-invalid', detail: `Google refused the credentials (HTTP ${status}).` };
  const { error, error_description: description, error_subtype: subtype } = data;
  const found = RULES.find(
    (rule) =>
      rule.error === error &&
      (rule.grant === undefined || rule.grant === grant) &&
      (rule.says === undefined || rule.says.test(`${description} ${subtype}`)),
  );
  if (found === undefined) return { code: 'key-invalid', detail: `Google refused the credentials (${error}).` };
  const { code, detail, remedy } = found;
  return { code, detail, ...(remedy === undefined ? {} : { remedy }) };
};

export const oauthError = (
  { status, body }: { status: number; body: unknown },
  { grant, account }: { grant: Grant; account: string | undefined },
): CourierError =>
  new CourierError(verdictOf(status, body, grant).code, {
    ...verdictOf(status, body, grant),
    facts: { account },
    cause: new Error(`Google's token service answered ${status}`),
  });

const libraryRefusal = z.object({ response: z.object({ status: z.number(), data: z.unknown() }) });

/** What Google's library threw while it minted, without what it carries: the whole request, assertion and all. */
export const mintingError = (error: unknown, context: { grant: Grant; account: string | undefined }): CourierError => {
  const known = courierErrorIn(error);
  if (known !== undefined) return known;
  const refusal = libraryRefusal.safeParse(error).data?.response;
  if (refusal !== undefined) return oauthError({ status: refusal.status, body: refusal.data }, context);
  const name = error instanceof Error ? error.name : typeof error;
  return new CourierError('google-unavailable', { cause: new Error(`no token: ${name}`) });
};
