import { AsyncLocalStorage } from 'node:async_hooks';
import { type Bearer, createAuthorizedFetch } from '../bearer.ts';

/** The part of google-auth-library's `GoogleAuth` that Google's REST clients use. */
interface Wire {
  getClient(): Promise<object>;
  fetch: typeof globalThis.fetch;
}

/** The bearer is the runtime's own identity. */
interface WireOptions extends Bearer {
  /** The transport's, which returns answers whose bodies are read. */
  fetch: typeof globalThis.fetch;
  /** Milliseconds for one attempt. After it, another attempt is made if the call still has time. */
  attemptTimeoutMs: number;
}

/** gRPC's CANCELLED as an HTTP answer, after which the library does not retry. */
const cancelled = (): Response =>
  Response.json({ error: { code: 499, status: 'CANCELLED', message: 'the call has timed out' } }, { status: 499 });

/**
 * Sends the requests of Google's Firestore library. By itself the library continues to retry for ten minutes after the caller
 * has given up, which multiplies the load in an outage, and a read that hangs has no time limit. So each call has an abort
 * signal here, which ends its attempts and prevents further ones.
 */
export const createWire = ({ fetch, token, rejected, attemptTimeoutMs }: WireOptions) => {
  const calls = new AsyncLocalStorage<AbortSignal>();
  const authorizedFetch = createAuthorizedFetch(fetch, { token, rejected });

  const wire: Wire = {
    // The library requires an auth client, but uses only `fetch` below.
    getClient: async () => ({}),
    async fetch(input, init = {}) {
      const url = new URL(String(input));
      const callSignal = calls.getStore();
      if (callSignal?.aborted) return cancelled();
      const signals = [AbortSignal.timeout(attemptTimeoutMs), callSignal, init.signal].filter((each) => each != null);
      // Only an emulator has plain HTTP, and it must not receive a token.
      const send = url.protocol === 'https:' ? authorizedFetch : fetch;
      try {
        return await send(url.href, { ...init, signal: AbortSignal.any(signals) });
      } catch (error) {
        if (callSignal?.aborted) return cancelled();
        throw error;
      }
    },
  };

  return {
    wire,
    /** Runs a call of the library. Rejects when the signal aborts, even if the library continues. */
    run: <Result>(signal: AbortSignal, call: () => Promise<Result>): Promise<Result> => {
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      return calls.run(signal, () => Promise.race([call(), aborted]));
    },
  };
};
