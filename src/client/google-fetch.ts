import type { Rewrite } from './google-origin.ts';
import { timeUp } from './time-up.ts';

/**
 * For one call to Google, until the end of its answer: tokens come in a second or two, and a connection that hangs would
 * otherwise be waited for as long as Node's own fetch does, five minutes at every try.
 */
export const CALL_MS = 20_000;

/** How the client asks Google for something small: there where the address leads to, and not for ever. */
export type GoogleFetch = typeof globalThis.fetch;

/** An answer whose body is here already. */
const readWhole = async (response: Response): Promise<Response> => {
  const bytes = await response.arrayBuffer();
  return new Response(bytes.byteLength === 0 ? null : bytes, response);
};

/**
 * @param limitMs for each call; when it is over, the call fails with a `TimeoutError`
 * @returns a fetch for short answers: it reads them to their end, which counts too
 */
export const googleFetch =
  (rewrite: Rewrite, limitMs: number = CALL_MS): GoogleFetch =>
  async (input, init) => {
    if (input instanceof Request) throw new TypeError('give a URL, not a Request');
    const controller = new AbortController();
    const signals = [controller.signal, init?.signal].filter((signal) => signal != null);
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const reason = timeUp(`no answer within ${limitMs / 1000} seconds`);
      controller.abort(reason);
      // Not left to the signal: of an answer that has begun, fetch may have forgotten it.
      late.reject(reason);
    }, limitMs);
    try {
      const answered = fetch(rewrite(String(input)), { ...init, signal: AbortSignal.any(signals) }).then(readWhole);
      return await Promise.race([answered, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };

export interface JsonAnswer {
  status: number;
  ok: boolean;
  /** Undefined when the body is no JSON. */
  data: unknown;
}

/** One call and its whole answer. @throws whatever cut it off, `TimeoutError` among it */
export const askForJson = async (fetch: GoogleFetch, url: string, init: RequestInit): Promise<JsonAnswer> => {
  const response = await fetch(url, init);
  const { status, ok } = response;
  const text = await response.text();
  try {
    return { status, ok, data: JSON.parse(text) };
  } catch {
    return { status, ok, data: undefined };
  }
};
