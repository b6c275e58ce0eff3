import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, without keeping a process alive whose server was closed meanwhile. */
export const pause = (ms: number): Promise<void> => sleep(ms, undefined, { ref: false });

/** Milliseconds that so many bytes take. */
export const durationOf = (bytes: number, bytesPerSecond: number): number => (bytes / bytesPerSecond) * 1000;
