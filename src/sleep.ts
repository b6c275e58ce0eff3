import { setTimeout as delay } from 'node:timers/promises';
import { abortReason } from './errors.ts';

/** Waits; rejects if the signal aborts the wait. It is a dependency, so that tests don't wait in real time. */
export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

export const realSleep: Sleep = (milliseconds, signal) => delay(milliseconds, undefined, { signal });

/** Waits. @throws the reason of the signal that aborts the wait, such as a lease that has expired; not just an AbortError */
export const sleepOrThrow = (sleep: Sleep, milliseconds: number, signal: AbortSignal | undefined): Promise<void> =>
  sleep(milliseconds, signal).catch((error: unknown) => {
    throw signal?.aborted ? abortReason(signal) : error;
  });

/** Pauses between further attempts when Drive answers 404 for a file that may exist, in milliseconds. */
export const VISIBILITY_WAITS_MS = [500, 1_500, 3_000];

/** No pause ends within this time before the deadline, so that the receipt still gets out. In milliseconds. */
const MARGIN_MS = 5_000;

/** Waits before another attempt. Returns false if there is no time for that, or the caller has left. */
export const pauseInTime = async (
  pauseMs: number,
  {
    context: { deadlineMs = Infinity, signal },
    now,
    sleep,
  }: {
    context: { deadlineMs?: number | undefined; signal?: AbortSignal | undefined };
    now: () => number;
    sleep: Sleep;
  },
): Promise<boolean> => {
  if (now() + pauseMs + MARGIN_MS > deadlineMs) return false;
  return sleep(pauseMs, signal).then(
    () => true,
    () => false,
  );
};

interface AskAgain<Answer> {
  ask(): Promise<Answer>;
  /** Default: anything but undefined. */
  isFound?: (answer: Answer) => boolean;
  /** Milliseconds before each further attempt. Default: five seconds in all. */
  pausesMs?: readonly number[];
  sleep: Sleep;
  signal?: AbortSignal | undefined;
}

/**
 * Repeats a question after each pause while the answer is "not found", because Drive may answer 404 for a while about a file
 * that it has just created.
 * @returns the first answer that is found, otherwise the last one
 */
export const askUntilFound = async <Answer>(
  first: Answer,
  { ask, isFound = (answer) => answer !== undefined, pausesMs = VISIBILITY_WAITS_MS, sleep, signal }: AskAgain<Answer>,
): Promise<Answer> => {
  let answer = first;
  for (const pauseMs of pausesMs) {
    if (isFound(answer)) return answer;
    await sleepOrThrow(sleep, pauseMs, signal);
    answer = await ask();
  }
  return answer;
};
