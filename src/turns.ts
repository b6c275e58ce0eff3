import { setImmediate as immediate } from 'node:timers/promises';

/** How much is worked on in one turn of the event loop, in bytes: less than a millisecond's work, whatever they are. */
export const TURN_BYTES = 16_384;

let last: Promise<unknown> = Promise.resolve();

/**
 * Waits for a turn of the event loop that nobody else takes for long work: with a hundred documents in hand each turn works
 * on one of them, and the loop still gets to everything else in between.
 */
export const turn = (): Promise<unknown> => {
  last = last.then(() => immediate());
  return last;
};
