import type { Actor, Context, Point } from '../actors/actors.ts';

/**
 * How long after it was aborted a request may still take effect, in virtual milliseconds. docs/decisions/unanswered-requests.md
 * assumes the same.
 */
const MAX_LATE_MS = 30_000;

/**
 * A request that its sender has aborted after it was sent. Nobody gets the answer. Google takes as long as possible, unless the
 * schedule lets it continue sooner.
 * @param network the actor that executes it
 */
export const lateRequest = (sent: Point, network: Actor, nowMs: number): Point => ({
  ...sent,
  context: { actor: network },
  author: sent.context,
  sentAtMs: sent.sinceMs,
  sinceMs: nowMs,
  maxLatencyMs: MAX_LATE_MS,
  isSlow: false,
  isLate: true,
  act: () => sent.act('late'),
});

/** Who has sent the request of a point. */
export const authorOf = ({ author, context }: Point): Context => author ?? context;

/** Whether a point is executed only when no other actor can continue. */
export const isPostponed = ({ isSlow, isLate = false }: Point): boolean => isSlow || isLate;
