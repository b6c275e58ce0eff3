import { CourierError } from '../../../src/errors.ts';
import type { Attempt } from '../monitor.ts';
import { type DeliverySpec, skewOf } from '../scenario.ts';
import { contexts, type World } from '../world.ts';
import type { Actor, Context } from './actors.ts';
import type { Courier } from './courier.ts';

const REQUEST_MS = 120_000;

/** One request of a sender, which a courier process handles. */
export interface SentRequest {
  courier: Courier;
  /** The actor's attempt, starting at 1. */
  number: number;
  /** The delivery was answered before. */
  isReplay: boolean;
  time: { signal: AbortSignal; deadlineMs: number; requestId: string };
  /** Runs code in the process, as an actor. Without an actor, as the sender. */
  inProcess<Result>(work: () => Promise<Result>, actor?: Actor): Promise<Result>;
  /** Runs code of the caller, which the end of the process does not end. */
  onCaller<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Resolves if the process dies or the caller disconnects. */
  gone: Promise<void>;
}

/** Sends a request at the point that the schedule chooses. @param courier returns the running process of a name */
export const sendRequest = async (
  world: World,
  {
    actor,
    spec,
    courier,
    ...request
  }: {
    actor: Actor;
    spec: DeliverySpec;
    courier: (name: string) => Courier;
    number: number;
    isReplay: boolean;
  },
): Promise<SentRequest> => {
  const { number, isReplay } = request;
  const own: Context = { actor, attempt: number };
  const label = isReplay ? 'sends again' : `sends, try ${number}`;
  await contexts.run(own, () => world.scheduler.point(label, [], async () => ({ note: spec.way, value: undefined })));
  const taken = courier(spec.process);
  const controller = new AbortController();
  const inProcess: Context[] = [];
  let leave = (): void => undefined;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const contextOf = (running: Actor): Context => {
    const known = inProcess.find((context) => context.actor === running);
    if (known !== undefined) return known;
    const context: Context = { actor: running, process: taken.process, attempt: number };
    if (!world.isFaultFree && !controller.signal.aborted) {
      context.leave = () => {
        for (const other of inProcess) delete other.leave;
        controller.abort(new CourierError('body-truncated', { detail: 'The caller went away.' }));
        leave();
      };
    }
    inProcess.push(context);
    return context;
  };
  return {
    ...{ courier: taken, number, isReplay },
    time: {
      signal: controller.signal,
      // A process computes the deadline by its own clock.
      deadlineMs: world.clock.now() + skewOf(spec.process) + REQUEST_MS,
      requestId: `${actor.name}-${number}`,
    },
    inProcess: (work, running = actor) => contexts.run(contextOf(running), work),
    onCaller: (work) => contexts.run(own, work),
    gone: Promise.race([taken.process.died, left]),
  };
};

/** Starts an attempt at the delivery of one file. */
export const beginAttempt = (
  world: World,
  actor: Actor,
  { spec, entry }: { spec: DeliverySpec; entry?: string },
  { number, isReplay }: Pick<SentRequest, 'number' | 'isReplay'>,
): Attempt => {
  const attempt: Attempt = {
    ...{ actor: actor.name, spec, entry, number, startStep: world.scheduler.steps.length, endStep: undefined },
    ...{ ending: undefined, uploadId: undefined, audits: [], seen: [], isReplay, hasRecorded: false },
  };
  world.monitor.attempts.push(attempt);
  return attempt;
};
