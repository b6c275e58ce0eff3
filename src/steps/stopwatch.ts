/** Milliseconds by step, for the audit line. */
export interface Stopwatch {
  time<Result>(step: string, work: Promise<Result>): Promise<Result>;
  laps(): Record<string, number>;
}

export const createStopwatch = (now: () => number): Stopwatch => {
  const laps: Record<string, number> = {};
  return {
    async time(step, work) {
      const startMs = now();
      try {
        return await work;
      } finally {
        laps[step] = (laps[step] ?? 0) + now() - startMs;
      }
    },
    laps: () => ({ ...laps }),
  };
};
