import type { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Actor, Context, Decide, PointResult, Step, VirtualProcess } from '../actors/actors.ts';
import type { VirtualClock, Wait } from './clock.ts';

interface Point {
  context: Context;
  op: number;
  label: string;
  faults: readonly string[];
  sinceMs: number;
  /** Virtual time never advances past this age of a pending call, in milliseconds. */
  maxLatencyMs: number;
  /** The call takes as long as possible: all other actors run first. */
  isSlow: boolean;
  /** Makes the call; `settle` passes its result to the waiting code. */
  act(fault: string | undefined): Promise<{ note: string; settle: () => void }>;
}

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
    more?: { signal?: AbortSignal | undefined; maxLatencyMs?: number },
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

const abortError = (signal: AbortSignal): unknown => signal.reason ?? new Error('aborted');

export const createScheduler = (
  clock: VirtualClock,
  contexts: AsyncLocalStorage<Context>,
  hooks: { afterStep(context: Context, sentAtMs: number): void },
): Scheduler => {
  const actors: Actor[] = [];
  const steps: Step[] = [];
  let points: Point[] = [];
  let activity = 0;
  let current: Actor | undefined;
  let hasJustSwitched = false;

  /** Waits until all code has stopped at scheduling points or sleeps. */
  const waitUntilIdle = async (): Promise<void> => {
    for (let calm = 0, seen = activity; calm < 2; calm++) {
      await turn();
      if (activity !== seen) calm = -1;
      seen = activity;
    }
  };

  const pointsOf = (actor: Actor): Point[] =>
    points.filter(({ context, isSlow }) => context.actor === actor && !isSlow);
  const ownerOf = (wait: Wait): Context | undefined => wait.owner as Context | undefined;
  const sleepsOf = (actor: Actor): Wait[] =>
    clock.waits().filter((wait) => wait.kind === 'sleep' && ownerOf(wait)?.actor === actor);

  const startProcess = (name: string): VirtualProcess => {
    let resolve = (): void => undefined;
    const died = new Promise<void>((done) => {
      resolve = done;
    });
    const process: VirtualProcess = {
      name,
      alive: true,
      died,
      die() {
        process.alive = false;
        points = points.filter(({ context }) => context.process !== process);
        clock.drop((wait) => ownerOf(wait)?.process === process);
        resolve();
      },
    };
    return process;
  };

  const point: Scheduler['point'] = (label, faults, act, { signal, maxLatencyMs = MAX_LATENCY_MS } = {}) => {
    const context = contexts.getStore();
    if (context === undefined) throw new Error(`${label} is on nobody's account`);
    activity += 1;
    // A call of a dead process never returns.
    if (context.process?.alive === false) return new Promise(() => undefined);
    const { actor } = context;
    actor.ops += 1;
    const op = actor.ops;
    return new Promise((resolve, reject) => {
      const mine: Point = {
        ...{ context, op, label, faults, sinceMs: clock.now(), maxLatencyMs, isSlow: false },
        async act(fault) {
          const result = await act(fault);
          const settle = (): void => {
            activity += 1;
            if ('error' in result) reject(result.error);
            else resolve(result.value);
          };
          return { note: result.note, settle };
        },
      };
      if (signal?.aborted) return reject(abortError(signal));
      signal?.addEventListener(
        'abort',
        () => {
          if (!points.includes(mine)) return;
          points = points.filter((other) => other !== mine);
          activity += 1;
          reject(abortError(signal));
        },
        { once: true },
      );
      points.push(mine);
    });
  };

  /** Advances the virtual time and fires the waits that are due, in order. */
  const advanceTo = async (timeMs: number): Promise<void> => {
    for (;;) {
      const [next] = clock.waits();
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
      ({ context, sinceMs, op, maxLatencyMs }) =>
        context.actor.isPassive || op === 1 || timeMs - sinceMs <= maxLatencyMs,
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

  const execute = async (chosen: Point, fault: string | undefined): Promise<void> => {
    const { context, label } = chosen;
    points = points.filter((other) => other !== chosen);
    const note = (what: string): void => {
      steps.push({
        actor: context.actor.name,
        attempt: context.attempt ?? 0,
        label,
        fault,
        note: what,
        atMs: clock.now(),
      });
    };
    if (fault === 'crash') {
      note(`process ${context.process?.name} dies before this`);
      context.process?.die();
    } else if (fault === 'leave') {
      note('the caller leaves before this');
      points.push(chosen);
      context.leave?.();
    } else if (fault === 'slow') {
      note('takes its time');
      points.push(Object.assign(chosen, { isSlow: true }));
    } else {
      const { note: what, settle } = await chosen.act(fault === 'crash-after' ? undefined : fault);
      if (fault === 'crash-after') {
        note(`${what}; process ${context.process?.name} dies after this`);
        context.process?.die();
      } else {
        note(what);
        settle();
      }
    }
    activity += 1;
    clock.set(clock.now() + STEP_MS);
    hooks.afterStep(context, chosen.sinceMs);
  };

  const faultsOf = ({ faults, context }: Point): string[] => [
    ...faults,
    ...(faults.length > 0 ? ['slow'] : []),
    ...(context.process === undefined ? [] : ['crash', 'crash-after']),
    ...(context.leave === undefined ? [] : ['leave']),
  ];

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
    const waits = clock.waits().filter((wait) => ownerOf(wait)?.process?.alive !== false);
    const next = waits.find(({ kind }) => kind === 'sleep') ?? waits[0];
    const isWaitedFor = actors.some(({ finished, isPassive }) => !finished && !isPassive);
    const slow = points.find(({ isSlow }) => isSlow);
    if (slow !== undefined && (next?.kind !== 'sleep' || !mayAdvanceTo(next.dueMs))) {
      current = slow.context.actor;
      await execute(slow, undefined);
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
    addActor(name, { key, isPassive = false } = {}) {
      const actor = { index: actors.length + 1, name, key, isPassive, ops: 0, finished: false };
      actors.push(actor);
      return actor;
    },
    as: (context, work) => contexts.run(context, work),
    context: () => contexts.getStore(),
    point,
    startProcess,
    async run(decide, isOver) {
      for (let count = 0; !isOver(); count++) {
        if (count > MAX_STEPS) throw new Error(`more than ${MAX_STEPS} steps`);
        await waitUntilIdle();
        await advanceTo(clock.now());
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
