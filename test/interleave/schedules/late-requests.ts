import type { Actor, Context, Point } from '../actors/actors.ts';

/**
 * How long after its sender has stopped waiting a request may still take effect, in virtual milliseconds. docs/decisions/unanswered-requests.md
 * assumes the same.
 */
const MAX_LATE_MS = 30_000;

/** Faults after which the sender continues without an answer of the server, while the request is still on its way. */
const LATE_FAULTS: readonly (string | undefined)[] = ['lost-late', '504-late'];

export const isCarriedOutLater = (fault: string | undefined): fault is string => LATE_FAULTS.includes(fault);

/** The same after its process has died. The lease of the process was last renewed up to ten seconds before. */
const MAX_LATE_AFTER_CRASH_MS = 10_000;

/**
 * A request that its sender no longer waits for. Nobody gets the answer. Google takes as long as possible, unless the schedule
 * lets it continue sooner.
 * @param network the actor that executes it
 */
const lateRequest = (sent: Point, fault: string, network: Actor, nowMs: number): Point => ({
  ...sent,
  isUnanswered: LATE_FAULTS.includes(fault),
  context: { actor: network },
  author: sent.context,
  sentAtMs: sent.sinceMs,
  sinceMs: nowMs,
  maxLatencyMs: fault === 'crash-late' ? MAX_LATE_AFTER_CRASH_MS : MAX_LATE_MS,
  isSlow: false,
  isLate: true,
  act: () => sent.act('late'),
});

/** Executes requests that nobody waits for any more. @param addNetwork called for the first one */
export const createNetwork = (addNetwork: () => Actor): ((sent: Point, fault: string, nowMs: number) => Point) => {
  let network: Actor | undefined;
  return (sent, fault, nowMs) => {
    network ??= addNetwork();
    return lateRequest(sent, fault, network, nowMs);
  };
};

/** Who has sent the request of a point. */
export const authorOf = ({ author, context }: Point): Context => author ?? context;

/** Whether a point is executed only when no other actor can continue. */
export const isPostponed = ({ isSlow, isLate = false }: Point): boolean => isSlow || isLate;
