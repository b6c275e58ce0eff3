import { setTimeout as delay } from 'node:timers/promises';

/** Waits; rejects when the signal ends the wait. A dependency, so that tests need not wait in real time. */
export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

export const realSleep: Sleep = (milliseconds, signal) =>
  delay(milliseconds, undefined, signal === undefined ? {} : { signal });
