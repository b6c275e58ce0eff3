import { z } from 'zod';
import { realSleep } from '../../../sleep.ts';
import { unreadableAnswer } from '../../parse-answer.ts';
import {
  type BigQueryDependencies,
  callBigQuery,
  type Job,
  parsed,
  type QueryRun,
  stillRunning,
  type TableReference,
} from '../job.ts';
import { queryError, reasonOf } from '../query-errors.ts';

/** BigQuery has no call that waits for the end of an export job, so its state is polled. */
const POLLS_MS = [200, 500, 1_000, 2_000, 4_000];

const jobSchema = z.object({
  status: z.object({ state: z.string(), errorResult: z.object({ reason: z.string().catch('') }).optional() }),
  statistics: z.object({
    extract: z.object({ destinationUriFileCounts: z.array(z.coerce.number()).default([]) }).optional(),
  }),
});

/** The number of files, or Google's reason for the failure, which may be empty. */
type Extracted = { files: number } | { failure: string };

/** The id of the export job follows from that of the query's job, so a retry finds it. */
const extractIdOf = ({ id }: Job): string => `${id}_extract`;

/** Starts the job, or finds that an earlier try has started it. */
const insert = async (
  dependencies: BigQueryDependencies,
  run: QueryRun,
  job: Job,
  { table, uri }: { table: TableReference; uri: string },
): Promise<{ failure: string } | undefined> => {
  const { project, location } = job;
  const answer = await callBigQuery(dependencies, {
    operation: 'bigquery.jobs.insert',
    method: 'POST',
    path: `projects/${project}/jobs`,
    body: {
      jobReference: { projectId: project, location, jobId: extractIdOf(job) },
      configuration: {
        extract: {
          sourceTable: table,
          destinationUris: [uri],
          destinationFormat: 'AVRO',
          useAvroLogicalTypes: true,
          compression: 'DEFLATE',
        },
        labels: { 'started-by': 'drive-courier' },
      },
    },
    signal: run.signal,
  });
  if (answer.status === 200 || answer.status === 409) return undefined;
  const reason = reasonOf(answer);
  const refusal = queryError(run.name, reason, { status: answer.status });
  if (refusal.retryable) throw refusal;
  return { failure: reason ?? '' };
};

/** The result of an export job; undefined while it is running. */
const extractedBy = ({ status, statistics }: z.infer<typeof jobSchema>): Extracted | undefined => {
  if (status.state !== 'DONE') return undefined;
  if (status.errorResult !== undefined) return { failure: status.errorResult.reason };
  const [files] = statistics.extract?.destinationUriFileCounts ?? [];
  if (files === undefined) throw unreadableAnswer('BigQuery');
  return { files };
};

/**
 * Exports the result of a query to Cloud Storage once, and waits for the end of the job.
 * @throws CourierError `google-unavailable`, also while the job is still running; `query-forbidden`, `query-failed` if it cannot
 *   be read
 */
export const extractOnce = async (
  dependencies: BigQueryDependencies,
  run: QueryRun,
  job: Job,
  target: { table: TableReference; uri: string },
): Promise<Extracted> => {
  const refused = await insert(dependencies, run, job, target);
  if (refused !== undefined) return refused;
  for (let poll = 0; ; poll += 1) {
    const answer = await callBigQuery(dependencies, {
      operation: 'bigquery.jobs.get',
      method: 'GET',
      path: `projects/${job.project}/jobs/${extractIdOf(job)}?location=${job.location}`,
      signal: run.signal,
    });
    if (answer.status !== 200) throw queryError(run.name, reasonOf(answer), { ...dependencies, status: answer.status });
    const extracted = extractedBy(parsed(jobSchema, answer));
    if (extracted !== undefined) return extracted;
    if (dependencies.now() > run.waitUntilMs) throw stillRunning(run.name);
    await realSleep(POLLS_MS[Math.min(poll, POLLS_MS.length - 1)] ?? 0, run.signal);
  }
};
