import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Bearer } from '../../bearer.ts';
import type { QueryConfig } from '../../config/schema/queries.ts';
import { CourierError } from '../../errors.ts';
import type { GoogleRequest, GoogleResponse, GoogleTransport } from '../../google/transport.ts';
import { parseAnswer } from '../parse-answer.ts';
import type { QueryParameter } from './parameters.ts';
import { queryError, reasonOf } from './query-errors.ts';

/** The bearer token is that of the runtime identity. */
export interface BigQueryDependencies extends Bearer {
  transport: GoogleTransport;
  /** The courier's own project. @throws CourierError if it is not known */
  project(): Promise<string>;
  /** Epoch milliseconds. */
  now: () => number;
}

/** What is run, where, and up to which cost. */
export type JobConfig = Pick<
  QueryConfig,
  'sql' | 'project' | 'location' | 'maximumBytesBilled' | 'timeoutSeconds' | 'staging'
>;

/** One query with its values. */
export interface QueryRun {
  /** Its name in the configuration, or the statement that reads a table. */
  name: string;
  config: JobConfig;
  parameters: readonly QueryParameter[];
  /** Jobs of the same run have ids that begin with this. */
  jobPrefix: string;
  signal: AbortSignal;
  /** Epoch milliseconds after which the job is left running, for a later try to find. */
  waitUntilMs: number;
  /** Called with each job of the run, also with one that fails or is left running. */
  onJob?: ((job: Job) => void) | undefined;
}

export interface Job {
  project: string;
  location: string;
  id: string;
  /** Known once the job is done. */
  bytesBilled?: number;
  /** Where the result is; a script has none. */
  resultTable?: TableReference | undefined;
}

/** As in the REST API. */
export interface TableReference {
  projectId: string;
  datasetId: string;
  tableId: string;
}

const ORIGIN = 'https://bigquery.googleapis.com/bigquery/v2';

/** Each failed job of a run costs a later try one request. */
const MAX_ATTEMPTS = 30;

const POLL_MS = 10_000;

/** The same key, query and values give the same id: letters, digits and dashes, up to 1,024. */
export const jobPrefixOf = (parts: readonly unknown[]): string =>
  `courier_${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40)}`;

const jobSchema = z.object({
  configuration: z
    .object({
      query: z
        .object({
          destinationTable: z.object({ projectId: z.string(), datasetId: z.string(), tableId: z.string() }).optional(),
        })
        .default({}),
    })
    .default({ query: {} }),
  status: z.object({ state: z.string(), errorResult: z.object({ reason: z.string().catch('') }).optional() }),
  statistics: z
    .object({ query: z.object({ totalBytesBilled: z.string().default('0') }).default({ totalBytesBilled: '0' }) })
    .default({ query: { totalBytesBilled: '0' } }),
});

export const parsed = <Output>(schema: z.ZodType<Output>, { body }: GoogleResponse): Output =>
  parseAnswer('BigQuery', () => schema.parse(JSON.parse(body.toString())));

/** Sends a call of BigQuery's API. Ids of jobs are chosen here, so each call may be repeated. */
export const callBigQuery = (
  { transport, token, rejected }: BigQueryDependencies,
  request: Pick<GoogleRequest, 'operation' | 'method' | 'signal'> & { path: string; body?: object },
): Promise<GoogleResponse> => {
  const { path, body, ...rest } = request;
  return transport.send({
    ...rest,
    url: `${ORIGIN}/${path}`,
    bearer: { token, rejected },
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) }),
    retry: 'idempotent',
  });
};

/** The configuration of the job, as `jobs.insert` takes it. */
const jobConfiguration = ({ config, parameters }: Pick<QueryRun, 'config' | 'parameters'>): object => ({
  query: {
    query: config.sql,
    useLegacySql: false,
    ...(parameters.length === 0 ? {} : { parameterMode: 'NAMED', queryParameters: parameters }),
    ...(config.maximumBytesBilled === null ? {} : { maximumBytesBilled: String(config.maximumBytesBilled) }),
  },
  labels: { 'started-by': 'drive-courier' },
  ...(config.timeoutSeconds === null ? {} : { jobTimeoutMs: String(config.timeoutSeconds * 1000) }),
});

/** A dry run of a query, which needs no id: it creates no job. */
export const dryRunRequest = (
  project: string,
  run: Pick<QueryRun, 'config' | 'parameters'>,
): Pick<GoogleRequest, 'operation' | 'method' | 'url' | 'body' | 'retry'> => {
  const jobReference = { projectId: project, location: run.config.location };
  return {
    operation: 'bigquery.jobs.insert.dryRun',
    method: 'POST',
    url: `${ORIGIN}/projects/${project}/jobs`,
    body: Buffer.from(JSON.stringify({ jobReference, configuration: { ...jobConfiguration(run), dryRun: true } })),
    retry: 'idempotent',
  };
};

const conflict = z.object({ error: z.object({ message: z.string() }) });

/**
 * True if the id belongs to a job of another location, such as one from before the `location` of the query was corrected. The
 * message is "Already Exists: Job PROJECT:LOCATION.ID" (https://github.com/googleapis/google-cloud-java/issues/2867).
 */
const isElsewhere = ({ body }: GoogleResponse, { location, id }: Job): boolean => {
  try {
    const { message } = conflict.parse(JSON.parse(body.toString())).error;
    const [, found] = /:([A-Za-z0-9-]+)\.\w+$/.exec(message.trim()) ?? [];
    return found !== undefined && message.includes(`.${id}`) && found.toLowerCase() !== location.toLowerCase();
  } catch {
    return false;
  }
};

