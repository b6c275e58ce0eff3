import type { AuthClient, gaxios } from 'google-auth-library';
import { CourierError } from '../errors.ts';
import type { GoogleTransport } from '../google/transport.ts';
import { limitTime } from './time-limit.ts';

/** What Google Cloud's own APIs want; what one may do there IAM says. */
export const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';

/** A bearer token towards Google. */
export interface AccessToken {
  value: string;
  /** Epoch milliseconds. */
  mintedAtMs: number;
  /** Epoch milliseconds. */
  expiresAtMs: number;
}

const RENEW_AHEAD_MS = 300_000;
const LAST_MINUTE_MS = 60_000;
/** Metadata servers hand out the same token again until its last minutes; so they are not asked all the time then. */
const MIN_PAUSE_MS = 30_000;

/** A token is renewed in the background from five minutes before its end; in its last minute callers wait for the new one. */
export const tokenAges = {
  staleAtMs: ({ mintedAtMs, expiresAtMs }: AccessToken): number =>
    Math.max(expiresAtMs - RENEW_AHEAD_MS, mintedAtMs + MIN_PAUSE_MS),
  uselessAtMs: ({ expiresAtMs }: AccessToken): number => expiresAtMs - LAST_MINUTE_MS,
};

/** A right that mints access tokens: parsed, checked, and without memory of what it minted. */
export interface Minter {
  /** Who its tokens act as; undefined while unknown. */
  account(): string | undefined;
  /** @throws CourierError */
  mint(): Promise<AccessToken>;
}

/** What Google's library is given to send with. */
export interface LibraryOptions {
  transporter: gaxios.Gaxios;
  /** Off: these are the library's debug lines, which show bearer tokens. */
  useAuthRequestParameters: false;
}

/** Milliseconds for one call of the library, the transport's retries included. */
const CALL_TIMEOUT_MS = 30_000;

/** The library asks for retries with each call; two layers of them would multiply. */
const WITHOUT_RETRIES = {
  resolved: async (config: gaxios.GaxiosOptionsPrepared) => {
    delete config.retryConfig;
    return Object.assign(config, { retry: false });
  },
};

// gaxios' own `timeout` is an AbortSignal.timeout, which goes on after the call.
const sendingThrough = ({ fetch }: Pick<GoogleTransport, 'fetch'>) => ({
  fetchImplementation: limitTime(fetch, CALL_TIMEOUT_MS),
});

/** Google's library, loaded when first needed, sending through the transport and leaving retries to it. */
export const createLibraryOptions = async (transport: Pick<GoogleTransport, 'fetch'>): Promise<LibraryOptions> => {
  const { gaxios } = await import('google-auth-library');
  const transporter = new gaxios.Gaxios(sendingThrough(transport));
  transporter.interceptors.request.add(WITHOUT_RETRIES);
  return { transporter, useAuthRequestParameters: false };
};

/**
 * The library's way to the metadata server, through the transport too. It takes no transporter, but sends by gaxios' one
 * instance for everybody, which would load node-fetch for it.
 */
export const loadMetadataServer = async (transport: Pick<GoogleTransport, 'fetch'>) => {
  const { gaxios, gcpMetadata } = await import('google-auth-library');
  Object.assign(gaxios.instance.defaults, sendingThrough(transport));
  gaxios.instance.interceptors.request.add(WITHOUT_RETRIES);
  return gcpMetadata;
};

/** Has a fresh client of Google's library mint one token. The library counts on the system's clock, so its lifetime is taken, not its end. */
export const mintWith = async (client: AuthClient, now: () => number): Promise<AccessToken> => {
  const { token } = await client.getAccessToken();
  const endMs = client.credentials.expiry_date;
  if (!token || !endMs) throw new CourierError('google-unavailable', { cause: new Error('an answer without a token') });
  const mintedAtMs = now();
  return { value: token, mintedAtMs, expiresAtMs: mintedAtMs + (endMs - Date.now()) };
};

/** The CourierError under what a library wrapped around it. */
export const courierErrorIn = (error: unknown): CourierError | undefined => {
  for (let link = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth++) {
    if (link instanceof CourierError) return link;
  }
  return undefined;
};
