import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { allowsTable, isTableName } from '../../config/schema/sources.ts';
import type { Source } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import type { QuerySource } from '../query-source.ts';
import type { SourceRequest } from '../source-access.ts';
import { type BigQueryDependencies, callBigQuery, type JobConfig, parsed } from './job.ts';
import { createJobSource } from './job-source.ts';
import { queryError, reasonOf } from './query-errors.ts';
import type { StagingDependencies } from './staged/staged-result.ts';

interface TableRequest extends SourceRequest {
  /** The destination, which the caller may use. */
  from: { name: string; config: { sources: readonly string[] } };
}

/** Bounds the cost of one export: a table is read whole, and larger ones take too long by BigQuery's API. */
const MAX_BYTES_BILLED = 10_737_418_240;

/** The same answer for a table that does not exist, and for one that may not be delivered to this destination. */
const tableNotFound = (table: string): CourierError =>
  new CourierError('source-not-found', {
    detail: `The table ${table} does not exist.`,
    remedy:
      'Check the name, and ask the operator to list bigquery://PROJECT.DATASET.TABLE under "sources" of the destination or the subscription.',
  });

const tooLarge = (table: string, cause: unknown): CourierError =>
  new CourierError('query-failed', {
    reason: 'bytesBilledLimitExceeded',
    detail: `Reading the table ${table} would be billed for more than ${MAX_BYTES_BILLED} bytes.`,
    remedy: 'Configure a query that reads less of the table, or one with a higher "maximumBytesBilled".',
    cause,
  });

/** A job must run where its table is. */
const locationOf = async (dependencies: BigQueryDependencies, table: string, signal: AbortSignal): Promise<string> => {
  const [id = '', dataset = '', ...project] = table.split('.').reverse();
  const parts = { projects: project.reverse().join('.'), datasets: dataset, tables: id };
  const answer = await callBigQuery(dependencies, {
    operation: 'bigquery.tables.get',
    method: 'GET',
    path: Object.entries(parts)
      .map(([kind, name]) => `${kind}/${encodeURIComponent(name)}`)
      .join('/'),
    signal,
  });
  if (answer.status === 404) throw tableNotFound(table);
  if (answer.status !== 200)
    throw queryError(`SELECT * FROM \`${table}\``, reasonOf(answer), { ...dependencies, status: answer.status });
  return parsed(z.object({ location: z.string() }), answer).location;
};

/** Errors of queries that mean something else for a table. */
async function* withTableErrors(bytes: AsyncIterable<Uint8Array>, table: string): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    if (!(error instanceof CourierError) || error.code !== 'query-failed') throw error;
    if (error.reason === 'notFound') throw tableNotFound(table);
    throw error.reason === 'bytesBilledLimitExceeded' ? tooLarge(table, error) : error;
  }
}

/**
 * Opens a whole table, which the `sources` of the destination or of the subscription must name. BigQuery is called only when the
 * bytes are read.
 * @throws CourierError `request-invalid`, `source-not-found`
 */
export const openTable = (
  dependencies: StagingDependencies,
  { table, format, rawCells }: QuerySource & { table: string },
  request: TableRequest,
): Source => {
  const { caller, from, allowedSources = [], idempotencyKey, requestId } = request;
  if (!isTableName(table))
    throw new CourierError('request-invalid', { detail: 'source.bigquery.table must be project.dataset.table.' });
  if (!allowsTable([...from.config.sources, ...allowedSources], table)) {
    const why = 'none of the "sources" of the destination or the subscription names the table; answered as not found';
    dependencies.log.warn({ requestId, destination: from.name, table }, why);
    throw tableNotFound(table);
  }
  const statement = `SELECT * FROM \`${table}\``;
  const config = async (signal: AbortSignal): Promise<JobConfig> => ({
    sql: statement,
    project: null,
    location: await locationOf(dependencies, table, signal),
    maximumBytesBilled: MAX_BYTES_BILLED,
    timeoutSeconds: null,
    staging: null,
  });
  const source = createJobSource(
    dependencies,
    {
      name: statement,
      parameters: [],
      format,
      rawCells,
      jobParts: [caller.sub, idempotencyKey ?? randomUUID(), { table }],
      identity: [{ table }],
      facts: { table },
      config,
    },
    request,
  );
  const ofTable = (each: Source): Source => ({ ...each, open: () => withTableErrors(each.open(), table) });
  const { asRows } = source;
  return { ...ofTable(source), asRows: asRows && ofTable(asRows) };
};
