import { z } from 'zod';
import { type BigQueryCall, type Method, pathParameter, requireOnProject } from '../call.ts';
import { BigQueryError, errorOfJob, notImplemented } from '../errors.ts';
import { runExtract } from '../jobs/extract-job.ts';
import { planQuery, type QueryConfiguration, queryConfiguration, runQuery } from '../jobs/query-job.ts';
import { cancelJob, checkNewId, findJob, jobResource, startJob, waitFor } from '../jobs/run.ts';
import type { JobRecord } from '../model.ts';
import type { BigQueryState } from '../state.ts';
import { resultsOf } from './results.ts';

const sentJob = z.object({
  jobReference: z
    .object({ jobId: z.string().optional(), location: z.string().optional(), projectId: z.string().optional() })
    .default({}),
  configuration: z.object({
    dryRun: z.boolean().default(false),
    query: queryConfiguration.optional(),
    extract: z.unknown().optional(),
    load: z.unknown().optional(),
    copy: z.unknown().optional(),
  }),
});

const newId = ({ context }: BigQueryState): string =>
  `job_${Array.from({ length: 27 }, () => Math.floor(context.random() * 36).toString(36)).join('')}`;

/** The location of a job: the requested one, otherwise that of the first table in its query. */
const locationFor = async (
  state: BigQueryState,
  { grant }: BigQueryCall,
  project: string,
  query: QueryConfiguration,
): Promise<string> => {
  try {
    return (await planQuery(state, grant, query, { project, location: undefined })).location;
  } catch {
    // The job itself reports what is wrong.
    return 'US';
  }
};

const newJob = (
  state: BigQueryState,
  call: BigQueryCall,
  job: Pick<JobRecord, 'project' | 'id' | 'location' | 'configuration'>,
): JobRecord => ({
  ...job,
  user: call.grant.email,
  createdMs: state.context.now(),
  state: 'PENDING',
  bytesProcessed: 0,
  bytesBilled: 0,
  referenced: [],
});

/** A dry run answers what the query would yield and process, and creates no job. */
const dryRun = async (
  state: BigQueryState,
  call: BigQueryCall,
  query: QueryConfiguration,
  { location, configuration }: { location: string | undefined; configuration: Record<string, unknown> },
): Promise<object> => {
  const project = pathParameter(call, 'projectId');
  const planned = await planQuery(state, call.grant, query, { project, location });
  const bytes = String(planned.bytesProcessed);
  return {
    kind: 'bigquery#job',
    configuration: { ...configuration, jobType: 'QUERY' },
    jobReference: { projectId: project, location: planned.location },
    statistics: {
      creationTime: String(state.context.now()),
      totalBytesProcessed: bytes,
      query: {
        totalBytesProcessed: bytes,
        totalBytesBilled: '0',
        cacheHit: false,
        statementType: 'SELECT',
        referencedTables: planned.tables.map((table) => ({
          projectId: table.project,
          datasetId: table.dataset,
          tableId: table.id,
        })),
        schema: { fields: planned.fields },
      },
    },
    status: { state: 'DONE' },
  };
};

/** @throws BigQueryError `accessDenied`, `duplicate`, `invalid` and, for a dry run, what is wrong with the query */
export const jobsInsert: Method = async (state, call) => {
  const project = pathParameter(call, 'projectId');
  requireOnProject(state, call.grant, 'bigquery.jobs.create', project);
  const body = await call.body();
  const parsed = sentJob.safeParse(body);
  if (!parsed.success) throw new BigQueryError('required', 'Required parameter is missing: query');
  const { jobReference, configuration } = parsed.data;
  const { query, extract, load, copy } = configuration;
  if (load !== undefined || copy !== undefined) throw notImplemented(load === undefined ? 'copy jobs' : 'load jobs');
  const sent = body.configuration as Record<string, unknown>;
  if (configuration.dryRun) {
    if (query === undefined) throw notImplemented('dry runs of extract jobs');
    return dryRun(state, call, query, { location: jobReference.location, configuration: sent });
  }
  if (query === undefined && extract === undefined)
    throw new BigQueryError('required', 'Required parameter is missing');
  const location =
    jobReference.location ?? (query === undefined ? 'US' : await locationFor(state, call, project, query));
  const job = newJob(state, call, { project, id: jobReference.jobId ?? newId(state), location, configuration: sent });
  checkNewId(state, job);
  startJob(state, job, (signal) =>
    query === undefined
      ? runExtract(state, call.grant, job, extract)
      : runQuery(state, call.grant, job, { configuration: query, signal }),
  );
  return jobResource(job);
};

