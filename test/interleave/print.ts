import { replayText } from './scenario.ts';
import type { ScheduleRun } from './schedules/run-schedule.ts';

/** A readable report of a run: its steps, its violations, and how to replay it. */
export const describeRun = ({ scenario, deviations, steps, violations }: ScheduleRun): string => {
  const lines = steps.map(({ actor, label, fault, note }, at) => {
    const what = `${label}${fault === undefined ? '' : ` [${fault}]`}`;
    return `${String(at + 1).padStart(4)} ${actor.padEnd(7)}${what} → ${note}`;
  });
  const broken = violations.map(({ invariant, what, step }) => `${invariant} at step ${step}: ${what}`);
  return [...lines, ...broken, `--replay='${replayText(scenario, deviations)}'`].join('\n');
};
