import type { Exchange } from '../http/http.ts';

/** How many files are sent at the same time: fewer after the courier or Drive was at capacity. */
export interface Concurrency {
  /** At least 1. */
  limit(): number;
  /** A file was delivered. */
  onDelivered(): void;
  /** Reports answers that say "too many requests". */
  watch(exchange: Exchange): Exchange;
}

/** About two rounds of files for one more at a time. */
const GROWTH = 0.5;

const isBusy = (status: number, text: string): boolean =>
  status === 429 || (status === 403 && /rateLimitExceeded/i.test(text));

/**
 * Additive increase, multiplicative decrease, as TCP does: an answer 429 halves the limit, and each file that is delivered lets
 * it grow a little. Requests that were sent before it was halved do not halve it again.
 */
export const createConcurrency = (max: number, now: () => number): Concurrency => {
  let limit = max;
  let halvedAtMs = Number.NEGATIVE_INFINITY;
  return {
    limit: () => Math.max(1, Math.floor(limit)),
    onDelivered() {
      limit = Math.min(max, limit + GROWTH / limit);
    },
    watch: (exchange) => async (request) => {
      const startedMs = now();
      const answer = await exchange(request);
      if (isBusy(answer.status, answer.text) && startedMs >= halvedAtMs) {
        limit = Math.max(1, limit / 2);
        halvedAtMs = now();
      }
      return answer;
    },
  };
};
