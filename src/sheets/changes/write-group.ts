import { CourierError } from '../../errors.ts';
import type { SheetsClient } from '../client.ts';
import type { SheetsContext } from '../sheets.ts';
import type { Change } from './changes.ts';
import type { GroupWriter, Job, Prepare } from './job.ts';
import { prepareAppend } from './prepare-append.ts';

const SHEETS_URL = 'https://sheets.googleapis.com/';

/** A refusal may come from a snapshot that is out of date, or from a mark that exists. */
const MAX_REFUSALS = 2;

const failAll = (jobs: readonly Job[], error: unknown): void => {
  for (const job of jobs) job.fail(error);
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

/** Google has not applied the change, or its answer is lost. */
type Failure = Exclude<Awaited<ReturnType<SheetsClient['change']>>, { kind: 'applied' }>;

/** Google refuses the change itself, and would refuse the same one again. */
const isRefusal = ({ kind, error }: Failure): boolean => kind === 'refused' && !error.retryable;

/** The result of one try: no work is left, the jobs must be tried one by one, or the change has failed. */
type Tried =
  | { kind: 'over'; later: readonly Job[] }
  | { kind: 'each' }
  | { kind: 'failed'; jobs: readonly Job[]; later: readonly Job[]; failure: Failure };

/** Plans one change from what the spreadsheet has now, sends it, and answers its jobs if it is applied. */
const tryChange = async (writer: GroupWriter, group: readonly Job[], context: SheetsContext): Promise<Tried> => {
  const { client, spreadsheetId, withMarks } = writer;
  const token = await client.tokenForChange();
  const prepared = await prepareGroup(writer, group, context);
  // The look that the change is planned from shows what became of the change before.
  context.changes?.looked();
  if (prepared === undefined) return { kind: 'over', later: [] };
  if (prepared === 'each') return { kind: 'each' };
  const { change, jobs, later = [] } = prepared;
  if (jobs.length === 0) return { kind: 'over', later };
  const requests = withMarks ? change.requests : withoutMarks(change);
  const onSend = () => context.changes?.onSend(jobs);
  const result = await client.change(spreadsheetId, { requests, token, onSend }, context);
  if (result.kind === 'applied') {
    for (const job of jobs) context.changes?.marked(job);
    answerApplied(writer, change, jobs);
    return { kind: 'over', later };
  }
  const { kind, error } = result;
  writer.log.debug({ spreadsheetId, kind, error }, 'rows were not appended yet');
  for (const job of jobs) job.mayBeDone = true;
  if (isRefusal(result)) writer.hints.set(group[0]?.tab, undefined);
  return { kind: 'failed', jobs, later, failure: result };
};

/** The changes of a group that have failed so far. */
interface Failures {
  /** The number of the next change, for the retry policy. */
  attempt: number;
  refusals: number;
  /** Google has rejected the token of the change before, so the next one has a new token. */
  hasNewToken: boolean;
}

/** What follows from a failure. Another try looks at the spreadsheet again. */
type Next =
  | { step: 'fail' }
  | { step: 'each' }
  /** `asksPolicy`: only if the retry policy agrees. */
  | { step: 'try-again'; asksPolicy: boolean; failures: Failures };

const afterFailure = (failure: Failure, { attempt, refusals, hasNewToken }: Failures): Next => {
  if (failure.kind === 'token-rejected') {
    // As for any other call, one new token is tried, and that says nothing about the rows.
    if (hasNewToken) return { step: 'fail' };
    return { step: 'try-again', asksPolicy: false, failures: { attempt, refusals, hasNewToken: true } };
  }
  const failures = { attempt: attempt + 1, refusals, hasNewToken: false };
  if (!isRefusal(failure)) return { step: 'try-again', asksPolicy: true, failures };
  if (refusals + 1 === MAX_REFUSALS) return { step: 'each' };
  return { step: 'try-again', asksPolicy: false, failures: { ...failures, refusals: refusals + 1 } };
};

/**
 * Writes the parts of several jobs with one change, and answers each job. If Sheets refuses the change, each part is tried
 * alone; if its answer is lost, the marks show whether it was applied.
 * @returns the jobs for whose marks the change had no room
 */
const writeOnce = async (writer: GroupWriter, group: readonly Job[], context: SheetsContext): Promise<Job[]> => {
  const later: Job[] = [];
  let jobs = group;
  let failures: Failures = { attempt: 1, refusals: 0, hasNewToken: false };
  for (;;) {
    const tried = await tryChange(writer, jobs, context);
    if (tried.kind === 'each') {
      await writeEach(writer, jobs, context);
      return later;
    }
    later.push(...tried.later);
    if (tried.kind === 'over') return later;
    ({ jobs } = tried);
    const { error } = tried.failure;
    const next = afterFailure(tried.failure, failures);
    if (next.step === 'fail') throw error;
    if (next.step === 'each') {
      await (jobs.length === 1 ? failAll(jobs, error) : writeEach(writer, jobs, context));
      return later;
    }
    if (next.asksPolicy && !(await writer.again({ url: SHEETS_URL, attempt: failures.attempt, ...context })))
      throw error;
    ({ failures } = next);
    await writer.client.waitForWrite(context);
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
