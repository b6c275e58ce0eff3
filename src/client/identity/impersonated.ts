import { z } from 'zod';
import { failure } from '../errors.ts';
import { fetchJson, type GoogleFetch } from '../http/google-fetch.ts';
import type { AccessTokens, Identity } from './identity.ts';
import { identityError } from './refusal.ts';

const LIFETIME = '3600s';

const tokenSchema = z.object({ token: z.string() });
const accessTokenSchema = z.object({ accessToken: z.string() });

interface Impersonation {
  source: AccessTokens;
  /** Email of the service account to impersonate. */
  target: string;
  delegates?: readonly string[];
  foundBy: string;
  fetch: GoogleFetch;
}

/** The account in `…/serviceAccounts/EMAIL:generateAccessToken`. */
export const accountInUrl = (url: string): string | undefined =>
  /\/serviceAccounts\/([^/:]+):generateAccessToken$/.exec(url)?.[1];

/**
 * Impersonates a service account through IAM Credentials. Federated callers get ID tokens this way, too:
 * google-auth-library's `getIdTokenClient` throws for external accounts, but `generateIdToken` accepts their access token.
 */
export const impersonated = ({ source, target, delegates = [], foundBy, fetch }: Impersonation): Identity => {
  const call = async <T>(method: string, body: object, schema: z.ZodType<T>): Promise<T> => {
    try {
      const { token } = await source.getAccessToken();
      const url = `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${encodeURIComponent(target)}:${method}`;
      const { status, ok, data } = await fetchJson(fetch, url, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ delegates, ...body }),
      });
      if (!ok) throw Object.assign(new Error('refused'), { response: { status, data } });
      const parsed = schema.safeParse(data);
      if (!parsed.success) throw failure('identity-refused', { detail: `${target}: no token in Google's answer` });
      return parsed.data;
    } catch (error) {
      throw identityError(error, target);
    }
  };
  return {
    kind: 'impersonated',
    foundBy,
    account: target,
    idToken: async (audience) => {
      const body = { audience, includeEmail: true };
      return (await call('generateIdToken', body, tokenSchema)).token;
    },
    accessToken: async (scopes) => {
      const body = { scope: scopes, lifetime: LIFETIME };
      return (await call('generateAccessToken', body, accessTokenSchema)).accessToken;
    },
  };
};
