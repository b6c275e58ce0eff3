import { CourierError } from '../../errors.ts';
import type { RetryingTransport } from '../../google/transport.ts';
import type { Log } from '../../log.ts';
import { rowsRange } from '../a1.ts';
import { type Change, type Part, type Placement, planChange } from './changes.ts';
import type { SheetsClient } from '../client.ts';
import { newTabOf } from './new-tab.ts';
import { MARK_KEY, marksOf, marksToRemove, metadataList, roomForMarks, type StoredMark } from './marks.ts';
import { checkUntilFresh, MAX_LOOK_AGE_MS } from '../../look-age.ts';
import type { SheetsContext } from '../sheets.ts';
import { dropSuperseded, type Supersedable } from './superseded-jobs.ts';
import type { Sizes } from '../size.ts';
import { readSnapshot, type Tab, type TabHint } from '../read/snapshot.ts';

/** A part that waits for its outcome. */
export interface Job extends Part, Supersedable {
  tab: string | undefined;
  /** Default: rows are appended. */
  prepare?: Prepare | undefined;
  /** Until it has an outcome. */
  isOpen(): boolean;
  done(placed: Placement & { isRepeated: boolean }): void;
}

/**
 * Prepares one change for jobs, and answers those that need none.
 * @returns undefined if none is left; as `later`, the jobs for whose marks the spreadsheet has no room now
 */
export type Prepare = (
  writer: GroupWriter,
  jobs: readonly Job[],
  context: SheetsContext,
) => Promise<{ change: Change; jobs: Job[]; later?: Job[] } | undefined>;

export interface GroupWriter {
  client: SheetsClient;
  again: RetryingTransport['again'];
  spreadsheetId: string;
  hints: {
    get(tab: string | undefined): TabHint | undefined;
    set(tab: string | undefined, hint: TabHint | undefined): void;
  };
  sizes: Sizes;
  isFinished(key: string): boolean;
  /** How long the ledger keeps an entry, in milliseconds. */
  ledgerMs: number;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
  /** False only in tests that show what happens without marks. */
  withMarks: boolean;
}

const SHEETS_URL = 'https://sheets.googleapis.com/';

/** A refusal may come from a snapshot that is out of date, or from a mark that exists. */
const MAX_REFUSALS = 2;

/** Every mark of the courier in a spreadsheet. */
export const searchMarks = async (
  { client, spreadsheetId }: Pick<GroupWriter, 'client' | 'spreadsheetId'>,
  context: SheetsContext,
): Promise<StoredMark[]> => {
  const answer = await client.searchMetadata(spreadsheetId, MARK_KEY, context);
  const { matchedDeveloperMetadata = [] } = answer as {
    matchedDeveloperMetadata?: { developerMetadata?: unknown }[];
  };
  return marksOf(metadataList.parse(matchedDeveloperMetadata.map(({ developerMetadata }) => developerMetadata)));
};

/** What a mark's tab is called now. */
interface TitledTab {
  tab: Pick<Tab, 'sheetId' | 'title'> | undefined;
}

/** The place of a part that an earlier try has written. */
const placedBefore = (mark: StoredMark, { tab }: TitledTab): Placement & { isRepeated: true } => {
  const title = tab?.sheetId === mark.sheetId ? tab.title : undefined;
  return {
    mark,
    tab: title ?? '',
    range: title === undefined ? '' : rowsRange(title, mark.startRow, mark.rows, mark.width),
    columnsAdded: [],
    isRepeated: true,
  };
};

/** Answers the jobs whose marks exist, and returns the others. */
export const answerMarked = (
  jobs: readonly Job[],
  marks: readonly StoredMark[],
  titled: TitledTab,
  { changes }: SheetsContext,
): Job[] =>
  jobs.filter((job) => {
    const mark = marks.find(({ key, batch }) => key === job.key && batch === job.batch.index);
    if (mark === undefined) return true;
    changes?.marked(job);
    job.done(placedBefore(mark, titled));
    return false;
  });

const failAll = (jobs: readonly Job[], error: unknown): void => {
  for (const job of jobs) job.fail(error);
};

