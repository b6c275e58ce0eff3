import { Readable } from 'node:stream';
import { callWithBearer } from '../bearer.ts';
import { CourierError } from '../errors.ts';
import type { Log } from '../log.ts';
import { realSleep, type Sleep } from '../sleep.ts';
import { createGoogleRewrite } from '../text/urls/hosts.ts';
import { createFetch } from './fetch.ts';
import { type Answer, type Attempt, createHttp, type Http, isUnsent, readWhole } from './http.ts';
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
  /** Sends one attempt; tests replace it to work without sockets. */
  http?: Http;
}

const bodyOf = (body: GoogleRequest['body']): readonly Uint8Array[] => {
  if (body === undefined) return [];
  return body instanceof Uint8Array ? [body] : body;
};

/** The error for a missing answer: the caller's own reason if it aborted the request, else `google-unavailable`. */
const noAnswer = ({ operation, signal }: Pick<GoogleRequest, 'operation' | 'signal'>, cause: unknown): CourierError => {
  if (signal?.aborted && signal.reason instanceof CourierError) return signal.reason;
  return new CourierError('google-unavailable', { cause: new Error(`${operation}: no answer`, { cause }) });
};

/** The result of one attempt: an answer to return, an answer that a retry may improve, or no answer. */
type Outcome<Result> = { final: Result } | { transient: GoogleResponse; result: Result } | { error: unknown };

/** How a request is sent: `once` makes one attempt, `readWhole` reads the body of an error answer. */
interface Sender<Result extends Answer> {
  once(attempt: Attempt): Promise<Result>;
  readWhole(result: Result): Promise<{ response: GoogleResponse; result: Result }>;
}

/** Sends with the request's bearer, if it has one. */
const authorized = <Result extends Answer>(
  request: GoogleRequest,
  send: (ready: GoogleRequest) => Promise<Result>,
): Promise<Result> =>
  request.bearer === undefined
    ? send(request)
    : callWithBearer(request.bearer, (token) =>
        send({ ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } }),
      );

/** The transport for every call to Google. See `GoogleTransport` for what it guarantees. */
export const createTransport = ({
  googleOrigin,
  now = Date.now,
  random = Math.random,
  sleep = realSleep,
  log,
  observe,
  http = createHttp(),
}: TransportOptions): RetryingTransport => {
  const rewrite = createGoogleRewrite(googleOrigin);
  const policy = createRetryPolicy({ now, random, sleep });

  const attemptOf = (request: GoogleRequest): Attempt => {
    const { attemptTimeoutMs = ATTEMPT_TIMEOUT_MS, deadlineMs = Infinity, signal } = request;
    const timeoutMs = Math.min(attemptTimeoutMs, deadlineMs - now());
    if (signal?.aborted) throw noAnswer(request, signal.reason);
    if (timeoutMs <= 0) throw noAnswer(request, new Error('the deadline of this request has passed'));
    return {
      method: request.method,
      url: rewrite(request.url),
      headers: request.headers ?? {},
      body: bodyOf(request.body),
      timeoutMs,
      signal,
    };
  };

  /** Makes one attempt, counts it, and reports it to the observer. */
  const observed = async <Result extends Answer>(
    { callStats, operation, onSend }: GoogleRequest,
    number: number,
    send: () => Promise<Result>,
  ): Promise<Result> => {
    if (callStats !== undefined) {
      callStats.calls += 1;
      if (number > 1) callStats.retries += 1;
    }
    const onEnd = observe?.({ operation, attempt: number });
    const onAnswer = onSend?.();
    try {
      const result = await send();
      onEnd?.(result.status);
      onAnswer?.(result.status);
      return result;
    } catch (error) {
      onEnd?.(undefined);
      onAnswer?.(isUnsent(error) ? 'unsent' : undefined);
      throw error;
    }
  };

  const tryOnce = async <Result extends Answer>(
    request: GoogleRequest,
    number: number,
    { once, readWhole }: Sender<Result>,
  ): Promise<Outcome<Result>> => {
    await request.beforeAttempt?.().catch((error: unknown) => {
      // If the caller aborted this wait, the next line throws its reason.
      if (request.signal?.aborted !== true) throw error;
    });
    const attempt = attemptOf(request);
    let result: Result;
    try {
      result = await observed(request, number, () => once(attempt));
    } catch (error) {
      return { error };
    }
    if (result.status >= 400) {
      const failed = await readWhole(result).catch((error: unknown) => {
        throw noAnswer(request, error);
      });
      ({ result } = failed);
      if (isTransient(failed.response) && request.isFinal?.(failed.response) !== true) {
        return { transient: failed.response, result };
      }
    }
    policy.succeeded(request.url);
    return { final: result };
  };

  /** Reports a transient error answer, and waits according to the retry policy. False if the request must not be sent again. */
  const waitToRetry = async (request: GoogleRequest, attempt: number, response?: GoogleResponse): Promise<boolean> => {
    if (response !== undefined) request.onTransient?.(response);
    if (request.retry === 'once') return false;
    const { operation } = request;
    const again = await policy.again({ ...request, attempt, response }).catch((error: unknown) => {
      throw noAnswer(request, error);
    });
    log.debug({ operation, attempt, status: response?.status, again }, 'a call to Google failed');
    return again;
  };

  const sendUntilAnswered = async <Result extends Answer>(
    request: GoogleRequest,
    sender: Sender<Result>,
  ): Promise<Result> => {
    for (let number = request.attempt ?? 1; ; number++) {
      const outcome = await tryOnce(request, number, sender);
      if ('final' in outcome) return outcome.final;
      const response = 'transient' in outcome ? outcome.transient : undefined;
      if (await waitToRetry(request, number, response)) continue;
      if ('error' in outcome) throw noAnswer(request, outcome.error);
      return outcome.result;
    }
  };

  const whole: Sender<GoogleResponse> = {
    once: http.send,
    readWhole: async (response) => ({ response, result: response }),
  };
  const streamed: Sender<Answer & { body: Readable }> = {
    once: http.open,
    async readWhole(result) {
      const response = { ...result, body: await readWhole(result.body, result.status) };
      return { response, result: { ...result, body: Readable.from([response.body]) } };
    },
  };

  const send: RetryingTransport['send'] = (request) => authorized(request, (ready) => sendUntilAnswered(ready, whole));

  const again: RetryingTransport['again'] = (failure) =>
    policy.again(failure).catch((error: unknown) => {
      throw noAnswer({ operation: 'waiting to try again', signal: failure.signal }, error);
    });

  return {
    send,
    open: (request) => authorized(request, (ready) => sendUntilAnswered(ready, streamed)),
    fetch: createFetch(send),
    again,
    close: http.close,
  };
};
