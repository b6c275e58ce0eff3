import type { AuthClient, gaxios } from 'google-auth-library';
import { CourierError } from '../errors.ts';
import type { GoogleTransport } from '../google/transport.ts';
import type { AccessToken } from './access-token.ts';

/** The function with which Google's library sends its requests. */
export interface LibraryOptions {
  transporter: gaxios.Gaxios;
  /** Off, because these debug lines of the library contain bearer tokens. */
  useAuthRequestParameters: false;
}

/** Milliseconds for one call of the library, including the transport's retries. */
const CALL_TIMEOUT_MS = 30_000;

/** The library sets retries on each call. They are removed, because two layers of retries would multiply. */
const WITHOUT_RETRIES = {
  resolved: async (config: gaxios.GaxiosOptionsPrepared) => {
    delete config.retryConfig;
    return Object.assign(config, { retry: false });
  },
};

/**
 * A fetch with a time limit for each call. `AbortSignal.timeout` cannot be cancelled: its timer, and all that it references,
 * would stay until the timer fires or the garbage is collected.
 * @param fetch returns answers whose bodies are read, as the transport's does
 * @internal for tests
 */
export const withTimeLimit =
  (fetch: typeof globalThis.fetch, limitMs: number): typeof globalThis.fetch =>
  async (input, init) => {
    const controller = new AbortController();
    const onTimeUp = (): void => controller.abort(new DOMException(`no answer within ${limitMs} ms`, 'TimeoutError'));
    const timer = setTimeout(onTimeUp, limitMs);
    const signals = [controller.signal, init?.signal].filter((signal) => signal != null);
    try {
      return await fetch(input, { ...init, signal: AbortSignal.any(signals) });
    } finally {
      clearTimeout(timer);
    }
  };

// gaxios' own `timeout` is an AbortSignal.timeout, which outlives the call.
const sendingThrough = ({ fetch }: Pick<GoogleTransport, 'fetch'>) => ({
  fetchImplementation: withTimeLimit(fetch, CALL_TIMEOUT_MS),
});

/** Options that make Google's library send through the transport, which does the retries. The library is loaded on first use. */
export const createLibraryOptions = async (transport: Pick<GoogleTransport, 'fetch'>): Promise<LibraryOptions> => {
  const { gaxios } = await import('google-auth-library');
  const transporter = new gaxios.Gaxios(sendingThrough(transport));
  transporter.interceptors.request.add(WITHOUT_RETRIES);
  return { transporter, useAuthRequestParameters: false };
};

/**
 * The library's client for the metadata server, which also sends through the transport. It takes no transporter, but uses
 * gaxios' global instance, which would load node-fetch.
 */
export const loadMetadataServer = async (transport: Pick<GoogleTransport, 'fetch'>) => {
  const { gaxios, gcpMetadata } = await import('google-auth-library');
  Object.assign(gaxios.instance.defaults, sendingThrough(transport));
  gaxios.instance.interceptors.request.add(WITHOUT_RETRIES);
  return gcpMetadata;
};

/** The library's clients for federated workloads call the Security Token Service with a transporter of their own. This replaces it. */
export const routeTokenExchange = (client: AuthClient): void => {
  const exchange: unknown = Reflect.get(client, 'stsCredential');
  if (typeof exchange === 'object' && exchange !== null) Object.assign(exchange, { transporter: client.transporter });
};

/**
 * Gets one token from a new client of Google's library. The library computes the expiry with the system's clock, so the
 * token's lifetime is used rather than its expiry.
 */
export const mintWith = async (client: AuthClient, now: () => number): Promise<AccessToken> => {
  const { token } = await client.getAccessToken();
  const expiryMs = client.credentials.expiry_date;
  if (!token || !expiryMs)
    throw new CourierError('google-unavailable', { cause: new Error('the answer contains no token') });
  const mintedAtMs = now();
  return { value: token, mintedAtMs, expiresAtMs: mintedAtMs + (expiryMs - Date.now()) };
};

/** The CourierError in the chain of causes of an error that a library threw. */
export const courierErrorIn = (error: unknown): CourierError | undefined => {
  for (let link = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth++) {
    if (link instanceof CourierError) return link;
  }
  return undefined;
};
