import type { Sleep } from '../sleep.ts';
import type { Failure, GoogleResponse } from './transport.ts';

/** Full jitter over an exponentially growing ceiling: 0.5 s, 1 s, 2 s … 32 s. */
const BASE_MS = 500;
const CEILING_MS = 32_000;
const MAX_ATTEMPTS = 7;
/** A longer wish is passed on to the caller instead of being slept through. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * The retry budget, after gRPC's retryThrottling (gRFC A6): a failure takes one token, a success gives back a part of one,
 * and nothing is sent again while half of the tokens are gone. So an outage is not multiplied, while up to a third of
 * all calls may fail for good.
 */
const BUDGET_TOKENS = 100;
const TOKENS_BACK = 0.5;

const RATE_LIMITS: ReadonlySet<string> = new Set([
  'rateLimitExceeded',
  'userRateLimitExceeded',
  'sharingRateLimitExceeded',
]);

/** Drive's 403 that means "slower", not "no" (https://developers.google.com/workspace/drive/api/guides/handle-errors). */
const isRateLimit = (body: Buffer): boolean => {
  if (!body.includes('ateLimitExceeded')) return false;
  try {
    const { error } = JSON.parse(body.toString()) as { error?: { errors?: { reason?: string }[] } };
    return error?.errors?.some(({ reason }) => reason !== undefined && RATE_LIMITS.has(reason)) ?? false;
  } catch {
    return false;
  }
};

/** Whether the answer says that the same request may be answered better later. */
export const isTransient = ({ status, body }: Pick<GoogleResponse, 'status' | 'body'>): boolean =>
  status === 408 ||
  status === 429 ||
  status === 500 ||
  (status >= 502 && status <= 504) ||
  (status === 403 && isRateLimit(body));

/** Milliseconds that `Retry-After` asks for: seconds or an HTTP date (RFC 9110 § 10.2.3). */
const retryAfterMs = (header: string | undefined, nowMs: number): number | undefined => {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  const dateMs = Date.parse(header);
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
};

export interface RetryPolicy {
  succeeded(url: string): void;
  /** Waits, then answers true; false at once when nothing should be tried any more. Rejects when the signal ends the wait. */
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
  /** Tokens that each host in trouble has left; hosts with a full budget are not kept. */
  const budgets = new Map<string, number>();
  return {
    succeeded(url) {
      if (budgets.size === 0) return;
      const host = hostOf(url);
      const tokens = budgets.get(host);
      if (tokens === undefined) return;
      if (tokens + TOKENS_BACK >= BUDGET_TOKENS) budgets.delete(host);
      else budgets.set(host, tokens + TOKENS_BACK);
    },
    async again({ url, attempt, response, signal, deadlineMs = Infinity }) {
      const host = hostOf(url);
      const tokens = Math.max(0, (budgets.get(host) ?? BUDGET_TOKENS) - 1);
      budgets.set(host, tokens);
      if (attempt >= MAX_ATTEMPTS || tokens < BUDGET_TOKENS / 2 || signal?.aborted) return false;
      const asked = retryAfterMs(response?.headers['retry-after'], now()) ?? 0;
      const delayMs = asked + random() * Math.min(CEILING_MS, BASE_MS * 2 ** (attempt - 1));
      if (asked > MAX_RETRY_AFTER_MS || now() + delayMs >= deadlineMs) return false;
      await sleep(delayMs, signal);
      return true;
    },
  };
};
