import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { CourierError } from '../errors.ts';
import type { Log } from '../log.ts';
import { realSleep, type Sleep } from '../sleep.ts';
import { createFetch } from './fetch.ts';
import { type Answer, type Attempt, createHttp, type Http } from './http.ts';
import { createRewrite } from './origin.ts';
import { createRetryPolicy, isTransient } from './retry.ts';
import type { GoogleRequest, GoogleResponse, ObserveCall, RetryingTransport } from './transport.ts';

const ATTEMPT_TIMEOUT_MS = 60_000;

interface TransportOptions {
  /** Replaces every Google host; development and tests only. */
  googleOrigin?: string | undefined;
  /** Epoch milliseconds. */
  now?: () => number;
  /** A number in [0, 1), for the jitter. */
  random?: () => number;
  sleep?: Sleep;
  log: Log;
  observe?: ObserveCall | undefined;
  /** How one attempt reaches Google; for tests that have no sockets. */
  http?: Http;
}

const bodyOf = (body: GoogleRequest['body']): readonly Uint8Array[] => {
  if (body === undefined) return [];
  return body instanceof Uint8Array ? [body] : body;
};

/** No answer: the caller's own reason if it ended the wait, else that Google could not be reached. */
const noAnswer = ({ operation, signal }: Pick<GoogleRequest, 'operation' | 'signal'>, cause: unknown): CourierError => {
  if (signal?.aborted && signal.reason instanceof CourierError) return signal.reason;
  return new CourierError('google-unavailable', { cause: new Error(`${operation}: no answer`, { cause }) });
};

const signalOf = ({ signal }: { signal?: AbortSignal }): { signal?: AbortSignal } =>
  signal === undefined ? {} : { signal };

/** Asks with the bearer's token, and once more with another one when Google does not take that. */
const authorized = async <Result extends Answer>(
  { bearer, ...request }: GoogleRequest,
  ask: (ready: GoogleRequest) => Promise<Result>,
): Promise<Result> => {
  if (bearer === undefined) return ask(request);
  const askWith = (token: string): Promise<Result> =>
    ask({ ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } });
  const first = await bearer.token();
  const result = await askWith(first);
  if (result.status !== 401 || bearer.rejected === undefined) return result;
  bearer.rejected(first);
  return askWith(await bearer.token());
};

/** The one way to Google. See `GoogleTransport` for what it promises. */
export const createTransport = ({
  googleOrigin,
  now = Date.now,
  random = Math.random,
  sleep = realSleep,
  log,
  observe,
  http = createHttp(),
}: TransportOptions): RetryingTransport => {
  const rewrite = createRewrite(googleOrigin);
  const policy = createRetryPolicy({ now, random, sleep });

  const attemptOf = (request: GoogleRequest): Attempt => {
    const { attemptTimeoutMs = ATTEMPT_TIMEOUT_MS, deadlineMs = Infinity, signal } = request;
    const timeoutMs = Math.min(attemptTimeoutMs, deadlineMs - now());
    if (signal?.aborted) throw noAnswer(request, signal.reason);
    if (timeoutMs <= 0) throw noAnswer(request, new Error('the time for this request is up'));
    return {
      method: request.method,
      url: rewrite(request.url),
      headers: request.headers ?? {},
      body: bodyOf(request.body),
      timeoutMs,
      ...signalOf(request),
    };
  };

  const count = ({ callStats }: GoogleRequest, attempt: number): void => {
    if (callStats === undefined) return;
    callStats.calls += 1;
    if (attempt > 1) callStats.retries += 1;
  };

  const mayRetry = async (request: GoogleRequest, attempt: number, response?: GoogleResponse): Promise<boolean> => {
    if (request.retry === 'once') return false;
    const { url, operation } = request;
    const again = await policy
      .again({ ...request, url, attempt, ...(response === undefined ? {} : { response }) })
      .catch((error: unknown) => {
        throw noAnswer(request, error);
      });
    log.debug({ operation, attempt, status: response?.status, again }, 'a call to Google failed');
    return again;
  };

  /** Tries until there is an answer to hand on; `one` makes one attempt, `whole` reads an answer that may be a passing failure. */
  const attempts = async <Result extends Answer>(
    request: GoogleRequest,
    one: (attempt: Attempt) => Promise<Result>,
    whole: (result: Result) => Promise<{ response: GoogleResponse; result: Result }>,
  ): Promise<Result> => {
    for (let attempt = 1; ; attempt++) {
      // If the caller ends this wait, no attempt is made, and the next line says why.
      if (request.beforeAttempt !== undefined) await request.beforeAttempt().catch(() => undefined);
      const exchange = attemptOf(request);
      count(request, attempt);
      const ended = observe?.({ operation: request.operation, attempt });
      let result: Result;
      try {
        result = await one(exchange);
        ended?.(result.status);
      } catch (error) {
        ended?.(undefined);
        if (await mayRetry(request, attempt)) continue;
        throw noAnswer(request, error);
      }
      if (result.status < 400) {
        policy.succeeded(request.url);
        return result;
      }
      const failed = await whole(result).catch((error: unknown) => {
        throw noAnswer(request, error);
      });
      if (!isTransient(failed.response)) {
        policy.succeeded(request.url);
        return failed.result;
      }
      request.onPassing?.(failed.response);
      if (!(await mayRetry(request, attempt, failed.response))) return failed.result;
    }
  };

  const send: RetryingTransport['send'] = (request) =>
    authorized(request, (ready) => attempts(ready, http.send, async (response) => ({ response, result: response })));

  const open: RetryingTransport['open'] = (request) =>
    authorized(request, (ready) =>
      attempts<Answer & { body: Readable }>(ready, http.open, async (result) => {
        const response = { ...result, body: await buffer(result.body) };
        return { response, result: { ...result, body: Readable.from([response.body]) } };
      }),
    );

  const again: RetryingTransport['again'] = (failure) =>
    policy.again(failure).catch((error: unknown) => {
      throw noAnswer({ operation: 'waiting to try again', ...signalOf(failure) }, error);
    });

  return { send, open, fetch: createFetch(send), again, close: http.close };
};
