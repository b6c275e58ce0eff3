import { LRUCache } from 'lru-cache';
import type { DriveAuth } from '../credentials/drive-auth.ts';
import type { Pace } from '../drive/pacing.ts';
import { abortReason, CourierError } from '../errors.ts';
import type { RetryingTransport } from '../google/transport.ts';
import type { Log } from '../log.ts';
import { realSleep, type Sleep } from '../sleep.ts';
import type { Clocks } from '../steady-clock.ts';
import { partsOfRange } from './a1.ts';
import type { Placement } from './changes/changes.ts';
import { createSheetsClient } from './client.ts';
import { paceByMinute } from './minute-pace.ts';
import { readOverview } from './read/overview.ts';
import { createQueue, type FormerGroup, type SheetLock } from './changes/queue.ts';
import { type Batch, MAX_CHANGE_BYTES } from './rows/batches.ts';
import { invalidTable } from './rows/table.ts';
import type { AppendRequest, Sheets, SheetsContext, WrittenRows } from './sheets.ts';
import { createSizes } from './size.ts';
import type { TabHint } from './read/snapshot.ts';
import { MAX_ANSWER_AGE_MS } from './changes/superseded-jobs.ts';
import type { Job, Prepare } from './changes/job.ts';
import { marksOfLost, searchMarks } from './changes/earlier-rows.ts';

/** Requests a minute and user, for reads and for writes each (https://developers.google.com/workspace/sheets/api/limits). */
const REQUESTS_PER_MINUTE = 60;

/** Longer than a try relies on what the ledger has answered it, in milliseconds. */
const LEAVE_MS = MAX_ANSWER_AGE_MS + 250;

const MAX_KNOWN = 1_000;
const MAX_FINISHED = 10_000;

export interface SheetsDependencies extends Clocks {
  transport: RetryingTransport;
  auth: DriveAuth;
  /** Each adapts to what others spend of the same quota. */
  createPace(unitsPerMinute: number): Pace;
  /** Of the account, for reads and for writes each. Default: Google's. */
  requestsPerMinute?: number | undefined;
  /** Waits for the lock of a spreadsheet, which one instance holds at a time. */
  lock(spreadsheetId: string, context: SheetsContext): Promise<SheetLock>;
  /** How long the ledger keeps an entry, in milliseconds. */
  ledgerMs: number;
  /** Default: real time. */
  sleep?: Sleep;
  log: Log;
  /** False only in tests that show what happens without marks. */
  withMarks?: boolean;
}

type Answer = Placement & { isRepeated: boolean };

const reused = (): CourierError =>
  new CourierError('idempotency-key-reused', { detail: 'The key was first used with other rows.' });

const tooLarge = (): CourierError =>
  new CourierError('too-large', {
    detail: `The rows take more than ${MAX_CHANGE_BYTES} bytes in one request to Google Sheets, and only one request replaces them all at once.`,
    remedy:
      'Send fewer rows or columns, or append them (onConflict=append), or send them as another sheet with onConflict=new.',
  });

/** The outcome of all batches as one. */
const combined = (spreadsheetId: string, answers: readonly Answer[]): WrittenRows => {
  const written = answers.filter(({ mark }) => mark.rows > 0);
  const shown = written.length === 0 ? answers.slice(0, 1) : written;
  const last = shown.at(-1);
  if (last === undefined) throw new Error('rows have at least one batch');
  return {
    spreadsheetId,
    sheetId: last.mark.sheetId,
    tab: last.tab,
    range: rangesOf(shown).join(','),
    rows: answers.reduce((sum, { mark }) => sum + mark.rows, 0),
    columnsAdded: answers.flatMap(({ columnsAdded }) => columnsAdded),
    isRepeated: answers.every(({ isRepeated }) => isRepeated),
  };
};

/**
 * Ranges that follow each other become one. Those of one tab have its last name. Rows whose tab a person has deleted, perhaps
 * while a retry looked for them, have none.
 */
