import { AsyncLocalStorage } from 'node:async_hooks';
import type { Bearer } from '../google/transport.ts';

/** The part of google-auth-library's `GoogleAuth` that Google's REST clients use. */
interface Wire {
  getClient(): Promise<object>;
  fetch: typeof globalThis.fetch;
}

/** The bearer is the runtime's own identity. */
interface WireOptions extends Bearer {
  /** The transport's; it hands on answers whose bodies are read. */
  fetch: typeof globalThis.fetch;
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
export const createWire = ({ fetch, token, rejected, attemptTimeoutMs }: WireOptions) => {
  const calls = new AsyncLocalStorage<AbortSignal>();

  /** One request, with a token; with another one when that is refused. */
  const ask = async (
    url: URL,
    { method, body, headers: given }: RequestInit,
    signal: AbortSignal,
  ): Promise<Response> => {
    const askWith = (bearer: string | undefined): Promise<Response> => {
      const headers = new Headers(given);
      if (bearer !== undefined) headers.set('authorization', `Bearer ${bearer}`);
      const sent = { ...(method === undefined ? {} : { method }), ...(body === undefined ? {} : { body }) };
      return fetch(url.href, { headers, signal, ...sent });
    };
    // Only an emulator is spoken to in the clear, and it never sees a token.
    if (url.protocol !== 'https:') return askWith(undefined);
    const first = await token();
    const response = await askWith(first);
    if (response.status !== 401 || rejected === undefined) return response;
    rejected(first);
    return askWith(await token());
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
        return await ask(url, init, AbortSignal.any(signals));
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
