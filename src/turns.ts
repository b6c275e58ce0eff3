import { setImmediate as immediate } from 'node:timers/promises';

/** Bytes that are processed in one turn of the event loop: less than a millisecond of work for any bytes. */
export const TURN_BYTES = 16_384;

let last: Promise<unknown> = Promise.resolve();

/**
 * Waits for a turn of the event loop that no other long work uses: with a hundred documents in progress, each turn processes one
 * of them, so that other work gets its turn in between.
 */
export const turn = (): Promise<unknown> => {
  last = last.then(() => immediate());
  return last;
};
