import type { Rewrite } from './google-origin.ts';
import type { Exchange } from './http.ts';
import { timeoutError } from './timeout.ts';

/** Limit of one call to Google, in milliseconds. Tokens arrive within a second or two. */
export const DEFAULT_CALL_MS = 20_000;

/** Calls Google's APIs for small answers, such as tokens. */
export type GoogleFetch = typeof globalThis.fetch;

/** These statuses have no body, and `Response` refuses one. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * A `fetch` on top of the client's own HTTP, so that Google's libraries use the same proxy.
 * @param callMs limit of each call, including its whole answer; after it the call fails with a `TimeoutError`
 */
export const googleFetch =
  (rewrite: Rewrite, exchange: Exchange, callMs: number = DEFAULT_CALL_MS): GoogleFetch =>
  async (input, init = {}) => {
    if (input instanceof Request) throw new TypeError('pass a URL, not a Request');
    // Reads all forms of headers and bodies as fetch does.
    const { method, headers, body } = init;
    const url = rewrite(String(input));
    const request = new Request(url, { method: method ?? 'GET', headers: headers ?? {}, body: body ?? null });
    const bytes = body == null ? undefined : new Uint8Array(await request.arrayBuffer());
    const controller = new AbortController();
    const abort = (): void => controller.abort(init.signal?.reason);
    init.signal?.addEventListener('abort', abort);
    const timer = setTimeout(() => controller.abort(timeoutError(`no answer within ${callMs / 1000} seconds`)), callMs);
    try {
      init.signal?.throwIfAborted();
      const answer = await exchange({
        method: request.method,
        url,
        headers: Object.fromEntries(request.headers),
        body: bytes,
        signal: controller.signal,
      });
      const pairs = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
      return new Response(BODILESS.has(answer.status) ? null : answer.text, { status: answer.status, headers: pairs });
    } finally {
      clearTimeout(timer);
      init.signal?.removeEventListener('abort', abort);
    }
  };

export interface JsonAnswer {
  status: number;
  ok: boolean;
  /** Undefined when the body is not JSON. */
  data: unknown;
}

/** One call and its whole answer. @throws the network's error or a `TimeoutError` */
export const fetchJson = async (fetch: GoogleFetch, url: string, init: RequestInit): Promise<JsonAnswer> => {
  const response = await fetch(url, init);
  const { status, ok } = response;
  const text = await response.text();
  try {
    return { status, ok, data: JSON.parse(text) };
  } catch {
    return { status, ok, data: undefined };
  }
};
