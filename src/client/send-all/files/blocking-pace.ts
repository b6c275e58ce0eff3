/** Whether small operations on files may block the process, which is far quicker than a round trip through a thread. */
export interface BlockingPace {
  /** True while the last operation was quick. */
  isQuick(): boolean;
  /** Does the work and remembers how long it took. */
  time<T>(work: () => T): T;
  /** The same for work in another thread. */
  timeInThread<T>(work: () => Promise<T>): Promise<T>;
}

/** What takes longer did not come from the system's memory. */
const MAX_QUICK_MS = 4;

/**
 * An operation that the system answers from its memory takes some microseconds, and a round trip through Node's thread pool ten
 * times as long. On a slow disk or a network file system it would block the process instead. So the first operation, and each
 * one after a slow one, is done in another thread.
 * @param now milliseconds of a monotonic clock
 */
export const createBlockingPace = (now: () => number = () => performance.now()): BlockingPace => {
  let isQuick = false;
  const judge = (startedMs: number): void => {
    isQuick = now() - startedMs <= MAX_QUICK_MS;
  };
  return {
    isQuick: () => isQuick,
    time(work) {
      const startedMs = now();
      try {
        return work();
      } finally {
        judge(startedMs);
      }
    },
    async timeInThread(work) {
      const startedMs = now();
      try {
        return await work();
      } finally {
        judge(startedMs);
      }
    },
  };
};