const jobIn = (state: BigQueryState, call: BigQueryCall): JobRecord => {
  const project = pathParameter(call, 'projectId');
  const job = findJob(state, project, pathParameter(call, 'jobId'), call.parameters.text('location'));
  // The account that created a job may see it; others need a role such as roles/bigquery.admin on the project.
  if (job.user !== call.grant.email) requireOnProject(state, call.grant, 'bigquery.jobs.get', project);
  return job;
};

export const jobsGet: Method = (state, call) => jobResource(jobIn(state, call));

export const jobsCancel: Method = (state, call) => {
  const job = jobIn(state, call);
  cancelJob(state, job);
  return { kind: 'bigquery#jobCancelResponse', job: jobResource(job) };
};

export const jobsGetQueryResults: Method = async (state, call) => {
  const job = jobIn(state, call);
  await waitFor(state, job, call.parameters.number('timeoutMs') ?? 10_000);
  const head = { kind: 'bigquery#getQueryResultsResponse', jobReference: jobResourceReference(job) };
  if (job.state !== 'DONE') return { ...head, jobComplete: false };
  if (job.error !== undefined) throw errorOfJob(job.error);
  return { ...head, etag: String(job.endedMs), ...(await resultsOf(state, job, call.parameters)) };
};

const jobResourceReference = ({ project, id, location }: JobRecord) => ({ projectId: project, jobId: id, location });

const queryRequest = queryConfiguration.extend({
  dryRun: z.boolean().default(false),
  location: z.string().optional(),
  timeoutMs: z.number().default(10_000),
  maxResults: z.number().optional(),
  formatOptions: z.object({ useInt64Timestamp: z.boolean().default(false) }).default({ useInt64Timestamp: false }),
});

/** `jobs.query`: starts a job, and answers its first page if it ends in time. */
export const jobsQuery: Method = async (state, call) => {
  const project = pathParameter(call, 'projectId');
  requireOnProject(state, call.grant, 'bigquery.jobs.create', project);
  const body = await call.body();
  const parsed = queryRequest.safeParse(body);
  if (!parsed.success) throw new BigQueryError('required', 'Required parameter is missing: query');
  const { dryRun: isDryRun, location: wanted, timeoutMs, maxResults, formatOptions, ...query } = parsed.data;
  const planned = await planQuery(state, call.grant, query, { project, location: wanted });
  const kind = 'bigquery#queryResponse';
  if (isDryRun) {
    const totalBytesProcessed = String(planned.bytesProcessed);
    const jobReference = { projectId: project, location: planned.location };
    return {
      kind,
      jobReference,
      jobComplete: true,
      totalBytesProcessed,
      schema: { fields: planned.fields },
      cacheHit: false,
    };
  }
  const { query: sql, queryParameters, parameterMode, useLegacySql } = body;
  const configuration = { query: { query: sql, queryParameters, parameterMode, useLegacySql } };
  const job = newJob(state, call, { project, id: newId(state), location: planned.location, configuration });
  startJob(state, job, (signal) => runQuery(state, call.grant, job, { configuration: query, signal }));
  await waitFor(state, job, timeoutMs);
  const head = { kind, jobReference: jobResourceReference(job) };
  if (job.state !== 'DONE') return { ...head, jobComplete: false };
  if (job.error !== undefined) throw errorOfJob(job.error);
  const parameters = {
    text: () => undefined,
    flag: () => formatOptions.useInt64Timestamp,
    number: (name: string) => (name === 'maxResults' ? maxResults : undefined),
  };
  return { ...head, ...(await resultsOf(state, job, parameters)) };
};
