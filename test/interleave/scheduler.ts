import type { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Actor, Context, Decide, Deed, Mortal, Step } from './actors.ts';
import type { VirtualClock, Wait } from './clock.ts';

interface Point {
  context: Context;
  op: number;
  label: string;
  faults: readonly string[];
  sinceMs: number;
  /** How long it may be on its way while time goes on elsewhere, in milliseconds. */
  maxLatencyMs: number;
  /** It takes as long as it may: everybody else goes first. */
  isSlow: boolean;
  /** Does what is waited for; `settle` hands the outcome to whoever waits. */
  act(fault: string | undefined): Promise<{ note: string; settle: () => void }>;
}

export interface Scheduler {
  addActor(name: string, what?: { key?: string | undefined; isPassive?: boolean }): Actor;
  /** Runs work on an actor's account. */
  as<Result>(context: Context, work: () => Promise<Result>): Promise<Result>;
  context(): Context | undefined;
  /** Waits until the schedule lets this happen. */
  point<Value>(
    label: string,
    faults: readonly string[],
    act: (fault: string | undefined) => Promise<Deed<Value>>,
    more?: { signal?: AbortSignal | undefined; maxLatencyMs?: number },
  ): Promise<Value>;
  mortal(name: string): Mortal;
  /** Runs until everybody is at the end, or `isOver` says so. @throws Error when nothing can go on */
  run(decide: Decide, isOver: () => boolean): Promise<void>;
  steps: Step[];
}

/** For calls that say nothing else. */
const MAX_LATENCY_MS = 30_000;
/** What one step takes, in milliseconds. */
const STEP_MS = 5;
const MAX_STEPS = 4_000;

const abortError = (signal: AbortSignal): unknown => signal.reason ?? new Error('aborted');

export const createScheduler = (
  clock: VirtualClock,
  contexts: AsyncLocalStorage<Context>,
  hooks: { afterStep(context: Context): void },
): Scheduler => {
  const actors: Actor[] = [];
  const steps: Step[] = [];
  let points: Point[] = [];
  let activity = 0;
  let current: Actor | undefined;
  let hasJustSwitched = false;

  /** Everything that can happen without the schedule has happened. */
  const quiet = async (): Promise<void> => {
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

  const mortal = (name: string): Mortal => {
    let resolve = (): void => undefined;
    const died = new Promise<void>((done) => {
      resolve = done;
    });
    const process: Mortal = {
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
    // What a dead process asks for is not answered.
    if (context.process?.alive === false) return new Promise(() => undefined);
    const { actor } = context;
    actor.ops += 1;
    const op = actor.ops;
    return new Promise((resolve, reject) => {
      const mine: Point = {
        ...{ context, op, label, faults, sinceMs: clock.now(), maxLatencyMs, isSlow: false },
        async act(fault) {
          const deed = await act(fault);
          const settle = (): void => {
            activity += 1;
            if ('error' in deed) reject(deed.error);
            else resolve(deed.value);
          };
          return { note: deed.note, settle };
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

  /** Time goes on to this moment; whatever is due by then happens in its order. */
  const advanceTo = async (timeMs: number): Promise<void> => {
    for (;;) {
      const [next] = clock.waits();
      if (next === undefined || next.dueMs > timeMs) break;
      clock.set(next.dueMs);
      clock.fire(next);
      activity += 1;
      await quiet();
    }
    clock.set(timeMs);
  };

  /** Nobody's call is on its way for longer than it may. */
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

  /** Who goes on when nobody says otherwise; undefined when nobody has anything to do at once. */
  const usual = (): Actor | undefined => {
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
    hooks.afterStep(context);
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

  /** Another one goes on; the person does one thing, and then it is the former one's turn again. */
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

  /** Nobody has anything to do at once: the person acts, or time goes on. False when there is nothing more to come. */
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
    if (isWaitedFor) throw new Error('nothing can go on, and somebody still waits');
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
    mortal,
    async run(decide, isOver) {
      for (let count = 0; !isOver(); count++) {
        if (count > MAX_STEPS) throw new Error(`more than ${MAX_STEPS} steps`);
        await quiet();
        await advanceTo(clock.now());
        const actor = usual();
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
