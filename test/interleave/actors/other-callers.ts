import type { CourierError } from '../../../src/errors.ts';
import { asCourierError } from '../../../src/errors.ts';
import { checkRefused } from '../invariants/callers.ts';
import type { Attempt } from '../monitor.ts';
import type { World } from '../world.ts';
import { callerOf } from './callers.ts';
import type { SentRequest } from './requests.ts';

/** Tries to complete the latest upload of another caller, whose id this one has come to know. It must be refused. */
export const completeOthers = async (
  world: World,
  attempt: Attempt,
  { courier, time }: Pick<SentRequest, 'courier' | 'time'>,
): Promise<void> => {
  const { spec } = attempt;
  const id = world.monitor.attempts.findLast(
    (other) => other.spec.caller !== spec.caller && other.uploadId !== undefined,
  )?.uploadId;
  if (id === undefined) return;
  const sinceStep = world.scheduler.steps.length;
  const answer = await courier.completeUpload({ ...time, id, caller: callerOf(spec) }).then(
    ({ outcome }) => `a receipt (${outcome})`,
    (error: unknown): CourierError => asCourierError(error),
  );
  const calls = world.scheduler.steps
    .slice(sinceStep)
    .filter(({ actor, attempt: number, isLate }) => actor === attempt.actor && number === attempt.number && !isLate);
  checkRefused(world.facts, attempt, { answer, calls: calls.map(({ label }) => label) });
};
