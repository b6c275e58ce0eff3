import type { PerCallerConfig } from '../config/schema/per-caller.ts';
import { CourierError } from '../errors.ts';
import type { DayCounters } from '../ledger/day-counters.ts';
import type { Clocks } from '../steady-clock.ts';
import { createSlidingWindow } from './sliding-window.ts';

const MINUTE_MS = 60_000;
const DAY_SECONDS = 86_400;
/** A running request may end at any time. */
const CONCURRENT_RETRY_SECONDS = 2;

/** One limit and what remains of it, as the RateLimit header fields show it. */
export interface LimitState {
  name: string;
  quota: number;
  /** The quota unit, if it is not requests. */
  unit?: 'content-bytes' | 'concurrent-requests';
  windowSeconds?: number;
  remaining: number;
  /** Seconds until the limit is reset, or a part of it becomes free. */
  resetSeconds?: number;
}

/** Applies the limits of one caller, in all or at one destination. Nothing is counted unless it fits. */
export interface Meter {
  /** @throws CourierError `caller-over-quota` */
  checkConcurrent(): void;
  /**
   * Checks that another file fits.
   * @param size bytes, if they are known
   * @throws CourierError `caller-over-quota`; `too-large` for a file that exceeds the limit of a whole day
   */
  checkFile(size: number | undefined): void;
  /** @throws CourierError `caller-over-quota` */
  checkBytes(bytes: number): void;
  begin(): void;
  end(): void;
  countFile(): void;
  countBytes(bytes: number, day?: string): void;
  states(): LimitState[];
  /** True if the meter counts nothing at the moment, so that it can be removed. */
  isIdle(): boolean;
}

interface MeterOptions {
  limits: PerCallerConfig;
  /** Undefined: the caller's limits for all destinations together. */
  destination: string | undefined;
  subject: string;
  counters: DayCounters;
  now: Clocks['now'];
}

export const createMeter = ({ limits, destination, subject, counters, now }: MeterOptions): Meter => {
  const { concurrent, filesPerMinute, bytesPerDay } = limits;
  const files = filesPerMinute === undefined ? undefined : createSlidingWindow(filesPerMinute, MINUTE_MS);
  const where = destination === undefined ? '' : ` to destination "${destination}"`;
  let running = 0;

  const refusal = (reason: string, detail: string, retryAfterSeconds: number): CourierError =>
    new CourierError('caller-over-quota', { reason, detail, retryAfterSeconds, facts: { destination } });
  const filesResetSeconds = (): number => Math.ceil((files?.waitMs(now()) ?? 0) / 1000);
  const bytesLeft = (): number => Math.max(0, (bytesPerDay ?? 0) - counters.used(subject));

  const checkBytes = (bytes: number): void => {
    if (bytesPerDay === undefined || bytes <= bytesLeft()) return;
    throw refusal(
      'bytes-per-day',
      `You may send ${bytesPerDay} bytes a day${where}; ${bytesLeft()} are left until 00:00 UTC, too few for this file.`,
      counters.secondsLeft(),
    );
  };

  return {
    checkConcurrent() {
      if (concurrent === undefined || running < concurrent) return;
      const detail = `You may have ${concurrent} requests${where} in progress at the same time.`;
      throw refusal('concurrent', detail, CONCURRENT_RETRY_SECONDS);
    },
    checkFile(size = 1) {
      if (bytesPerDay !== undefined && size > bytesPerDay) {
        throw new CourierError('too-large', {
          detail: `The file has ${size} bytes; you may send ${bytesPerDay} bytes a day${where}.`,
          remedy: 'Send a smaller file, or ask the operator to raise "perCaller.bytesPerDay".',
        });
      }
      if (filesResetSeconds() > 0) {
        const detail = `You may send ${filesPerMinute} files a minute${where}.`;
        throw refusal('files-per-minute', detail, filesResetSeconds());
      }
      checkBytes(size);
    },
    checkBytes,
    begin() {
      running += 1;
    },
    end() {
      running -= 1;
    },
    countFile() {
      files?.add(now());
    },
    countBytes(bytes, day) {
      if (bytesPerDay !== undefined) counters.add(subject, bytes, day);
    },
    states() {
      const prefix = destination === undefined ? '' : `${destination}/`;
      const states: LimitState[] = [];
      if (concurrent !== undefined) {
        const unit = 'concurrent-requests';
        states.push({ name: `${prefix}concurrent`, quota: concurrent, unit, remaining: concurrent - running });
      }
      if (files !== undefined && filesPerMinute !== undefined) {
        const remaining = files.remaining(now());
        const waitMs = files.waitMs(now());
        const reset = waitMs === 0 ? {} : { resetSeconds: Math.ceil(waitMs / 1000) };
        states.push({
          name: `${prefix}files-per-minute`,
          quota: filesPerMinute,
          windowSeconds: 60,
          remaining,
          ...reset,
        });
      }
      if (bytesPerDay !== undefined) {
        const unit = 'content-bytes';
        const state = { remaining: bytesLeft(), resetSeconds: counters.secondsLeft() };
        states.push({ name: `${prefix}bytes-per-day`, quota: bytesPerDay, unit, windowSeconds: DAY_SECONDS, ...state });
      }
      return states;
    },
    isIdle: () => running === 0 && (files === undefined || files.remaining(now()) === filesPerMinute),
  };
};
