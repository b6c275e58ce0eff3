import { AsyncLocalStorage } from 'node:async_hooks';

/** The part of google-auth-library's `GoogleAuth` that Google's REST clients use. */
interface Wire {
  getClient(): Promise<object>;
  fetch: typeof globalThis.fetch;
}

interface WireOptions {
  /** The transport's; it hands on answers whose bodies are read. */
  fetch: typeof globalThis.fetch;
  /** Bearer token of the runtime's own identity. */
  token(): Promise<string>;
  /** Milliseconds for one attempt; an attempt that hangs is left for another while the call has time. */
  attemptTimeoutMs: number;
}

/** gRPC's CANCELLED in HTTP: the answer after which the library tries no more. */
const cancelled = (): Response =>
  Response.json(
    { error: { code: 499, status: 'CANCELLED', message: 'the time for this call is up' } },
    { status: 499 },
  );

/**
 * What Google's Firestore library sends its requests over. Left alone, it goes on retrying for ten minutes after we have
 * given up, which multiplies an outage, and a read that hangs has no time limit at all. So each call carries an abort
 * signal to here, after which its attempts end and no other goes out.
 */
export const createWire = ({ fetch, token, attemptTimeoutMs }: WireOptions) => {
  const calls = new AsyncLocalStorage<AbortSignal>();

  const headersFor = async (url: URL, init: RequestInit): Promise<Headers> => {
    const headers = new Headers(init.headers);
    // Only an emulator is spoken to in the clear, and it never sees a token.
    if (url.protocol === 'https:') headers.set('authorization', `Bearer ${await token()}`);
    return headers;
  };

  const wire: Wire = {
    // The library wants an auth client to exist; all that it asks of it is below.
    getClient: async () => ({}),
    async fetch(input, init = {}) {
      const url = new URL(String(input));
      const over = calls.getStore();
      if (over?.aborted) return cancelled();
      const signals = [AbortSignal.timeout(attemptTimeoutMs), over, init.signal].filter((signal) => signal != null);
      try {
        const { method, body } = init;
        const headers = await headersFor(url, init);
        return await fetch(url.href, {
          headers,
          signal: AbortSignal.any(signals),
          ...(method === undefined ? {} : { method }),
          ...(body === undefined ? {} : { body }),
        });
      } catch (error) {
        if (over?.aborted) return cancelled();
        throw error;
      }
    },
  };

  return {
    wire,
    /** Runs a call of the library; rejects when the signal aborts, whatever the library does then. */
    run: <Result>(signal: AbortSignal, call: () => Promise<Result>): Promise<Result> => {
      const over = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      return calls.run(signal, () => Promise.race([call(), over]));
    },
  };
};
