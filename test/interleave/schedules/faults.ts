import type { Point } from '../actors/actors.ts';

/** What happens to the process after a call, which itself succeeds. */
const OF_PROCESS: readonly (string | undefined)[] = ['crash-after', 'freeze'];

export const isOfProcess = (fault: string | undefined): boolean => OF_PROCESS.includes(fault);

/**
 * All faults that can be injected into a call. `leave-late`: its caller leaves, which aborts the request, and Google carries it
 * out later nevertheless.
 */
export const faultsOf = ({ faults, context, canBeLate }: Point): string[] => [
  ...faults,
  ...(faults.length > 0 ? ['slow'] : []),
  ...(context.process === undefined ? [] : ['crash', 'crash-after', 'freeze']),
  ...(context.leave === undefined ? [] : ['leave', ...(canBeLate ? ['leave-late'] : [])]),
];