/** Starts the job, or finds that an earlier try has started it. */
const insert = async (
  dependencies: BigQueryDependencies,
  run: QueryRun,
  job: Job,
): Promise<'started' | 'exists' | 'elsewhere'> => {
  const { project, location, id } = job;
  const answer = await callBigQuery(dependencies, {
    operation: 'bigquery.jobs.insert',
    method: 'POST',
    path: `projects/${project}/jobs`,
    body: { jobReference: { projectId: project, location, jobId: id }, configuration: jobConfiguration(run) },
    signal: run.signal,
  });
  if (answer.status === 200) return 'started';
  if (answer.status === 409) return isElsewhere(answer, job) ? 'elsewhere' : 'exists';
  throw queryError(run.name, reasonOf(answer), { ...dependencies, status: answer.status });
};

export const stillRunning = (name: string): CourierError =>
  new CourierError('google-unavailable', {
    reason: 'query-running',
    detail: `The query "${name}" is still running. A retry with the same key waits for the same job; the query is not run again.`,
  });

/**
 * Waits for the end of the job: `getQueryResults` without rows answers when the job is done, or after some seconds. Returns the
 * error of the answer, if there is one: the job has failed, or the courier has no permission to read its results.
 */
const waitForEnd = async (
  dependencies: BigQueryDependencies,
  run: QueryRun,
  job: Job,
): Promise<CourierError | undefined> => {
  const complete = z.object({ jobComplete: z.boolean() });
  for (;;) {
    const leftMs = run.waitUntilMs - dependencies.now();
    if (leftMs <= 0) throw stillRunning(run.name);
    const answer = await callBigQuery(dependencies, {
      operation: 'bigquery.jobs.getQueryResults',
      method: 'GET',
      path: resultsPath(job, { maxResults: 0, timeoutMs: Math.max(1, Math.min(POLL_MS, leftMs)) }),
      signal: run.signal,
    });
    if (answer.status !== 200)
      return queryError(run.name, reasonOf(answer), { ...dependencies, status: answer.status });
    if (parsed(complete, answer).jobComplete) return undefined;
  }
};

export const resultsPath = (
  { project, location, id }: Job,
  query: Readonly<Record<string, string | number | boolean>>,
): string => {
  const text = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `projects/${project}/queries/${id}?${[`location=${location}`, ...text].join('&')}`;
};

/** The job as it is now; `failed` with Google's reason. */
const stateOf = async (
  dependencies: BigQueryDependencies,
  run: QueryRun,
  job: Job,
): Promise<{ state: 'running' | 'done' } | { state: 'failed'; reason: string }> => {
  const answer = await callBigQuery(dependencies, {
    operation: 'bigquery.jobs.get',
    method: 'GET',
    path: `projects/${job.project}/jobs/${job.id}?location=${job.location}`,
    signal: run.signal,
  });
  // It exists: this call comes after its insertion.
  if (answer.status === 404)
    throw new CourierError('google-unavailable', { detail: `BigQuery does not know the job ${job.id} yet.` });
  if (answer.status !== 200) throw queryError(run.name, reasonOf(answer), { ...dependencies, status: answer.status });
  const { configuration, status, statistics } = parsed(jobSchema, answer);
  job.resultTable = configuration.query.destinationTable;
  if (status.state !== 'DONE') return { state: 'running' };
  job.bytesBilled = Number(statistics.query.totalBytesBilled);
  return status.errorResult === undefined ? { state: 'done' } : { state: 'failed', reason: status.errorResult.reason };
};

/** What became of one job: `reported` is false if no try has failed with this failure yet. */
type JobOutcome =
  | { kind: 'done' }
  | { kind: 'elsewhere' }
  | { kind: 'failed'; failure: CourierError; reported: boolean };

/**
 * Starts a job, or finds the one of an earlier try, and waits for its end.
 * @throws CourierError `google-unavailable` while the job is still running, also if its results cannot be waited for
 */
const completeJob = async (
  dependencies: BigQueryDependencies,
  run: QueryRun,
  job: Job,
  isUsable: (job: Job) => Promise<boolean>,
): Promise<JobOutcome> => {
  const found = await insert(dependencies, run, job);
  if (found === 'elsewhere') return { kind: 'elsewhere' };
  run.onJob?.(job);
  let current = found === 'exists' ? await stateOf(dependencies, run, job) : undefined;
  const reported = current !== undefined && current.state !== 'running';
  if (current === undefined || current.state === 'running') {
    const refusal = await waitForEnd(dependencies, run, job);
    current = await stateOf(dependencies, run, job);
    if (current.state === 'running') throw refusal ?? stillRunning(run.name);
  }
  if (current.state === 'done' && (await isUsable(job))) return { kind: 'done' };
  const failure = queryError(run.name, current.state === 'failed' ? current.reason : 'expired', dependencies);
  return { kind: 'failed', failure, reported };
};

/**
 * Runs a query once: the id of its job follows from the key, so a retry finds the job of an earlier try and its result. After a
 * job that has failed, or that ran in another location, the next one has a higher number. One call starts at most one job.
 * @param isUsable false for a job whose result has expired; it counts as failed
 * @throws CourierError `query-failed`, `query-forbidden`, `google-unavailable`, also while the job is still running
 */
export const runQuery = async (
  dependencies: BigQueryDependencies,
  run: QueryRun,
  isUsable: (job: Job) => Promise<boolean>,
): Promise<Job> => {
  const project = run.config.project ?? (await dependencies.project());
  let failure: CourierError | undefined;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const job: Job = { project, location: run.config.location, id: `${run.jobPrefix}_${attempt}` };
    const outcome = await completeJob(dependencies, run, job, isUsable);
    if (outcome.kind === 'done') return job;
    if (outcome.kind === 'elsewhere') continue;
    ({ failure } = outcome);
    // The next job is for the next try.
    if (!outcome.reported) throw failure;
  }
  throw failure ?? queryError(run.name, undefined);
};
