import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { fetchJson, type GoogleFetch } from '../http/google-fetch.ts';
import type { Rewrite } from '../http/google-origin.ts';
import { identityError } from '../identity/refusal.ts';
import { claimsOf } from '../token-claims.ts';
import { listenForCode } from './loopback.ts';

const AUTHORIZATION_URL = 'https://accounts.google.com/o/oauth2/v2/auth';
const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const TIMEOUT_MS = 300_000;

/** An OAuth client of the type "Desktop app". Its secret is not confidential (RFC 8252, section 8.5): every copy of the program has it. */
export interface OauthClient {
  id: string;
  secret: string;
}

/** The credentials file that results from the consent, in the form that gcloud writes. */
export interface AuthorizedUserFile {
  type: 'authorized_user';
  client_id: string;
  client_secret: string;
  refresh_token: string;
  /** Email of the person who gave consent. */
  account?: string | undefined;
  universe_domain: 'googleapis.com';
}

interface ConsentOptions {
  client: OauthClient;
  scopes: readonly string[];
  /** Account to preselect on the consent page. */
  loginHint?: string | undefined;
  rewrite: Rewrite;
  fetch: GoogleFetch;
  /** Shows the page to the person. */
  show(url: string): void;
  signal: AbortSignal;
}

const grantSchema = z.object({
  refresh_token: z.string().min(1).optional(),
  scope: z.string().default(''),
  id_token: z.string().optional(),
});

/** They reveal who gave consent, so that messages can name the account. */
const IDENTITY_SCOPES = ['openid', 'email'];

const random = (): string => randomBytes(32).toString('base64url');

const redeem = async (members: Record<string, string>, fetch: GoogleFetch) => {
  try {
    const init = { method: 'POST', body: new URLSearchParams(members) };
    const { status, ok, data } = await fetchJson(fetch, TOKEN_URL, init);
    if (!ok) throw Object.assign(new Error('refused'), { response: { status, data } });
    return grantSchema.parse(data);
  } catch (error) {
    throw identityError(error, 'the consent');
  }
};

/**
 * Gets a person's consent by the loopback flow with PKCE (https://developers.google.com/identity/protocols/oauth2/native-app).
 * @returns the file, and the scopes that the person granted
 * @throws CourierClientError `login-refused`, `identity-refused`, `google-unreachable`
 */
export const obtainConsent = async ({
  client,
  scopes,
  loginHint,
  rewrite,
  fetch,
  show,
  signal,
}: ConsentOptions): Promise<{ file: AuthorizedUserFile; scopes: string[] }> => {
  const [state, verifier] = [random(), random()];
  const loopback = await listenForCode({ state, timeoutMs: TIMEOUT_MS, signal });
  try {
    const query = new URLSearchParams({
      client_id: client.id,
      redirect_uri: loopback.redirectUri,
      response_type: 'code',
      scope: [...scopes, ...IDENTITY_SCOPES].join(' '),
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      access_type: 'offline',
      // Without this, Google returns no refresh token to somebody who consented before.
      prompt: 'consent',
      ...(loginHint === undefined ? {} : { login_hint: loginHint }),
    });
    show(`${rewrite(AUTHORIZATION_URL)}?${query}`);
    const granted = await redeem(
      {
        grant_type: 'authorization_code',
        code: await loopback.code(),
        code_verifier: verifier,
        redirect_uri: loopback.redirectUri,
        client_id: client.id,
        client_secret: client.secret,
      },
      fetch,
    );
    // Google returns short names (email) as URLs.
    const missing = scopes.filter((scope) => scope.includes(':') && !granted.scope.split(' ').includes(scope));
    if (missing.length > 0)
      throw failure('login-refused', {
        detail: `The consent does not include ${missing.join(', ')}.`,
        remedy: 'Log in again, and leave every box on the consent page selected.',
      });
    if (granted.refresh_token === undefined)
      throw failure('login-refused', {
        detail: 'Google returned no refresh token.',
        remedy: 'Use an OAuth client of the type "Desktop app".',
      });
    const account = claimsOf(granted.id_token ?? '')?.email;
    const file: AuthorizedUserFile = {
      type: 'authorized_user',
      client_id: client.id,
      client_secret: client.secret,
      refresh_token: granted.refresh_token,
      account,
      universe_domain: 'googleapis.com',
    };
    return { file, scopes: granted.scope.split(' ') };
  } finally {
    loopback.close();
  }
};
