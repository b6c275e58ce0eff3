import { realSleep, type Sleep } from '../sleep.ts';
import type { CallContext } from './drive.ts';

/** Quota units of Drive's calls (https://developers.google.com/workspace/drive/api/guides/limits, since 2026-05-01). */
export const UNITS = { get: 5, other: 5, create: 50, update: 50, list: 100 } as const;

/**
 * The quota units that a user, and so a service account, has in a minute.
 * @internal for tests
 */
export const UNITS_PER_MINUTE = 325_000;

const MINUTE_MS = 60_000;
/** Unused units can be used later in a burst, up to this part of a minute's share, because Drive counts by the minute. */
const BURST_OF_MINUTE = 0.5;
/** The largest share, as a part of the quota: Drive's minutes and this process's are not quite the same. */
const MAX_SHARE = 0.98;
/** The smallest share, as a part of the quota: about 25 new files a minute. */
const MIN_SHARE = 1 / 256;
/** After a refusal, the share becomes this part of what Drive accepted in the minute before, but at least half of itself. */
const DECREASE = 0.93;
/** In the first minute after a refusal the share grows by this part of itself, and in each further minute by twice as much. */
const INCREASE = 0.025;
/** A small share also grows by this part of the quota a minute, so that unequal shares become equal over time. */
const EQUAL_INCREASE = 0.002;
/** After a refusal nothing is sent for two seconds; after a refusal right after that, for twice as long. */
const FIRST_PAUSE_MS = 2_000;
const MAX_PAUSE_MS = 8_000;

export interface Pace {
  /** Waits until the units may be used, but not past the deadline. Units are granted in the order of the calls. */
  spend(units: number, context: CallContext): Promise<void>;
  /** Drive refused a call of this many units by a rate limit. */
  slowDown(units: number): void;
}

/** What was granted in the last minute, in units: one entry for each second, and no more than a minute of them. */
const createMeter = (now: () => number) => {
  const granted: { second: number; units: number }[] = [];
  const dropBefore = (second: number): void => {
    while (granted[0] !== undefined && granted[0].second < second) granted.shift();
  };
  return {
    add(units: number): void {
      const second = Math.floor(now() / 1_000);
      const last = granted.at(-1);
      if (last?.second === second) {
        last.units += units;
        return;
      }
      granted.push({ second, units });
      dropBefore(second - 60);
    },
    lastMinute(): number {
      dropBefore(Math.floor((now() - MINUTE_MS) / 1_000) + 1);
      return granted.reduce((sum, { units }) => sum + units, 0);
    },
  };
};

/**
 * Paces the calls of one Drive account. The quota belongs to the account, and other instances use it as well, unknown to
 * this one. So each instance keeps to a share, which it estimates from Drive's refusals. The share starts as nearly the
 * whole quota, falls to what Drive accepted when Drive refuses, and grows slowly while it does not (additive increase,
 * multiplicative decrease). `npm run simulate` shows how many instances behave together.
 *
 * @param unitsPerMinute the account's quota; Infinity if there is no limit
 */
export const createPace = ({
  now = Date.now,
  sleep = realSleep,
  random = Math.random,
  unitsPerMinute = UNITS_PER_MINUTE,
}: {
  now?: () => number;
  sleep?: Sleep | undefined;
  random?: () => number;
  unitsPerMinute?: number;
} = {}): Pace => {
  const meter = createMeter(now);
  const maxShare = MAX_SHARE * unitsPerMinute;
  /** Units a minute that this instance may spend. */
  let share = maxShare;
  /** May be negative: units promised to calls that wait. */
  let available = share * BURST_OF_MINUTE;
  let filledMs = now();
  let refusedMs = Number.NEGATIVE_INFINITY;
  let pauseMs = 0;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;
  let pauses = 0;

  const grow = (minutes: number): void => {
    const minutesSinceRefusal = Math.min(10, (filledMs - refusedMs) / MINUTE_MS);
    const rate = Math.min(1, INCREASE * 2 ** Math.floor(minutesSinceRefusal));
    share = Math.min(maxShare, share * (1 + rate * minutes) + EQUAL_INCREASE * unitsPerMinute * minutes);
  };

  const refill = (): void => {
    const minutes = Math.max(0, now() - filledMs) / MINUTE_MS;
    filledMs = now();
    if (now() < pausedUntilMs) return;
    available = Math.min(share * BURST_OF_MINUTE, available + minutes * share);
    grow(minutes);
  };

  /**
   * Reserves the units and returns the time from which they may be used. If that is past the deadline, they stay available
   * to other calls.
   */
  const reserve = (units: number, deadlineMs: number): number => {
    refill();
    const missing = Math.max(0, units - available);
    const readyMs = Math.max(pausedUntilMs, now()) + (missing / share) * MINUTE_MS;
    if (readyMs <= deadlineMs) available -= units;
    return readyMs;
  };

  /** The caller ended the wait, so other calls may have the units. */
  const giveBack = (reservedIn: number, units: number, reason: unknown): never => {
    if (pauses === reservedIn) available += units;
    throw reason;
  };

  return {
    async spend(units, { signal, deadlineMs = Number.POSITIVE_INFINITY }) {
      if (units === 0 || unitsPerMinute === Number.POSITIVE_INFINITY) return;
      for (;;) {
        const readyMs = reserve(units, deadlineMs);
        const reservedIn = pauses;
        const waitMs = Math.min(readyMs, Math.max(now(), deadlineMs)) - now();
        if (waitMs > 0)
          await sleep(waitMs, signal).catch((reason: unknown) =>
            giveBack(reservedIn, readyMs <= deadlineMs ? units : 0, reason),
          );
        // The transport does not make a call after its deadline, and throws the error for that.
        if (readyMs > deadlineMs) return;
        // Each pause begins with no units, so calls that waited through it reserve again.
        if (pauses === reservedIn) return meter.add(units);
      }
    },
    slowDown(units) {
      meter.add(-units);
      // Refusals of calls that were sent before the pause carry no new information.
      if (now() < pausedUntilMs) return;
      refill();
      const isRepeated = now() - pausedUntilMs < pauseMs;
      pauseMs = isRepeated ? Math.min(MAX_PAUSE_MS, pauseMs * 2) : FIRST_PAUSE_MS;
      // Up to a half more, so that instances do not come back all at once.
      pausedUntilMs = now() + pauseMs * (1 + random() / 2);
      refusedMs = now();
      share = Math.max(MIN_SHARE * unitsPerMinute, share / 2, Math.min(share, DECREASE * meter.lastMinute()));
      available = 0;
      pauses += 1;
    },
  };
};
