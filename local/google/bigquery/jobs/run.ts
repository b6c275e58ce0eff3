import { once } from 'node:events';
import { BigQueryError } from '../errors.ts';
import type { JobRecord } from '../model.ts';
import type { BigQueryState } from '../state.ts';

/** Each location has its own jobs, but an id can be used only once in a project here. */
const keyOf = ({ project, id }: Pick<JobRecord, 'project' | 'id'>): string => `${project}.${id}`;

/** @throws BigQueryError `duplicate` if the id is taken, `invalid` if it is no id */
export const checkNewId = ({ store }: BigQueryState, job: Pick<JobRecord, 'project' | 'id' | 'location'>): void => {
  if (!/^[\w-]{1,1024}$/.test(job.id)) throw new BigQueryError('invalid', `Invalid job ID "${job.id}".`);
  const former = store.jobs.get(keyOf(job));
  if (former !== undefined)
    throw new BigQueryError('duplicate', `Already Exists: Job ${former.project}:${former.location}.${former.id}`);
};

/**
 * "The geographic location of the job. You must specify the location … except for US and EU" (docs/reference/rest/v2/jobs/get).
 * @throws BigQueryError `notFound`
 */
export const findJob = (
  { store }: BigQueryState,
  project: string,
  id: string,
  location: string | undefined,
): JobRecord => {
  const job = store.jobs.get(`${project}.${id}`);
  const isThere =
    location === undefined
      ? /^(?:US|EU)$/.test(job?.location ?? '')
      : job?.location.toLowerCase() === location.toLowerCase();
  if (job !== undefined && isThere) return job;
  throw new BigQueryError('notFound', `Not found: Job ${project}:${location === undefined ? '' : `${location}.`}${id}`);
};

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  if (ms <= 0 || signal.aborted) return;
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(), ms);
  await Promise.race([once(timer.signal, 'abort'), once(signal, 'abort')]);
  clearTimeout(timeout);
};

const STOPPED = { reason: 'stopped', message: 'Job execution was cancelled: User requested cancellation' };

/** Starts the work of a job. Its result or its error is in the record when it is DONE. */
export const startJob = (state: BigQueryState, job: JobRecord, work: (signal: AbortSignal) => Promise<void>): void => {
  const { context, store, settings } = state;
  const abort = new AbortController();
  store.jobs.set(keyOf(job), job);
  store.save();

  const run = async (): Promise<void> => {
    const startedMs = Date.now();
    job.state = 'RUNNING';
    job.startedMs = context.now();
    try {
      await work(abort.signal);
      await pause(settings.minMs - (Date.now() - startedMs), abort.signal);
      if (abort.signal.aborted) job.error = STOPPED;
    } catch (error) {
      const failure =
        error instanceof BigQueryError ? error.proto : { reason: 'jobInternalError', message: String(error) };
      job.error = abort.signal.aborted ? STOPPED : failure;
    }
    job.state = 'DONE';
    job.endedMs = context.now();
    state.running.delete(keyOf(job));
    store.save();
  };
  state.running.set(keyOf(job), { abort, done: run() });
};

/** Waits until the job is done, or the time limit is reached. */
export const waitFor = async (state: BigQueryState, job: JobRecord, timeoutMs: number): Promise<void> => {
  const done = state.running.get(keyOf(job))?.done;
  if (done === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([done, timeout]);
  clearTimeout(timer);
};

/** `jobs.cancel` asks for the cancellation, and does not wait for it. */
export const cancelJob = (state: BigQueryState, job: JobRecord): void => state.running.get(keyOf(job))?.abort.abort();

/** The `Job` resource. */
export const jobResource = (job: JobRecord): object => {
  const { project, id, location, user, configuration, createdMs, startedMs, endedMs, error, bytesProcessed } = job;
  const bytes = String(bytesProcessed);
  const isQuery = Object.hasOwn(configuration, 'query');
  const state = job.state;
  return {
    kind: 'bigquery#job',
    etag: `${createdMs}.${state}`,
    id: `${project}:${location}.${id}`,
    selfLink: `https://bigquery.googleapis.com/bigquery/v2/projects/${project}/jobs/${id}?location=${location}`,
    user_email: user,
    configuration: { ...configuration, jobType: isQuery ? 'QUERY' : 'EXTRACT' },
    jobReference: { projectId: project, jobId: id, location },
    statistics: {
      creationTime: String(createdMs),
      ...(startedMs === undefined ? {} : { startTime: String(startedMs) }),
      ...(endedMs === undefined ? {} : { endTime: String(endedMs), totalBytesProcessed: bytes }),
      ...(isQuery && endedMs !== undefined
        ? {
            query: {
              totalBytesProcessed: bytes,
              totalBytesBilled: String(job.bytesBilled),
              cacheHit: false,
              statementType: 'SELECT',
              ...(job.referenced.length === 0 ? {} : { referencedTables: job.referenced }),
            },
          }
        : {}),
      ...(job.fileCounts === undefined ? {} : { extract: { destinationUriFileCounts: job.fileCounts.map(String) } }),
    },
    status: { state, ...(error === undefined || state !== 'DONE' ? {} : { errorResult: error, errors: [error] }) },
  };
};
