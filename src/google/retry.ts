import { LRUCache } from 'lru-cache';
import type { Sleep } from '../sleep.ts';
import { retryAfterSeconds } from '../text/http-grammar.ts';
import type { Failure, GoogleResponse } from './transport.ts';

/** Exponential backoff with full jitter; its upper limit is 0.5 s, 1 s, 2 s … 32 s. */
const BASE_MS = 500;
const MAX_BACKOFF_MS = 32_000;
const MAX_ATTEMPTS = 7;
/** A longer Retry-After is passed on to the caller instead of being waited for. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * The retry budget, as gRPC's retryThrottling (gRFC A6): a failure takes one token, a success gives half a token back, and
 * there are no retries while fewer than half of the tokens are left. So retries don't multiply the load in an outage, but
 * continue while fewer than a third of all calls fail.
 */
const BUDGET_TOKENS = 100;
const TOKENS_PER_SUCCESS = 0.5;
/** Configurations name hosts as well, so their number has a limit. Beyond it, the least recently used one is forgotten. */
const MAX_HOSTS = 1_000;

const RATE_LIMITS: ReadonlySet<string> = new Set([
  'rateLimitExceeded',
  'userRateLimitExceeded',
  'sharingRateLimitExceeded',
]);

/** Drive uses 403 also for rate limits (https://developers.google.com/workspace/drive/api/guides/handle-errors). */
const isRateLimit = (body: Buffer): boolean => {
  if (!body.includes('ateLimitExceeded')) return false;
  try {
    const { error } = JSON.parse(body.toString()) as { error?: { errors?: { reason?: string }[] } };
    return error?.errors?.some(({ reason }) => reason !== undefined && RATE_LIMITS.has(reason)) ?? false;
  } catch {
    return false;
  }
};

/** Whether the same request may succeed later. */
export const isTransient = ({ status, body }: Pick<GoogleResponse, 'status' | 'body'>): boolean =>
  status === 408 ||
  status === 429 ||
  status === 500 ||
  (status >= 502 && status <= 504) ||
  (status === 403 && isRateLimit(body));

export interface RetryPolicy {
  succeeded(url: string): void;
  /** Waits and returns true; returns false at once if there should be no further attempt. Rejects if the signal aborts the wait. */
  again(failure: Failure): Promise<boolean>;
}

const hostOf = (url: string): string => url.slice(0, url.indexOf('/', 8));

export const createRetryPolicy = ({
  now,
  random,
  sleep,
}: {
  now: () => number;
  random: () => number;
  sleep: Sleep;
}): RetryPolicy => {
  /** The tokens left for each host with recent failures; hosts with a full budget are not in it. */
  const budgets = new LRUCache<string, number>({ max: MAX_HOSTS });
  return {
    succeeded(url) {
      if (budgets.size === 0) return;
      const host = hostOf(url);
      const tokens = budgets.get(host);
      if (tokens === undefined) return;
      if (tokens + TOKENS_PER_SUCCESS >= BUDGET_TOKENS) budgets.delete(host);
      else budgets.set(host, tokens + TOKENS_PER_SUCCESS);
    },
    async again({ url, attempt, response, signal, deadlineMs = Infinity }) {
      const host = hostOf(url);
      const tokens = Math.max(0, (budgets.get(host) ?? BUDGET_TOKENS) - 1);
      budgets.set(host, tokens);
      if (attempt >= MAX_ATTEMPTS || tokens < BUDGET_TOKENS / 2 || signal?.aborted) return false;
      const requestedMs = 1_000 * (retryAfterSeconds(response?.headers ?? {}) ?? 0);
      const delayMs = requestedMs + random() * Math.min(MAX_BACKOFF_MS, BASE_MS * 2 ** (attempt - 1));
      if (requestedMs > MAX_RETRY_AFTER_MS || now() + delayMs >= deadlineMs) return false;
      await sleep(delayMs, signal);
      return true;
    },
  };
};
