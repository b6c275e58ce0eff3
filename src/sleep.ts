import { setTimeout as delay } from 'node:timers/promises';

/** Waits; rejects if the signal aborts the wait. It is a dependency, so that tests don't wait in real time. */
export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

export const realSleep: Sleep = (milliseconds, signal) => delay(milliseconds, undefined, { signal });

/** Pauses before a 404 is believed about a file that Drive may have, in milliseconds. */
const VISIBILITY_WAITS_MS = [500, 1_500, 3_000];

interface AskAgain<Answer> {
  ask(): Promise<Answer>;
  /** Default: anything but undefined. */
  isFound?: (answer: Answer) => boolean;
  /** Milliseconds before each further question. Default: five seconds in all. */
  pausesMs?: readonly number[];
  sleep: Sleep;
  signal?: AbortSignal | undefined;
}

/**
 * Asks again, after each of the pauses, while the answer is "not found": Drive may answer 404 for a while about a file that it
 * has just created.
 * @returns the first answer that is found, otherwise the last one
 */
export const askUntilFound = async <Answer>(
  first: Answer,
  { ask, isFound = (answer) => answer !== undefined, pausesMs = VISIBILITY_WAITS_MS, sleep, signal }: AskAgain<Answer>,
): Promise<Answer> => {
  let answer = first;
  for (const pauseMs of pausesMs) {
    if (isFound(answer)) return answer;
    await sleep(pauseMs, signal);
    answer = await ask();
  }
  return answer;
};