/** Marks of deliveries that are still in progress use all that Sheets allows. They can be removed within minutes. */
const noRoom = (): CourierError =>
  new CourierError('drive-unavailable', {
    detail: "There is no room for another mark in the spreadsheet's developer metadata.",
    retryAfterSeconds: 60,
  });

/**
 * Looks at the tab, and plans one change that appends rows to what it has now.
 * @param isFirst false: the marks of the jobs were searched for before, and the size of the spreadsheet was checked
 */
const lookAndPlan = async (
  writer: GroupWriter,
  jobs: readonly Job[],
  { isFirst, seen }: { isFirst: boolean; seen(): void },
  context: SheetsContext,
): ReturnType<Prepare> => {
  const { client, spreadsheetId, hints, now, withMarks } = writer;
  const title = jobs[0]?.tab;
  const snapshot = await readSnapshot(client, spreadsheetId, { title, hint: hints.get(title) }, context);
  seen();
  // Even a first try may have been overtaken by a copy of itself while it waited.
  const unseen = withMarks ? answerMarked(jobs, snapshot.marks, snapshot, context) : [...jobs];
  const mustSearch = withMarks && isFirst && unseen.some(({ mayBeDone }) => mayBeDone);
  const unmarked = mustSearch ? answerMarked(unseen, await searchMarks(writer, context), snapshot, context) : unseen;
  const left = withMarks ? await dropSuperseded(unmarked, now()) : unmarked;
  if (left.length === 0) return undefined;
  const removed = marksToRemove(snapshot.marks, writer);
  const kept = snapshot.marks.filter((mark) => !removed.includes(mark));
  const room = roomForMarks(kept, snapshot.foreign);
  if (room === 0) throw noRoom();
  // Half of it, so that other instances find room as well before this one can remove its marks.
  const most = Math.ceil(room / 2);
  const [fitting, later] = [left.slice(0, most), left.slice(most)];
  const change = planChange(snapshot, fitting, {
    ...{ newTabOf: newTabOf(title ?? '', snapshot.sheetIds), nowMs: now(), removed },
  });
  const remaining: Job[] = [];
  for (const job of fitting) {
    const error = change.failed.get(job);
    if (error === undefined) remaining.push(job);
    else job.fail(error);
  }
  if (remaining.length === 0) return later.length === 0 ? undefined : { change, jobs: [], later };
  if (isFirst) await writer.sizes.check(spreadsheetId, change.growth, context);
  return { change, jobs: remaining, later };
};

/**
 * Prepares one change that appends rows. If what follows the look took long, the tab is looked at again: people may have moved
 * its columns.
 */
const prepareAppend: Prepare = async (writer, jobs, context) => {
  let prepared: Awaited<ReturnType<Prepare>>;
  await checkUntilFresh({ now: writer.now, maxAgeMs: MAX_LOOK_AGE_MS }, async (seen) => {
    const isFirst = prepared === undefined;
    const open = jobs.filter((job) => job.isOpen());
    prepared = await lookAndPlan(writer, open, { isFirst, seen }, context);
    return prepared === undefined ? 'nothing to write' : undefined;
  });
  return prepared;
};

const withoutMarks = ({ requests }: Change): Change['requests'] =>
  requests.filter((request) => !('createDeveloperMetadata' in request));

/** Prepares one change for jobs; `each` if each of them is to be tried alone, because some may fit without the others. */
const prepareGroup = async (
  writer: GroupWriter,
  jobs: readonly Job[],
  context: SheetsContext,
): Promise<Awaited<ReturnType<Prepare>> | 'each'> => {
  const prepare = jobs[0]?.prepare ?? prepareAppend;
  return prepare(writer, jobs, context).catch((error: unknown) => {
    if (jobs.length > 1 && error instanceof CourierError && error.code === 'sheet-full') return 'each' as const;
    throw error;
  });
};

/** Records the state of the tab after a change, and answers the jobs. */
const answerApplied = (writer: GroupWriter, change: Change, jobs: readonly Job[]): void => {
  writer.hints.set(jobs[0]?.tab, { sheetId: change.sheetId, usedRows: change.usedRows });
  writer.sizes.grown(writer.spreadsheetId, change.growth);
  for (const job of jobs) {
    const placed = change.placed.get(job);
    if (placed !== undefined) job.done({ ...placed, isRepeated: false });
  }
};

