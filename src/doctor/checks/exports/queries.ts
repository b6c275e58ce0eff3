import { z } from 'zod';
import type { QueryConfig } from '../../../config/schema/queries.ts';
import { asCourierError, CourierError } from '../../../errors.ts';
import { dryRunRequest } from '../../../exports/bigquery/job.ts';
import { nullParameters } from '../../../exports/bigquery/parameters.ts';
import { queryError, reasonOf } from '../../../exports/bigquery/query-errors.ts';
import type { DoctorDependencies } from '../../dependencies.ts';
import { onceEach } from '../../once-each.ts';
import { memberOf } from '../../remedies.ts';
import { type Check, type Fault, fromFaults, passed } from '../../report.ts';
import { checkStaging } from './staging.ts';

type QueryDoctor = Pick<DoctorDependencies, 'config' | 'transport' | 'runtime' | 'project'>;

const dryRun = z.object({
  statistics: z.object({
    totalBytesProcessed: z.string().default('0'),
    query: z.object({
      schema: z.object({ fields: z.array(z.object({ name: z.string() })).default([]) }).default({ fields: [] }),
    }),
  }),
});

interface Examined {
  line: string;
  faults: Fault[];
}

const remedyOf = (error: CourierError, { project, location }: QueryConfig, runtime: string | undefined): string => {
  if (error.code !== 'query-forbidden' || error.hasOwnRemedy) return error.remedy;
  const role = `gcloud projects add-iam-policy-binding ${project ?? 'PROJECT'} --member=${memberOf(runtime)} --role=roles/bigquery.jobUser`;
  return `${role}; grant roles/bigquery.dataViewer on each dataset of the query in ${location}`;
};

const faultOf = (name: string, error: CourierError, config: QueryConfig, runtime: string | undefined): Fault => ({
  result: error.code === 'google-unavailable' ? 'warned' : 'failed',
  detail: error.detail ?? `The query "${name}": ${error.title}.`,
  remedy: remedyOf(error, config, runtime),
});

const googleError = z.object({ error: z.object({ message: z.string() }) });
const MAX_MESSAGE_CHARACTERS = 300;

/** Operators see Google's own words, with the place of a fault in the SQL. A dry run reads no data, so they contain none. */
const withGooglesWords = (error: CourierError, body: Buffer): CourierError => {
  try {
    const { message } = googleError.parse(JSON.parse(body.toString())).error;
    const words = message.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_MESSAGE_CHARACTERS);
    const { code, reason, detail = '', remedy } = error;
    return new CourierError(code, {
      reason,
      detail: `${detail} Google reported: ${words}`,
      ...(error.hasOwnRemedy ? { remedy } : {}),
    });
  } catch {
    return error;
  }
};

/** BigQuery checks syntax, tables, columns and rights in a dry run, which is free. Every parameter is NULL in it. */
const examineQuery = async (
  dependencies: QueryDoctor,
  [name, query]: [string, QueryConfig],
  options: { runtimeEmail: string | undefined; deadlineMs: number },
): Promise<Examined> => {
  const { config, transport, runtime, project } = dependencies;
  const { runtimeEmail, deadlineMs } = options;
  try {
    const billed = query.project ?? config.project ?? (await project());
    const request = dryRunRequest(billed, { config: query, parameters: nullParameters(query) });
    const headers = { authorization: `Bearer ${await runtime.token()}`, 'content-type': 'application/json' };
    const answer = await transport.send({ ...request, headers, deadlineMs });
    if (answer.status !== 200)
      throw withGooglesWords(
        queryError(name, reasonOf(answer), { status: answer.status, account: () => runtimeEmail }),
        answer.body,
      );
    const { statistics } = dryRun.parse(JSON.parse(answer.body.toString()));
    const columns = statistics.query.schema.fields.map((field) => field.name).join(', ');
    const line = `The query "${name}" reads ${statistics.totalBytesProcessed} bytes, and has the columns ${columns}.`;
    return { line, faults: await checkStaging(dependencies, [name, query], options) };
  } catch (error) {
    return { line: '', faults: [faultOf(name, asCourierError(error), query, runtimeEmail)] };
  }
};

/** Makes a function that checks the queries of a destination, each query once. Undefined if the destination has none. */
export const createQueryChecker = (
  dependencies: QueryDoctor,
  options: { runtimeEmail: string | undefined; deadlineMs: number },
): ((destination: string) => Promise<Check | undefined>) => {
  const all = Object.entries(dependencies.config.queries);
  const examine = onceEach((entry: (typeof all)[number]) => examineQuery(dependencies, entry, options));
  return async (destination) => {
    const queries = all.filter(([, { destinations }]) => destinations.includes(destination));
    if (queries.length === 0) return undefined;
    const results = await Promise.all(queries.map(examine));
    const lines = results
      .map(({ line }) => line)
      .filter((line) => line !== '')
      .join(' ');
    const faults = results.flatMap((result) => result.faults);
    return faults.length === 0 ? passed('queries', lines) : fromFaults('queries', lines, faults);
  };
};
