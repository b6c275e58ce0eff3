import type { Pace } from '../drive/pacing.ts';
import { type Sleep, sleepOrThrow } from '../sleep.ts';

const MINUTE_MS = 60_000;
/** Of the quota: Google's minutes and this process's are not quite the same. */
const USED_SHARE = 0.98;
/** This part of a minute's calls may be sent at once. */
const AT_ONCE = 0.5;

/** A call that is allowed from a time on, in epoch milliseconds. */
interface Allowed {
  atMs: number;
}

/**
 * Keeps the calls of any 60 seconds within the quota of a minute, whenever Google's minutes begin. The first half of them may
 * be sent at once, so that a caller at low load never waits. The others are spread over the rest of the minute: a quota that is
 * used up early would let everybody wait until the next minute.
 */
export const paceByMinute = (
  pace: Pace,
  { now, sleep, requestsPerMinute }: { now: () => number; sleep: Sleep; requestsPerMinute: number },
): Pace => {
  if (requestsPerMinute === Number.POSITIVE_INFINITY) return pace;
  const most = Math.max(1, Math.floor(requestsPerMinute * USED_SHARE));
  /** The calls of the last minute, and those that wait, in this order. */
  const calls: Allowed[] = [];

  const readyMs = (): number => {
    const nowMs = now();
    while (calls[0] !== undefined && calls[0].atMs <= nowMs - MINUTE_MS) calls.shift();
    const [oldest, newest] = [calls[Math.max(0, calls.length - most)], calls.at(-1)];
    if (oldest === undefined || newest === undefined || calls.length < most * AT_ONCE) return nowMs;
    const freeMs = oldest.atMs + MINUTE_MS;
    const left = Math.max(0, most - calls.length);
    const evenMs = newest.atMs + Math.max((freeMs - newest.atMs) / (left + 1), MINUTE_MS / most);
    return Math.max(nowMs, evenMs);
  };

  const forget = (call: Allowed): void => {
    const at = calls.indexOf(call);
    if (at !== -1) calls.splice(at, 1);
  };

  return {
    async spend(units, context) {
      const { signal, deadlineMs = Number.POSITIVE_INFINITY } = context;
      const call = { atMs: readyMs() };
      const isInTime = call.atMs <= deadlineMs;
      if (isInTime) calls.push(call);
      try {
        const waitMs = Math.min(call.atMs, deadlineMs) - now();
        if (waitMs > 0) await sleepOrThrow(sleep, waitMs, signal);
        // A call whose deadline would have passed is not made; the transport throws the error.
        if (!isInTime) return;
        await pace.spend(units, context);
        // The pace may have waited longer, after a refusal.
        call.atMs = Math.max(call.atMs, now());
      } catch (error) {
        forget(call);
        throw error;
      }
    },
    slowDown: (units) => pace.slowDown(units),
  };
};