/**
 * Writes the parts of several jobs with one change, and answers each job. If Sheets refuses the change, each part is tried
 * alone; if its answer is lost, the marks show whether it was applied.
 * @returns the jobs for whose marks the change had no room
 */
const writeOnce = async (writer: GroupWriter, group: readonly Job[], context: SheetsContext): Promise<Job[]> => {
  const { client, spreadsheetId, again, withMarks } = writer;
  const later: Job[] = [];
  let jobs: readonly Job[] = group;
  let refusals = 0;
  let hasNewToken = false;
  for (let attempt = 1; ; attempt += hasNewToken ? 0 : 1) {
    const token = await client.tokenForChange();
    const prepared = await prepareGroup(writer, jobs, context);
    // The look that the change is planned from shows what became of the change before.
    context.changes?.looked();
    if (prepared === undefined) return later;
    if (prepared === 'each') {
      await writeEach(writer, jobs, context);
      return later;
    }
    ({ jobs } = prepared);
    later.push(...(prepared.later ?? []));
    if (jobs.length === 0) return later;
    const { change } = prepared;
    const requests = withMarks ? change.requests : withoutMarks(change);
    const sent = jobs;
    const onSend = () => context.changes?.onSend(sent);
    const result = await client.change(spreadsheetId, { requests, token, onSend }, context);
    if (result.kind === 'applied') {
      for (const job of sent) context.changes?.marked(job);
      answerApplied(writer, change, sent);
      return later;
    }
    const { kind, error } = result;
    writer.log.debug({ spreadsheetId, kind, error }, 'rows were not appended yet');
    jobs = jobs.map((job) => Object.assign(job, { mayBeDone: true }));
    // As for any other call, one new token is tried, and that says nothing about the rows.
    if (kind === 'token-rejected' && hasNewToken) throw error;
    hasNewToken = kind === 'token-rejected';
    if (kind === 'refused' && !error.retryable) {
      writer.hints.set(group[0]?.tab, undefined);
      refusals += 1;
    } else if (!hasNewToken && !(await again({ url: SHEETS_URL, attempt, ...context }))) throw error;
    if (refusals === MAX_REFUSALS) {
      if (jobs.length === 1) failAll(jobs, error);
      else await writeEach(writer, jobs, context);
      return later;
    }
    await client.waitForWrite(context);
  }
};

/** Writes one change for each job, so that the failure of one does not affect the others. */
const writeEach = async (writer: GroupWriter, jobs: readonly Job[], context: SheetsContext): Promise<void> => {
  for (const job of jobs) {
    await writer.client.waitForWrite(context);
    await writeGroup(writer, [job], context).catch((error: unknown) => job.fail(error));
  }
};

/** Google counts by the minute. Retries by the usual policy end sooner, and all callers of a group would try again at once. */
const RATE_LIMIT_PAUSE_SECONDS = 15;

const isRateLimit = (error: unknown): boolean => error instanceof CourierError && error.code === 'drive-rate-limited';

/**
 * Writes the parts of several jobs with one change, or with more if there is no room for all of their marks at once. While
 * Google refuses calls because of its quota, they wait.
 */
export const writeGroup = async (writer: GroupWriter, group: readonly Job[], context: SheetsContext): Promise<void> => {
  const response = { status: 429, headers: { 'retry-after': String(RATE_LIMIT_PAUSE_SECONDS) } };
  let jobs = group;
  for (let pauses = 0; jobs.length > 0; ) {
    try {
      jobs = await writeOnce(writer, jobs, context);
    } catch (error) {
      jobs = jobs.filter((job) => job.isOpen());
      pauses += 1;
      const failure = { url: SHEETS_URL, attempt: pauses, response, ...context };
      if (!isRateLimit(error) || !(await writer.again(failure))) throw error;
    }
    if (jobs.length > 0) await writer.client.waitForWrite(context);
  }
};
