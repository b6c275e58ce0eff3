import type { Outcome } from './simulate.ts';

/** The requirements for pacing, for any number of instances and any load. */
const BOUNDS = { goodput: 0.95, rejected: 0.05, fairness: 0.9 } as const;

/** Describes the bounds that an outcome misses. */
export const missed = ({ goodput, rejected, fairness }: Outcome): string[] => [
  ...(goodput < BOUNDS.goodput ? [`goodput ${goodput.toFixed(3)} is below ${BOUNDS.goodput}`] : []),
  ...(rejected > BOUNDS.rejected ? [`rejected ${rejected.toFixed(3)} is above ${BOUNDS.rejected}`] : []),
  ...(fairness < BOUNDS.fairness ? [`fairness ${fairness.toFixed(3)} is below ${BOUNDS.fairness}`] : []),
];
