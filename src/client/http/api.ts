import type { z } from 'zod';
import { retryAfterSeconds } from '../../text/http-grammar.ts';
import { withoutTrailingSlashes } from '../../text/urls/trailing-slashes.ts';
import { CourierClientError, failure } from '../errors.ts';
import { parseAnswer, problemIn } from '../schemas.ts';
import { type Exchange, type HttpAnswer, networkErrorText } from './http.ts';
import { ProxyError } from './proxy.ts';
import { type Retry, withRetry } from './retry.ts';

interface ApiCall<T> {
  method: 'GET' | 'POST';
  /** Path below the courier's URL, e.g. `/v1/files`. Its variable parts are percent-encoded. */
  path: `/v1/${string}`;
  query?: Record<string, string | undefined>;
  headers?: Record<string, string>;
  /** Called for each attempt. A body that can be read only once needs `once`. */
  body?: () => Uint8Array | AsyncIterable<Uint8Array>;
  once?: boolean;
  answer: z.ZodType<T>;
  signal?: AbortSignal | undefined;
}

/** Calls the courier: with an ID token, with retries, with a validated answer. @throws CourierClientError */
export type CallCourier = <T>(call: ApiCall<T>) => Promise<T>;

interface ApiOptions {
  url: URL;
  /** Gets an ID token; `fresh` after the courier rejected one as expired. */
  token(fresh: boolean): Promise<string>;
  exchange: Exchange;
  retry: Retry;
}

const TRANSIENT: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** An error answer that is not the courier's: from the platform, a proxy, or another server. */
const foreignError = (answer: HttpAnswer): CourierClientError => {
  const { status } = answer;
  const specifics = { status, detail: `HTTP ${status}`, retryAfterSeconds: retryAfterSeconds(answer.headers) };
  if (status === 401 || status === 403) return failure('platform-refused', specifics);
  if (status === 413) return failure('body-too-large', specifics);
  return failure(TRANSIENT.has(status) ? 'platform-busy' : 'not-a-courier', specifics);
};

const errorOf = (answer: HttpAnswer): CourierClientError => {
  const problem = problemIn(answer.text);
  if (problem === undefined) return foreignError(answer);
  return new CourierClientError({
    ...problem,
    status: answer.status,
    retryAfterSeconds: retryAfterSeconds(answer.headers),
  });
};

const urlOf = (base: URL, path: ApiCall<unknown>['path'], query: Record<string, string | undefined> = {}): URL => {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
  // Not resolved against the base: a path that begins with "//" would change the host. Parsed once, because each change of
  // a URL parses it again.
  return new URL(`${base.origin}${withoutTrailingSlashes(base.pathname)}${path}?${parameters}`);
};

const unreachable = (url: URL, error: unknown): CourierClientError =>
  failure('courier-unreachable', {
    detail: `${url.origin}: ${networkErrorText(error)}`,
    cause: error,
    ...(error instanceof ProxyError
      ? { retryable: error.retryable, remedy: 'Check HTTPS_PROXY and NO_PROXY, and that the proxy allows this URL.' }
      : {}),
  });

export const createApi = ({ url: base, token, exchange, retry }: ApiOptions): CallCourier => {
  const attempt = async <T>(call: ApiCall<T>, fresh: boolean): Promise<T> => {
    const { method, path, query, headers, body, answer: schema, signal } = call;
    const url = urlOf(base, path, query);
    const authorization = `Bearer ${await token(fresh)}`;
    const content = body?.();
    const request = { method, url, headers: { ...headers, authorization }, signal };
    const answer = await exchange(content === undefined ? request : { ...request, body: content }).catch(
      (error: unknown) => {
        throw signal?.aborted || error instanceof CourierClientError ? error : unreachable(url, error);
      },
    );
    if (answer.status < 200 || answer.status > 299) throw errorOf(answer);
    return parseAnswer(schema, answer.text);
  };

  return async (call) => {
    let fresh = false;
    const attemptWithNewToken = async () => {
      try {
        return await attempt(call, fresh);
      } catch (error) {
        const isExpired = error instanceof CourierClientError && error.code === 'token-expired';
        if (!isExpired || fresh || call.once) throw error;
        fresh = true;
        return attempt(call, fresh);
      }
    };
    return call.once ? attemptWithNewToken() : withRetry(retry, attemptWithNewToken, call.signal);
  };
};
