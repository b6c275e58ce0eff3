import { CourierError } from '../../errors.ts';
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
