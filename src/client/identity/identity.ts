import type { GoogleFetch } from '../http/google-fetch.ts';

/** The Google identity that this program has, found in its environment. */
export interface Identity {
  kind: 'service-account-key' | 'impersonated' | 'external-account' | 'authorized-user' | 'metadata-server' | 'gcloud';
  /** Where it was found, for people to read. */
  foundBy: string;
  /** The account's email, if it is known without a call to Google. */
  account?: string;
  /** A limitation that the user should know before relying on it. */
  warning?: string;
  /** Gets an ID token for an audience, with the email in it. @throws CourierClientError `identity-…`, `google-unreachable` */
  idToken(audience: string): Promise<string>;
  /** Gets an access token with scopes. @throws CourierClientError as `idToken` does */
  accessToken(scopes: readonly string[]): Promise<string>;
}

/** Anything that can get access tokens of its own; the source of an impersonation. */
export interface AccessTokens {
  getAccessToken(): Promise<{ token?: string | null }>;
}

/** Where credentials are searched. */
export interface SearchContext {
  env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder. */
  home: string;
  fetch: GoogleFetch;
  /** Limit of one call to Google, in milliseconds. */
  callMs: number;
}

/** The scope for Google Cloud APIs, such as IAM Credentials and Secret Manager. It does not include Drive. */
export const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
