import { z } from 'zod';
import { CourierError } from '../../errors.ts';
import { parseJson } from '../../text/google/rpc-error.ts';
import type { AccessToken, Minter } from '../access-token.ts';
import { oauthError } from '../oauth-error.ts';
import { callIam, type IamCaller } from './iam-credentials.ts';

/** An hour: more needs an organization policy (constraints/iam.allowServiceAccountCredentialLifetimeExtension). */
const LIFETIME_SECONDS = 3_600;
const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const DEADLINE_MS = 30_000;

const generated = z.object({ accessToken: z.string().min(1) });
const signed = z.object({ signedJwt: z.string().min(1) });
const granted = z.object({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive().default(LIFETIME_SECONDS),
});

interface ImpersonateOptions extends IamCaller {
  /** The service account's email. */
  target: string;
  /** Emails of the accounts in between. Each of them is allowed to act as the next one. */
  delegates?: readonly string[];
  scopes: readonly string[];
  /** The user that the account acts for by domain-wide delegation; null: none. */
  subject: string | null;
}

const chainOf = (delegates: readonly string[]) =>
  delegates.length > 0 ? { delegates: delegates.map((email) => `projects/-/serviceAccounts/${email}`) } : {};

/** A token of the account itself. No key of the account is needed. */
const asItself = async ({ target, delegates = [], scopes, ...caller }: ImpersonateOptions): Promise<AccessToken> => {
  const body = { ...chainOf(delegates), scope: scopes, lifetime: `${LIFETIME_SECONDS}s` };
  const { accessToken } = await callIam(caller, { method: 'generateAccessToken', target, body, answer: generated });
  const mintedAtMs = caller.now();
  return { value: accessToken, mintedAtMs, expiresAtMs: mintedAtMs + LIFETIME_SECONDS * 1_000 };
};

/**
 * Domain-wide delegation without a key: IAM signs the assertion that a key would sign, and it is exchanged for a token
 * (RFC 7523). `generateAccessToken` does not support a subject.
 */
const asSubject = async (
  { target, delegates = [], scopes, ...caller }: ImpersonateOptions,
  subject: string,
): Promise<AccessToken> => {
  const mintedAtMs = caller.now();
  // Google compares it with its own clock, and what the machine shows may be right again.
  const iat = Math.floor(Date.now() / 1_000);
  const claims = {
    iss: target,
    sub: subject,
    scope: scopes.join(' '),
    aud: TOKEN_URL,
    iat,
    exp: iat + LIFETIME_SECONDS,
  };
  const body = { ...chainOf(delegates), payload: JSON.stringify(claims) };
  const { signedJwt } = await callIam(caller, { method: 'signJwt', target, body, answer: signed });
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: signedJwt,
  });
  const response = await caller.transport.send({
    operation: 'oauth2.token',
    method: 'POST',
    url: TOKEN_URL,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(form.toString()),
    deadlineMs: mintedAtMs + DEADLINE_MS,
    retry: 'idempotent',
  });
  const answer = parseJson(response.body);
  if (response.status >= 300)
    throw oauthError({ status: response.status, body: answer }, { grant: 'delegation', account: target });
  const { data } = granted.safeParse(answer);
  if (data === undefined)
    throw new CourierError('google-unavailable', { cause: new Error('the token endpoint answered without a token') });
  return { value: data.access_token, mintedAtMs, expiresAtMs: mintedAtMs + data.expires_in * 1_000 };
};

/** Impersonates a service account, which needs roles/iam.serviceAccountTokenCreator on it. */
export const createImpersonated = (options: ImpersonateOptions): Minter => ({
  account: () => options.subject ?? options.target,
  mint: () => (options.subject === null ? asItself(options) : asSubject(options, options.subject)),
});
