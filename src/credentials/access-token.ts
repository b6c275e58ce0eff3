/** The scope for Google Cloud's own APIs. What it allows is decided by IAM. */
export const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';

/** A bearer token for Google's APIs. */
export interface AccessToken {
  value: string;
  /** Epoch milliseconds. */
  mintedAtMs: number;
  /** Epoch milliseconds. */
  expiresAtMs: number;
}

const RENEW_AHEAD_MS = 300_000;
const LAST_MINUTE_MS = 60_000;
/** A metadata server returns the same token until shortly before it expires. It is not asked more often than this. */
const MIN_RENEWAL_INTERVAL_MS = 30_000;

/** A token is renewed in the background in its last five minutes. In its last minute, callers wait for the new one. */
export const tokenAges = {
  isStale: ({ mintedAtMs, expiresAtMs }: AccessToken, nowMs: number): boolean =>
    nowMs >= Math.max(expiresAtMs - RENEW_AHEAD_MS, mintedAtMs + MIN_RENEWAL_INTERVAL_MS),
  isExpired: ({ expiresAtMs }: AccessToken, nowMs: number): boolean => nowMs >= expiresAtMs - LAST_MINUTE_MS,
};

/** Parsed and checked credentials that get access tokens from Google. It keeps no tokens. */
export interface Minter {
  /** The account that its tokens act as; undefined while unknown. */
  account(): string | undefined;
  /** @throws CourierError */
  mint(): Promise<AccessToken>;
}
