import { setTimeout as delay } from 'node:timers/promises';
import { CourierClientError } from '../errors.ts';

/** Exponential backoff with full jitter. */
export interface RetryOptions {
  /** Attempts in total, including the first. Default: 6. */
  attempts?: number;
  /** Upper limit of the first wait, in milliseconds; it doubles with each failure. Default: 500. */
  baseMs?: number;
  /** Upper limit of every wait, in milliseconds. Default: 20 000. */
  longestMs?: number;
  /** The client waits as long as `Retry-After` requests, and does not retry if that is longer than this, in seconds. Default: 60. */
  longestRetryAfterSeconds?: number;
  /** @internal A number in [0, 1). */
  random?: () => number;
  /** @internal */
  sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<unknown>;
}

export type Retry = Required<RetryOptions>;

export const retryWith = (options: RetryOptions = {}): Retry => ({
  attempts: 6,
  baseMs: 500,
  longestMs: 20_000,
  longestRetryAfterSeconds: 60,
  random: Math.random,
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }),
  ...options,
});

/**
 * @param failures the number of failures in a row, from 1
 * @returns milliseconds to wait, at least as long as the server requests; undefined: no retry
 */
export const waitAfter = (retry: Retry, failures: number, error: unknown): number | undefined => {
  if (!(error instanceof CourierClientError) || !error.retryable || failures >= retry.attempts) return undefined;
  const asked = error.retryAfterSeconds ?? 0;
  if (asked > retry.longestRetryAfterSeconds) return undefined;
  const jittered = retry.random() * Math.min(retry.longestMs, retry.baseMs * 2 ** (failures - 1));
  return asked * 1000 + jittered;
};

/** Repeats the work while its error is retryable. The work must be safe to repeat. */
export const withRetry = async <T>(
  retry: Retry,
  work: (attempt: number) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      const waitMs = waitAfter(retry, attempt, error);
      if (waitMs === undefined) throw error;
      await retry.sleep(waitMs, signal);
    }
  }
};
