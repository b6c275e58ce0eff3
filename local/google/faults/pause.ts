import { setTimeout as sleep } from 'node:timers/promises';

/** Waits without keeping the process alive after the server is closed. */
export const pause = (ms: number): Promise<void> => sleep(ms, undefined, { ref: false });

/** How many milliseconds the bytes take at this rate. */
export const durationOf = (bytes: number, bytesPerSecond: number): number => (bytes / bytesPerSecond) * 1000;
