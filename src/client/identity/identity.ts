import type { GoogleFetch } from '../google-fetch.ts';

/** Who this program is towards Google, found in its surroundings. */
export interface Identity {
  kind: 'service-account-key' | 'impersonated' | 'external-account' | 'authorized-user' | 'metadata-server' | 'gcloud';
  /** Where it was found, in words for a person. */
  foundBy: string;
  /** The account's email, where it is known without asking. */
  account?: string;
  /** What the person running this should know before relying on it. */
  warning?: string;
  /** An ID token for that audience, with the email in it. @throws CourierClientError `identity-…`, `google-unreachable` */
  idToken(audience: string): Promise<string>;
  /** An access token with those scopes. @throws CourierClientError as `idToken` does */
  accessToken(scopes: readonly string[]): Promise<string>;
}

/** Whatever can ask Google's APIs in its own name; impersonation starts from one. */
export interface AccessTokens {
  getAccessToken(): Promise<{ token?: string | null }>;
}

/** Where identities are looked for. */
export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder. */
  home: string;
  fetch: GoogleFetch;
  /** For one call to Google. */
  callMs: number;
}

/** What IAM Credentials asks of whoever impersonates. */
export const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
