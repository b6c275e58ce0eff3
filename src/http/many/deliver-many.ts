import type { Caller, Delivery, DeliveryOptions, Outcome, Receipt, Source } from '../../domain.ts';
import { abortReason, asCourierError, CourierError } from '../../errors.ts';
import { realSleep } from '../../sleep.ts';
import { holderOf, type Slots } from '../capacity.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { type Problem, problemOf } from '../problem.ts';
import type { RequestTime } from '../request-context.ts';
import type { WriteLine } from './answer-lines.ts';

/** Names a file in its line: its entry in an archive, or its object in Cloud Storage. */
type Origin = { entry: string } | { object: string };

interface OneOfMany {
  options: DeliveryOptions;
  source: Source;
  idempotencyKey?: string | undefined;
}

/** What a request for many files finds. */
export type Found =
  | {
      kind: 'file';
      origin: Origin;
      /** True if the file must be delivered before the next one is looked for, because its bytes come in between. */
      isStream: boolean;
      open(time: RequestTime): Promise<OneOfMany>;
    }
  | { kind: 'fault'; origin: Origin; error: CourierError }
  /** An entry that is not delivered, such as a folder. */
  | { kind: 'ignored' };

/** The last line of the response. */
export interface Summary {
  /** Files with a receipt. */
  delivered: number;
  /** How many receipts had each outcome. */
  outcomes: Partial<Record<Outcome, number>>;
  /** Lines with a problem. */
  failed: number;
  /** Folders, placeholders of folders, and files that operating systems add to archives. */
  ignored: number;
  /** False if the request ended before everything was reached; `problem` has the reason. */
  complete: boolean;
  /** True if the same request may deliver more later. */
  retryable: boolean;
  problem?: Problem;
}

/** Deliveries of one request at the same time. Those beyond the first take slots, and wait while there is none. */
const MAX_CONCURRENT = 8;

/** The time that is reserved for the last lines, during which no further file is started: a twentieth, at most ten seconds. */
const reserveMs = (requestSeconds: number): number => Math.min(10_000, requestSeconds * 50);

interface ManyDependencies extends Pick<HttpDependencies, 'deliver' | 'now' | 'requestSeconds' | 'log'> {
  slots: Slots;
}

interface ManyRequest {
  caller: Caller;
  requestId: string;
  time: RequestTime;
  write: WriteLine;
}

/**
 * True for a limit that is over in seconds. It is checked before the file is opened, so the same delivery can be tried
 * again.
 */
const isPaced = (error: unknown): error is CourierError =>
  error instanceof CourierError &&
  error.code === 'caller-over-quota' &&
  (error.reason === 'concurrent' || error.reason === 'files-per-minute');

const emptySummary = (): Summary => ({
  delivered: 0,
  outcomes: {},
  failed: 0,
  ignored: 0,
  complete: true,
  retryable: false,
});

/** Runs work on the request's own slot, or on a further one; waits while there is none. */
const createPool = (slots: Slots, holder: string) => {
  const running = new Set<Promise<void>>();
  let isOwnSlotFree = true;

  const onOwnSlot = async (work: () => Promise<void>): Promise<void> => {
    isOwnSlotFree = false;
    try {
      await work();
    } finally {
      isOwnSlotFree = true;
    }
  };
  const start = (work: () => Promise<void>): Promise<void> | undefined => {
    if (isOwnSlotFree) return onOwnSlot(work);
    let hasSlot = false;
    const held = slots.hold(holder, () => {
      hasSlot = true;
      return work();
    });
    if (hasSlot) return held;
    // Without a slot the work is not called, and the promise is rejected as `busy`.
    held.catch(() => undefined);
    return undefined;
  };

  return {
    /** Resolves when the work has started. The work must not throw. */
    async begin(work: () => Promise<void>): Promise<{ done: Promise<void> }> {
      for (;;) {
        const done = running.size < MAX_CONCURRENT ? start(work) : undefined;
        if (done !== undefined) {
          running.add(done);
          void done.then(() => running.delete(done));
          return { done };
        }
        await Promise.race(running);
      }
    },
    async end(): Promise<void> {
      await Promise.all(running);
    },
  };
};

