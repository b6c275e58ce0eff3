import type { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import type { Actor, Context, Decide, Point, PointResult, Step, VirtualProcess } from '../actors/actors.ts';
import type { VirtualClock, Wait } from './clock.ts';
import { faultsOf, isOfProcess, noteOf } from './faults.ts';
import { authorOf, createNetwork, isCarriedOutLater, isPostponed } from './late-requests.ts';
import { createPauses } from './pauses.ts';
import { createProcess } from './processes.ts';

export interface Scheduler {
  addActor(name: string, what?: { key?: string | undefined; isPassive?: boolean }): Actor;
  /** Runs code as an actor. */
  as<Result>(context: Context, work: () => Promise<Result>): Promise<Result>;
  context(): Context | undefined;
  /** A scheduling point: `act` runs when the schedule selects this call. */
  point<Value>(
    label: string,
    faults: readonly string[],
    act: (fault: string | undefined) => Promise<PointResult<Value>>,
    more?: { signal?: AbortSignal | undefined; maxLatencyMs?: number; canBeLate?: boolean },
  ): Promise<Value>;
  startProcess(name: string): VirtualProcess;
  /** Runs until all actors have finished or `isOver` returns true. @throws Error on a deadlock */
  run(decide: Decide, isOver: () => boolean): Promise<void>;
  steps: Step[];
}

/** The default of `maxLatencyMs`. */
const MAX_LATENCY_MS = 30_000;
/** The duration of one step in virtual milliseconds. */
const STEP_MS = 5;
const MAX_STEPS = 4_000;

/** The original, which the virtual clock replaces later. */
const turn = setImmediate;

const abortError = (signal: AbortSignal | undefined): unknown => signal?.reason ?? new Error('aborted');

export const createScheduler = (
  clock: VirtualClock,
  contexts: AsyncLocalStorage<Context>,
  hooks: { afterStep(context: Context, done: Pick<Point, 'isUnanswered'> & { sentAtMs: number }): void },
): Scheduler => {
  const actors: Actor[] = [];
  const steps: Step[] = [];
  let points: Point[] = [];
  let activity = 0;
  let current: Actor | undefined;
  let hasJustSwitched = false;

  const addActor: Scheduler['addActor'] = (name, { key, isPassive = false } = {}) => {
    const actor = { index: actors.length + 1, name, key, isPassive, ops: 0, finished: false };
    actors.push(actor);
    return actor;
  };

  const carryOutLater = createNetwork(() => addActor('network', { isPassive: true }));

  /** Waits until all code has stopped at scheduling points or sleeps. */
  const waitUntilIdle = async (): Promise<void> => {
    const progress = (): number => activity + clock.turnsAsked();
    for (let calm = 0, seen = progress(); calm < 2; calm++) {
      await turn();
      if (progress() !== seen || clock.hasTurns()) calm = -1;
      seen = progress();
    }
  };

  const pointsOf = (actor: Actor): Point[] =>
    points.filter(({ context, isSlow }) => context.actor === actor && !isSlow && context.process?.isFrozen !== true);
  const ownerOf = (wait: Wait): Context | undefined => wait.owner as Context | undefined;
  /** Pending waits, except for those of paused processes. */
  const waits = (): Wait[] => clock.waits().filter((wait) => ownerOf(wait)?.process?.isFrozen !== true);
  const sleepsOf = (actor: Actor): Wait[] =>
    waits().filter((wait) => wait.kind === 'sleep' && ownerOf(wait)?.actor === actor);

  const startProcess = (name: string): VirtualProcess =>
    createProcess(name, (dead) => {
      for (const { context, forget } of points) if (context.process === dead) forget();
      points = points.filter(({ context }) => context.process !== dead);
      clock.drop((wait) => ownerOf(wait)?.process === dead);
    });

  const point: Scheduler['point'] = (label, faults, act, more = {}) => {
    const { signal, maxLatencyMs = MAX_LATENCY_MS, canBeLate = false } = more;
    const context = contexts.getStore();
    if (context === undefined) throw new Error(`${label} is on nobody's account`);
    activity += 1;
    // A call of a dead process never returns.
    if (context.process?.alive === false) return new Promise(() => undefined);
    const { actor } = context;
    actor.ops += 1;
    const op = actor.ops;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        if (!points.includes(mine)) return;
        points = points.filter((other) => other !== mine);
        activity += 1;
        reject(abortError(signal));
      };
      const forget = (): void => signal?.removeEventListener('abort', onAbort);
      const mine: Point = {
        ...{ context, op, label, faults, sinceMs: clock.now(), maxLatencyMs, canBeLate, isSlow: false, forget },
        async act(fault) {
          forget();
          const result = await act(fault);
          const passAnswer = (): void => {
            activity += 1;
            if ('error' in result) reject(result.error);
            else resolve(result.value);
          };
          return { note: result.note, passAnswer };
        },
      };
      if (signal?.aborted) return reject(abortError(signal));
      signal?.addEventListener('abort', onAbort, { once: true });
      points.push(mine);
    });
  };

  /** Advances the virtual time and fires the waits that are due, in order. */
  const advanceTo = async (timeMs: number): Promise<void> => {
    for (;;) {
      const [next] = waits();
      if (next === undefined || next.dueMs > timeMs) break;
      clock.set(next.dueMs);
      clock.fire(next);
      activity += 1;
      await waitUntilIdle();
    }
    clock.set(timeMs);
  };

  /** No pending call would exceed its maximum latency. */
  const mayAdvanceTo = (timeMs: number): boolean =>
    points.every(
      ({ context, sinceMs, op, maxLatencyMs, isLate = false }) =>
        (context.actor.isPassive && !isLate) ||
        context.process?.isFrozen === true ||
        op === 1 ||
        timeMs - sinceMs <= maxLatencyMs,
    );

  const isEnabled = (actor: Actor): boolean => {
    if (pointsOf(actor).length > 0) return true;
    const [sleep] = sleepsOf(actor);
    return sleep !== undefined && mayAdvanceTo(sleep.dueMs);
  };

  /** The actor that continues by default; undefined if no actor has a call to make. */
  const defaultActor = (): Actor | undefined => {
    if (current !== undefined && !current.isPassive && pointsOf(current).length > 0) return current;
    const after = current === undefined ? 0 : current.index;
    const inTurn = [...actors.slice(after), ...actors.slice(0, after)];
    return inTurn.find((actor) => !actor.isPassive && pointsOf(actor).length > 0);
  };

  /** The caller leaves after a request was sent. Requests that do not end with it go on as usual. */
  const leaveBehind = (sent: Point): void => {
    points.push(sent);
    sent.context.leave?.();
    if (points.includes(sent)) return;
    points.push(carryOutLater(sent, 'leave-late', clock.now()));
  };

  const execute = async (chosen: Point, fault: string | undefined): Promise<void> => {
    const { label } = chosen;
    const context = authorOf(chosen);
    points = points.filter((other) => other !== chosen);
    const note = (what: string): void => {
      steps.push({
        actor: context.actor.name,
        attempt: context.attempt ?? 0,
        label,
        ...{ fault, isLate: chosen.isLate === true },
        note: what,
        atMs: clock.now(),
      });
    };
    const noted = noteOf(fault, context.process?.name);
    if (noted !== undefined) note(noted);
    if (fault === 'crash' || fault === 'crash-late') {
      context.process?.die();
      if (fault === 'crash-late') points.push(carryOutLater(chosen, fault, clock.now()));
    } else if (fault === 'leave') {
      points.push(chosen);
      context.leave?.();
    } else if (fault === 'leave-late') {
      leaveBehind(chosen);
    } else if (fault === 'slow') {
      points.push(Object.assign(chosen, { isSlow: true }));
    } else {
      const { note: what, passAnswer } = await chosen.act(isOfProcess(fault) ? undefined : fault);
      if (fault === 'freeze') {
        note(`${what}; process ${context.process?.name} is paused before it sees this`);
        pauses.begin(context, passAnswer);
      } else if (fault === 'crash-after') {
        note(`${what}; process ${context.process?.name} dies after this`);
        context.process?.die();
      } else {
        note(what);
        passAnswer();
        if (isCarriedOutLater(fault)) points.push(carryOutLater(chosen, fault, clock.now()));
      }
    }
    activity += 1;
    clock.set(clock.now() + STEP_MS);
    const { sentAtMs = chosen.sinceMs, isUnanswered } = chosen;
    hooks.afterStep(context, { sentAtMs, isUnanswered });
  };

  const pauses = createPauses(contexts, async ({ actor, process }) => {
    await waitUntilIdle();
    const next = points.find(({ context }) => context.actor === actor && context.process === process);
    if (next !== undefined) await execute(next, undefined);
  });

  const decideAt = (chosen: Point, decide: Decide): string | undefined => {
    const { actor } = chosen.context;
    const others = hasJustSwitched ? [] : actors.filter((other) => other !== actor && isEnabled(other));
    const alternatives = [...others.map(({ index }) => `>${index}`), ...faultsOf(chosen).map((fault) => `!${fault}`)];
    const decided = decide({
      anchor: `${actor.index}.${chosen.op}`,
      actor: actor.name,
      label: chosen.label,
      alternatives,
    });
    return decided !== undefined && alternatives.includes(decided) ? decided : undefined;
  };

  /** Switches to another actor. The person performs one act only, then the previous actor continues. */
  const switchTo = async (actor: Actor): Promise<void> => {
    const [first] = pointsOf(actor);
    if (actor.isPassive) {
      if (first !== undefined) await execute(first, undefined);
      return;
    }
    current = actor;
    hasJustSwitched = true;
    const [sleep] = sleepsOf(actor);
    if (first === undefined && sleep !== undefined) await advanceTo(sleep.dueMs);
  };

  /** No actor has a call to make: advances the time or lets the person act. Returns false if everything is finished. */
  const idle = async (): Promise<boolean> => {
    const pending = waits().filter((wait) => ownerOf(wait)?.process?.alive !== false);
    const next = pending.find(({ kind }) => kind === 'sleep') ?? pending[0];
    const isWaitedFor = actors.some(({ finished, isPassive }) => !finished && !isPassive);
    const postponed = points.find((one) => isPostponed(one) && one.context.process?.isFrozen !== true);
    if (postponed !== undefined && (next?.kind !== 'sleep' || !mayAdvanceTo(next.dueMs))) {
      current = authorOf(postponed).actor;
      await execute(postponed, undefined);
      return true;
    }
    if (next !== undefined && (next.kind === 'sleep' || isWaitedFor)) {
      await advanceTo(next.dueMs);
      return true;
    }
    const person = actors.find((actor) => actor.isPassive && pointsOf(actor).length > 0);
    if (person !== undefined) {
      await switchTo(person);
      return true;
    }
    if (isWaitedFor) throw new Error('deadlock: nothing can continue, and a task still waits');
    return false;
  };

  return {
    steps,
    addActor,
    as: (context, work) => contexts.run(context, work),
    context: () => contexts.getStore(),
    point,
    startProcess,
    async run(decide, isOver) {
      for (let count = 0; !isOver(); count++) {
        if (count > MAX_STEPS) throw new Error(`more than ${MAX_STEPS} steps`);
        await waitUntilIdle();
        await advanceTo(clock.now());
        // Afterwards, because the time that has passed may have ended a pause.
        if (await pauses.end()) continue;
        const actor = defaultActor();
        if (actor === undefined) {
          if (!(await idle())) return;
          continue;
        }
        current = actor;
        const [chosen] = pointsOf(actor);
        if (chosen === undefined) continue;
        const decided = decideAt(chosen, decide);
        hasJustSwitched = false;
        const other = decided?.startsWith('>') ? actors[Number(decided.slice(1)) - 1] : undefined;
        if (other !== undefined) await switchTo(other);
        else await execute(chosen, decided?.slice(1));
      }
    },
  };
};
