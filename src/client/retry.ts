import { setTimeout as delay } from 'node:timers/promises';
import { CourierClientError } from './errors.ts';

export interface RetryOptions {
  /** How often in all; default 6. */
  attempts?: number;
  /** The first wait is at most this, each further one at most twice the one before; default 500. */
  baseMs?: number;
  /** Default 20 000. */
  longestMs?: number;
  /** Waits that the other side asks for are obeyed up to here, and given up on beyond; default 60. */
  longestRetryAfterSeconds?: number;
  /** A number in [0, 1). */
  random?: () => number;
  sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<unknown>;
}

export type Retry = Required<RetryOptions>;

export const retryWith = (options: RetryOptions = {}): Retry => ({
  attempts: 6,
  baseMs: 500,
  longestMs: 20_000,
  longestRetryAfterSeconds: 60,
  random: Math.random,
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, signal === undefined ? {} : { signal }),
  ...options,
});

/**
 * How long to wait after the n-th failure in a row (from 1): exponential with full jitter, and never less than what was asked for.
 * Undefined: give up.
 */
export const waitAfter = (retry: Retry, failures: number, error: unknown): number | undefined => {
  if (!(error instanceof CourierClientError) || !error.retryable || failures >= retry.attempts) return undefined;
  const asked = error.retryAfterSeconds ?? 0;
  if (asked > retry.longestRetryAfterSeconds) return undefined;
  const jittered = retry.random() * Math.min(retry.longestMs, retry.baseMs * 2 ** (failures - 1));
  return asked * 1000 + jittered;
};

/** Does the work again while its failure is retryable; the caller sees to it that doing it twice is safe. */
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
