import type { Point } from '../actors/actors.ts';

/** What happens to the process after a call, which itself succeeds. */
const OF_PROCESS: readonly (string | undefined)[] = ['crash-after', 'freeze'];

export const isOfProcess = (fault: string | undefined): boolean => OF_PROCESS.includes(fault);

/** What is reported of a fault that happens instead of the call; undefined for other faults. */
export const noteOf = (fault: string | undefined, process: string | undefined): string | undefined => {
  switch (fault) {
    case 'crash':
      return `process ${process} dies before this`;
    case 'crash-late':
      return `process ${process} dies after this was sent`;
    case 'leave':
      return 'the caller leaves before this';
    case 'leave-late':
      return 'the caller leaves after this was sent';
    case 'slow':
      return 'takes its time';
    default:
      return undefined;
  }
};

/**
 * All faults that can be injected into a call. `leave-late`: its caller leaves, which aborts the request, and Google carries it
 * out later nevertheless. `lost-late`: the connection breaks after the request was sent, and Google carries it out later.
 * `crash-late`: the process dies then.
 */
export const faultsOf = ({ faults, context, canBeLate }: Point): string[] => [
  ...faults,
  ...(faults.length > 0 ? ['slow', ...(canBeLate ? ['lost-late'] : [])] : []),
  ...(context.process === undefined ? [] : ['crash', 'crash-after', 'freeze', ...(canBeLate ? ['crash-late'] : [])]),
  ...(context.leave === undefined ? [] : ['leave', ...(canBeLate ? ['leave-late'] : [])]),
];