/**
 * Delivers many files for one request, several at a time, and writes a receipt or a problem for each and a summary at the
 * end. A file that fails does not stop the others. Shortly before the deadline of the request, no further file is started,
 * and the summary says that the same request may be sent again.
 * @param found what to deliver, as it is found; an error that it throws ends the request
 * @throws what `found` throws before the first file, so that it becomes an ordinary problem document
 */
export const deliverMany = async (
  { slots, deliver, now, requestSeconds, log }: ManyDependencies,
  { caller, requestId, time, write }: ManyRequest,
  found: AsyncIterable<Found>,
): Promise<void> => {
  const summary = emptySummary();
  const pool = createPool(slots, holderOf.caller(caller));
  const deadlineMs = time.deadlineMs - reserveMs(requestSeconds);
  let lines = 0;

  const writeProblem = (error: CourierError, origin: Origin): Promise<void> => {
    summary.failed += 1;
    summary.retryable ||= error.retryable;
    lines += 1;
    return write({ ...problemOf(error, requestId), ...origin });
  };
  const waitMsOf = (error: unknown): number =>
    isPaced(error) ? (error.retryAfterSeconds ?? 1) * 1_000 : Number.POSITIVE_INFINITY;
  /** Delivers a file, and waits while the limits of the caller leave no room: a request must not exceed its own limits. */
  const deliverWithinLimits = async (delivery: Delivery): Promise<Receipt> => {
    for (;;) {
      // Decided by the time of this try, so that the limits and this function get the same answer.
      const triedAtMs = now();
      const isTriedAgain = (error: unknown): boolean =>
        !time.signal.aborted && triedAtMs + waitMsOf(error) < deadlineMs;
      try {
        return await deliver({ ...delivery, isTriedAgain });
      } catch (error) {
        if (!isTriedAgain(error)) throw error;
        // If the request ends meanwhile, the delivery fails at its next try, which is audited.
        await realSleep(waitMsOf(error), time.signal).catch(() => undefined);
      }
    }
  };
  const deliverOne = async ({ origin, open }: Found & { kind: 'file' }): Promise<void> => {
    try {
      const opened = await open(time);
      const receipt = await deliverWithinLimits({ ...opened, caller, requestId, signal: time.signal, deadlineMs });
      summary.delivered += 1;
      summary.outcomes[receipt.outcome] = (summary.outcomes[receipt.outcome] ?? 0) + 1;
      lines += 1;
      await write({ ...receipt, ...origin });
    } catch (thrown) {
      await writeProblem(time.signal.aborted ? abortReason(time.signal) : asCourierError(thrown), origin);
    }
  };
  const isOver = (): boolean => time.signal.aborted || now() >= deadlineMs;
  const timeUp = (): CourierError =>
    time.signal.aborted
      ? abortReason(time.signal)
      : new CourierError('drive-unavailable', {
          detail: 'The time limit of the request is reached. The remaining files were not delivered.',
          remedy: 'Send the same request again. With the same Idempotency-Key, files that were delivered are replayed.',
        });
  const handle = async (one: Found): Promise<void> => {
    if (one.kind === 'ignored') summary.ignored += 1;
    else if (one.kind === 'fault') await writeProblem(one.error, one.origin);
    else {
      const { done } = await pool.begin(() => deliverOne(one));
      if (one.isStream) await done;
    }
  };

  let failure: CourierError | undefined;
  try {
    for await (const one of found) {
      if (isOver()) throw timeUp();
      await handle(one);
    }
  } catch (thrown) {
    failure = time.signal.aborted ? abortReason(time.signal) : asCourierError(thrown);
  }
  await pool.end();
  if (failure !== undefined && lines === 0) throw failure;
  if (failure !== undefined) {
    summary.complete = false;
    summary.retryable ||= failure.retryable;
    summary.problem = problemOf(failure, requestId);
  }
  log.info({ requestId, summary: { ...summary, problem: failure?.code } }, 'many files were delivered');
  await write({ summary });
};
