import type { Telemetry } from '../telemetry.ts';

/** Milliseconds by step, for the audit line; each step also a span, where there is telemetry. */
export interface StepTimer {
  time<Result>(step: string, work: () => Promise<Result>): Promise<Result>;
  steps(): Record<string, number>;
}

export const createStepTimer = (now: () => number, telemetry?: Pick<Telemetry, 'step'>): StepTimer => {
  const laps: Record<string, number> = {};
  return {
    async time(step, work) {
      const startMs = now();
      try {
        return await (telemetry === undefined ? work() : telemetry.step(step, work));
      } finally {
        laps[step] = (laps[step] ?? 0) + now() - startMs;
      }
    },
    steps: () => ({ ...laps }),
  };
};
