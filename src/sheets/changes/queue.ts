import type { Sleep } from '../../sleep.ts';
import { MAX_BATCH_BYTES } from '../rows/batches.ts';
import type { SheetsContext } from '../sheets.ts';
import { createUnansweredChanges, type UnansweredChanges } from '../unanswered-changes.ts';
import type { GroupWriter, Job } from './job.ts';
import { writeGroup } from './write-group.ts';

/** A lock on a spreadsheet that all instances respect. */
export interface SheetLock {
  /** Aborts when the lock is about to be lost. */
  readonly signal: AbortSignal;
  /** Aborts the signal now if the lock is about to be lost: the process may have been paused, and its timers not have run. */
  check(): void;
  release(): Promise<void>;
  /** Lets the lock expire, because a change may still be applied. */
  abandon(): Promise<void>;
}

/** One delivery's turn: a part that may share its change with others, or work that needs the spreadsheet for itself. */
export type Turn =
  | { kind: 'part'; job: Job; context: SheetsContext }
  | {
      kind: 'alone';
      run(write: (job: Job) => Promise<void>): Promise<void>;
      fail(error: unknown): void;
      context: SheetsContext;
    };

/** The group of the last change to a spreadsheet. */
export interface FormerGroup {
  size: number;
  /** Epoch milliseconds. */
  endedMs: number;
}

interface QueueDependencies {
  writer: GroupWriter;
  lock(context: SheetsContext): Promise<SheetLock>;
  former: { get(): FormerGroup | undefined; set(group: FormerGroup): void };
  /** Epoch milliseconds. */
  now: () => number;
  sleep: Sleep;
}

/** Bounds what one change can delay, and the marks that it adds. */
const MAX_GROUP = 100;

/** Milliseconds for one change that several deliveries wait for, so it does not end when one of them does. */
const GROUP_MS = 240_000;

/** The part of a group's callers that is expected to append again as soon as it has its answers. */
const RETURNING = 0.9;
/** The wait for them ends if none arrives in this time, in milliseconds. */
const RETURN_GAP_MS = 100;
/** The wait ends at the latest at this time after the end of their group, in milliseconds. */
const RETURN_MS = 1_500;

const hasLeft = ({ context: { signal } }: Turn): boolean => signal?.aborted === true;

/** The first turns that fit into one change: parts for the same tab, in the order in which they came. */
const takeGroup = (queue: Turn[]): Job[] => {
  const jobs: Job[] = [];
  let cost = 0;
  for (let at = 0; at < queue.length && jobs.length < MAX_GROUP; ) {
    const turn = queue[at];
    // Work that needs the spreadsheet for itself is not overtaken.
    if (turn === undefined || turn.kind === 'alone') break;
    const { job } = turn;
    const fits = jobs.length === 0 || (job.tab === jobs[0]?.tab && cost + job.batch.cost <= MAX_BATCH_BYTES);
    const isTwice = jobs.some(({ key, batch }) => key === job.key && batch.index === job.batch.index);
    if (!fits || isTwice) {
      at += 1;
      continue;
    }
    jobs.push(job);
    cost += job.batch.cost;
    queue.splice(at, 1);
  }
  return jobs;
};

const failTurn = (turn: Turn, error: unknown): void => (turn.kind === 'part' ? turn.job.fail(error) : turn.fail(error));

/**
 * The appends to one spreadsheet, one change after another. Deliveries that wait while a change is in progress share the
 * next one, so a quota of 60 changes a minute is enough for thousands of deliveries. A single delivery does not wait.
 */
export const createQueue = ({ writer, lock, former, now, sleep }: QueueDependencies, onIdle: () => void) => {
  const queue: Turn[] = [];
  let isRunning = false;

  const dropLeft = (): void => {
    const staying = queue.filter((turn) => !hasLeft(turn));
    queue.splice(0, queue.length, ...staying);
  };

  /**
   * Waits for the callers of the previous group: most of them send their next row as soon as they have their answer. Without the
   * wait, each group would contain about half of them, and Google's quota counts groups. A group of one or two never waits.
   */
  const waitForReturning = async (): Promise<void> => {
    const { size, endedMs } = former.get() ?? { size: 0, endedMs: 0 };
    const isComing = (): boolean =>
      queue[0]?.kind === 'part' && queue.length < Math.floor(size * RETURNING) && now() < endedMs + RETURN_MS;
    for (let before = 0; isComing() && queue.length > before; ) {
      before = queue.length;
      await sleep(RETURN_GAP_MS);
    }
  };

  const locked = async (
    {
      deadlineMs,
      changes = createUnansweredChanges(),
    }: { deadlineMs: number; changes?: UnansweredChanges | undefined },
    work: (context: SheetsContext) => Promise<void>,
  ): Promise<void> => {
    const held = await lock({ deadlineMs });
    try {
      await work({ deadlineMs, signal: held.signal, beforeSend: held.check, changes });
    } finally {
      // The next holder of the lock looks at the spreadsheet first. A change that a server error has answered is over by then.
      changes.looked();
      await (changes.count() > 0 ? held.abandon() : held.release());
    }
  };

  const runAlone = async (turn: Turn & { kind: 'alone' }): Promise<void> => {
    const deadlineMs = turn.context.deadlineMs ?? now() + GROUP_MS;
    let isFirst = true;
    await locked({ deadlineMs, changes: turn.context.changes }, async (context) => {
      const signal = AbortSignal.any([
        ...(turn.context.signal === undefined ? [] : [turn.context.signal]),
        ...(context.signal === undefined ? [] : [context.signal]),
      ]);
      await turn.run(async (job) => {
        if (!isFirst) await writer.client.waitForWrite({ deadlineMs, signal });
        isFirst = false;
        await writeGroup(writer, [job], { ...context, signal });
      });
    });
  };

  const runNext = async (): Promise<void> => {
    const deadlineMs = Math.min(
      now() + GROUP_MS,
      Math.max(...queue.map(({ context }) => context.deadlineMs ?? Number.POSITIVE_INFINITY)),
    );
    // All waiting happens before the group is taken, so that deliveries that arrive meanwhile belong to it.
    await writer.client.waitForReadAndWrite({ deadlineMs });
    await waitForReturning();
    dropLeft();
    const [first] = queue;
    if (first === undefined) return;
    if (first.kind === 'alone') {
      queue.shift();
      await runAlone(first).catch((error: unknown) => first.fail(error));
      return;
    }
    const jobs = takeGroup(queue);
    await locked({ deadlineMs }, (context) => writeGroup(writer, jobs, context)).catch((error: unknown) => {
      for (const job of jobs) job.fail(error);
    });
    former.set({ size: jobs.length, endedMs: now() });
  };

  const run = async (): Promise<void> => {
    isRunning = true;
    try {
      while (queue.length > 0) await runNext();
    } catch (error) {
      for (const turn of queue.splice(0)) failTurn(turn, error);
    } finally {
      isRunning = false;
      onIdle();
    }
  };

  return {
    add(turn: Turn): void {
      queue.push(turn);
      if (!isRunning) run().catch(() => undefined);
    },
  };
};
