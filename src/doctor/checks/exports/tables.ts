import { z } from 'zod';
import { isTableName, tableOf } from '../../../config/schema/sources.ts';
import { asCourierError } from '../../../errors.ts';
import { dryRunRequest } from '../../../exports/bigquery/job.ts';
import { queryError, reasonOf } from '../../../exports/bigquery/query-errors.ts';
import type { DoctorDependencies } from '../../dependencies.ts';
import { onceEach } from '../../once-each.ts';
import { memberOf } from '../../remedies.ts';
import type { Fault } from '../../report.ts';

type TableDoctor = Pick<DoctorDependencies, 'config' | 'transport' | 'runtime' | 'project'>;

const located = z.object({ location: z.string() });

interface TableName {
  project: string;
  dataset: string;
  table: string;
}

const partsOf = (name: string): TableName => {
  const [table = '', dataset = '', ...project] = name.split('.').reverse();
  return { project: project.reverse().join('.'), dataset, table };
};

const missing = (name: string): Fault => ({
  result: 'failed',
  detail: `The table ${name} does not exist, or the courier has no permission to see it.`,
  remedy: 'Correct the name of the table under "sources" in the configuration.',
});

const unreadable = (name: string, { project, dataset, table }: TableName, runtime: string | undefined): Fault => ({
  result: 'failed',
  detail: `The courier cannot read the table ${name} (bigquery.tables.get, bigquery.tables.getData).`,
  remedy: `bq add-iam-policy-binding --member=${memberOf(runtime)} --role=roles/bigquery.dataViewer '${project}:${dataset}.${table}'`,
});

const withoutJobs = (project: string, runtime: string | undefined): Fault => ({
  result: 'failed',
  detail: `The courier cannot run BigQuery jobs in ${project} (bigquery.jobs.create), or cannot read a table that is listed.`,
  remedy: `gcloud projects add-iam-policy-binding ${project} --member=${memberOf(runtime)} --role=roles/bigquery.jobUser --condition=None`,
});

/**
 * Reads the metadata of a table, which needs one permission, then runs `SELECT *` as a dry run, which needs the others and
 * is free.
 */
const examineTable = async (
  { config, transport, runtime, project }: TableDoctor,
  name: string,
  { runtimeEmail, deadlineMs }: { runtimeEmail: string | undefined; deadlineMs: number },
): Promise<Fault[]> => {
  const parts = partsOf(name);
  try {
    const headers = { authorization: `Bearer ${await runtime.token()}`, 'content-type': 'application/json' };
    const path = `projects/${parts.project}/datasets/${parts.dataset}/tables/${encodeURIComponent(parts.table)}`;
    const found = await transport.send({
      operation: 'bigquery.tables.get',
      method: 'GET',
      url: `https://bigquery.googleapis.com/bigquery/v2/${path}`,
      headers,
      retry: 'idempotent',
      deadlineMs,
    });
    if (found.status === 404) return [missing(name)];
    const statement = `SELECT * FROM \`${name}\``;
    if (found.status !== 200) {
      const error = queryError(statement, reasonOf(found), { status: found.status, account: () => runtimeEmail });
      if (error.code === 'query-forbidden' && !error.hasOwnRemedy) return [unreadable(name, parts, runtimeEmail)];
      throw error;
    }
    const { location } = located.parse(JSON.parse(found.body.toString()));
    const payer = config.project ?? (await project());
    const job = {
      sql: statement,
      project: null,
      location,
      maximumBytesBilled: null,
      timeoutSeconds: null,
      staging: null,
    };
    const dry = await transport.send({
      ...dryRunRequest(payer, { config: job, parameters: [] }),
      headers,
      deadlineMs,
    });
    if (dry.status === 200) return [];
    const error = queryError(statement, reasonOf(dry), { status: dry.status, account: () => runtimeEmail });
    if (error.code === 'query-forbidden' && !error.hasOwnRemedy) return [withoutJobs(payer, runtimeEmail)];
    throw error;
  } catch (thrown) {
    const error = asCourierError(thrown);
    const detail = `The table ${name} could not be examined. ${error.detail ?? error.title}`;
    return [{ result: error.retryable ? 'warned' : 'failed', detail, remedy: error.remedy }];
  }
};

/**
 * Makes a function that finds what is wrong with the tables among some sources, each table once. A source that names a whole dataset
 * names no table, so it is not examined.
 */
export const createTableExaminer = (
  dependencies: TableDoctor,
  options: { runtimeEmail: string | undefined; deadlineMs: number },
): ((sources: readonly string[]) => Promise<Fault[]>) => {
  const examine = onceEach((name: string) => examineTable(dependencies, name, options));
  return async (sources) => {
    const names = sources.map(tableOf).filter(isTableName);
    return (await Promise.all(names.map(examine))).flat();
  };
};