const rangesOf = (answers: readonly Answer[]): string[] => {
  const tabOf = ({ mark }: Answer): string =>
    partsOfRange(answers.findLast((other) => other.mark.sheetId === mark.sheetId)?.range ?? '').tab;
  const ranges: { first: Answer; last: Answer }[] = [];
  for (const answer of answers) {
    if (answer.range === '' || tabOf(answer) === '') continue;
    const open = ranges.at(-1);
    const isNext =
      open !== undefined &&
      open.last.mark.sheetId === answer.mark.sheetId &&
      open.last.mark.startRow + open.last.mark.rows === answer.mark.startRow;
    if (isNext && open !== undefined) open.last = answer;
    else ranges.push({ first: answer, last: answer });
  }
  return ranges.map(({ first, last }) => {
    const { first: start } = partsOfRange(first.range);
    const { last: end } = partsOfRange(last.range);
    const tab = tabOf(last);
    return start === end ? `${tab}${start}` : `${tab}${start}:${end}`;
  });
};

export const createSheets = ({
  transport,
  auth,
  createPace,
  requestsPerMinute = REQUESTS_PER_MINUTE,
  lock,
  ledgerMs,
  now,
  wall,
  sleep = realSleep,
  log,
  withMarks = true,
}: SheetsDependencies): Sheets => {
  const pace = (): Pace => paceByMinute(createPace(requestsPerMinute), { now, sleep, requestsPerMinute });
  const client = createSheetsClient({ transport, auth, reads: pace(), writes: pace() });
  const sizes = createSizes(client, now);
  const queues = new Map<string, ReturnType<typeof createQueue>>();
  const hints = new LRUCache<string, TabHint>({ max: MAX_KNOWN });
  const finished = new LRUCache<string, true>({ max: MAX_FINISHED });
  const groups = new LRUCache<string, FormerGroup>({ max: MAX_KNOWN });

  const queueOf = (spreadsheetId: string): ReturnType<typeof createQueue> => {
    const known = queues.get(spreadsheetId);
    if (known !== undefined) return known;
    const keyOf = (tab: string | undefined): string => JSON.stringify([spreadsheetId, tab ?? null]);
    const writer = {
      ...{ client, again: transport.again, spreadsheetId, sizes, ledgerMs, now, wall, log, withMarks },
      isFinished: (key: string) => finished.has(key),
      hints: {
        get: (tab: string | undefined) => hints.get(keyOf(tab)),
        set(tab: string | undefined, hint: TabHint | undefined) {
          if (hint === undefined) hints.delete(keyOf(tab));
          else hints.set(keyOf(tab), hint);
        },
      },
    };
    const former = {
      get: () => groups.get(spreadsheetId),
      set: (group: FormerGroup) => void groups.set(spreadsheetId, group),
    };
    const queue = createQueue({ writer, lock: (context) => lock(spreadsheetId, context), former, now, sleep }, () =>
      queues.delete(spreadsheetId),
    );
    queues.set(spreadsheetId, queue);
    return queue;
  };

  /** A job for a batch, and the promise of its outcome. */
  const jobOf = (
    { key, columns, tab, mayBeDone, isSuperseded, askedAtMs = now }: AppendRequest,
    batch: Batch,
    { prepare, after }: Pick<Job, 'prepare' | 'after'> = {},
  ) => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    promise.catch(() => undefined);
    let isOpen = true;
    const fail = (error: unknown): void => {
      isOpen = false;
      reject(error);
    };
    const done = (answer: Answer): void => {
      isOpen = false;
      if (answer.mark.digest === batch.digest) resolve(answer);
      else reject(reused());
    };
    const asked = { batch, key, columns, tab, after, mayBeDone, isSuperseded, prepare };
    const job: Job = { ...asked, askedAtMs: askedAtMs(), isOpen: () => isOpen, done, fail };
    return { job, promise };
  };

  const appendOne = async (request: AppendRequest, batch: Batch): Promise<Answer> => {
    const { job, promise } = jobOf(request, batch);
    queueOf(request.spreadsheetId).add({ kind: 'part', job, context: request.context });
    return promise;
  };

  /** Several batches, in one piece: nobody else appends in between. */
  const writeAll = (request: AppendRequest, first: Batch, prepare?: Prepare): Promise<Answer[]> => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer[]>();
    const answers: Answer[] = [];
    const { context, batches } = request;
    const run = async (write: (job: Job) => Promise<void>): Promise<void> => {
      let { mayBeDone } = request;
      for (let batch: Batch | undefined = first; batch !== undefined; ) {
        // All rows go into one tab, whatever people do to the tabs meanwhile. An earlier version may have written into two, of
        // which people have deleted the last one.
        const former = answers.findLast(({ tab }) => tab !== '') ?? answers.at(-1);
        const after = former && { sheetId: former.mark.sheetId, title: former.tab };
        const { job, promise: written } = jobOf({ ...request, mayBeDone }, batch, { prepare, after });
        await write(job);
        const answer = await written;
        // What comes after a batch that was missing is missing too.
        mayBeDone &&= answer.isRepeated;
        answers.push(answer);
        const next: IteratorResult<Batch> = await batches.next();
        batch = next.done === true ? undefined : next.value;
      }
      resolve(answers);
    };
    queueOf(request.spreadsheetId).add({ kind: 'alone', run, fail: reject, context });
    return promise;
  };

  /** The caller may leave while others wait for the same change. */
  const unlessAborted = async <Result>(work: Promise<Result>, { signal }: SheetsContext): Promise<Result> => {
    if (signal === undefined) return work;
    work.catch(() => undefined);
    if (signal.aborted) throw abortReason(signal);
    const left = Promise.withResolvers<never>();
    const leave = (): void => left.reject(abortReason(signal));
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([work, left.promise]);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  };

  const isMarked: Sheets['isMarked'] = async (spreadsheetId, key, context) => {
    try {
      const marks = await searchMarks({ client, spreadsheetId }, context);
      const own = marks.filter((mark) => mark.key === key);
      if (own.length === 0 || own.some(({ isLast }) => isLast)) return own.length > 0;
      const { tabs } = await readOverview(client, spreadsheetId, context);
      return marksOfLost(own, tabs).length === 0;
    } catch (error) {
      if (error instanceof CourierError && error.code === 'folder-not-found') return undefined;
      throw error;
    }
  };

  return {
    async inspect(spreadsheetId, context) {
      const { tabs, cells } = await readOverview(client, spreadsheetId, context);
      return { tabs: tabs.length, cells };
    },
    async append(request) {
      const { batches, beforeWrite, spreadsheetId, context } = request;
      const { value: first, done } = await batches.next();
      if (done === true || first === undefined) throw invalidTable('There are no rows.');
      await beforeWrite?.();
      const work = first.isLast ? appendOne(request, first).then((one) => [one]) : writeAll(request, first);
      return combined(spreadsheetId, await unlessAborted(work, context));
    },
    async replace(request) {
      const { batches, spreadsheetId, context } = request;
      const { value: first, done } = await batches.next();
      if (done === true || first === undefined) throw invalidTable('There are no rows.');
      if (!first.isLast) throw tooLarge();
      const { prepareReplacement } = await import('./replace/prepare-replacement.ts');
      const work = writeAll({ ...request, columns: 'extend' }, first, prepareReplacement);
      return combined(spreadsheetId, await unlessAborted(work, context));
    },
    finished(_, key) {
      finished.set(key, true);
    },
    isMarked,
    async leave(spreadsheetId, key, note, context) {
      const held = await lock(spreadsheetId, context);
      try {
        const marked = await isMarked(spreadsheetId, key, context);
        if (marked === true) return true;
        held.check();
        if (held.signal.aborted) throw abortReason(held.signal);
        // Who waits for the lock and has asked the ledger before this note, asks again before it writes. Without an answer, the
        // note may be recorded as well.
        await note().finally(() => sleep(LEAVE_MS));
        return marked;
      } finally {
        await held.release();
      }
    },
  };
};
