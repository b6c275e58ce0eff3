import { setTimeout as delay } from 'node:timers/promises';
import type { CallContext } from './drive.ts';

/**
 * Quota units of Drive's calls (https://developers.google.com/workspace/drive/api/guides/limits, since 2026-05-01).
 * A user, and so a service account, has 325,000 a minute.
 */
export const UNITS = { get: 5, other: 5, create: 50, update: 50, list: 100 } as const;
const UNITS_PER_MINUTE = 325_000;

/** A burst may take this much of a minute's quota at once; Drive counts by the minute. */
const BURST_OF_MINUTE = 0.5;
/** After Drive has said "slower", the pace is halved, at most to a sixteenth, and comes back over about a minute. */
const MIN_RATE = 1 / 16;
const RECOVERY_MS = 60_000;

export interface Pace {
  /** Waits until the units may be spent. Units are granted in the order of asking. */
  spend(units: number, context: CallContext): Promise<void>;
  /** Drive has answered with a rate limit. */
  slowDown(): void;
}

/** A token bucket of quota units, one for each credential. `unitsPerMinute` may be Infinity, where there is no quota to keep. */
export const createPace = ({
  now = Date.now,
  sleep = (milliseconds, signal) => delay(milliseconds, undefined, signal === undefined ? {} : { signal }),
  unitsPerMinute = UNITS_PER_MINUTE,
}: {
  now?: () => number;
  sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  unitsPerMinute?: number;
} = {}): Pace => {
  const capacity = unitsPerMinute * BURST_OF_MINUTE;
  /** May be negative: units promised to those who wait. */
  let units = capacity;
  let filledMs = now();
  let speed = 1;

  const refill = (): void => {
    const elapsedMs = Math.max(0, now() - filledMs);
    filledMs = now();
    units = Math.min(capacity * speed, units + (elapsedMs / 60_000) * unitsPerMinute * speed);
    speed = Math.min(1, speed + elapsedMs / RECOVERY_MS);
  };

  return {
    async spend(asked, { signal, deadlineMs = Infinity }) {
      if (asked === 0 || unitsPerMinute === Infinity) return;
      refill();
      units -= asked;
      if (units >= 0) return;
      const waitMs = (-units / (unitsPerMinute * speed)) * 60_000;
      // Past the deadline the call would not be made anyway; the transport says so at once.
      await sleep(Math.min(waitMs, Math.max(0, deadlineMs - now())), signal);
    },
    slowDown() {
      refill();
      speed = Math.max(MIN_RATE, speed / 2);
      units = Math.min(units, 0);
    },
  };
};
