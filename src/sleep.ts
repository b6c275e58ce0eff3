import { setTimeout as delay } from 'node:timers/promises';

/** Waits; rejects if the signal aborts the wait. It is a dependency, so that tests don't wait in real time. */
export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

export const realSleep: Sleep = (milliseconds, signal) => delay(milliseconds, undefined, { signal });
