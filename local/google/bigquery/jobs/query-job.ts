import { z } from 'zod';
import type { Grant } from '../../google-service.ts';
import { requireOnDataset, requireOnTable } from '../call.ts';
import { BigQueryError, invalidQuery, notImplemented } from '../errors.ts';
import { type Field, type JobRecord, labelOf, type TableRecord } from '../model.ts';
import { quoteName, SCALARS, scalarNamed, sqlValue } from '../sql/literals.ts';
import { translate } from '../sql/translate.ts';
import { type BigQueryState, engineTable, measure, shortHash } from '../state.ts';
import { tableKey } from '../store.ts';
import { fieldOf } from '../values.ts';

const parameterType = z.object({ type: z.string(), arrayType: z.object({ type: z.string() }).optional() });
const parameterValue = z.object({
  value: z.string().nullish(),
  arrayValues: z.array(z.object({ value: z.string().nullish() })).optional(),
});
const parameter = z.object({
  name: z.string().optional(),
  parameterType,
  parameterValue: parameterValue.default({}),
});

const tableReference = z.object({ projectId: z.string(), datasetId: z.string(), tableId: z.string() });

export const queryConfiguration = z.object({
  query: z.string(),
  useLegacySql: z.boolean().default(true),
  parameterMode: z.string().optional(),
  queryParameters: z.array(parameter).default([]),
  maximumBytesBilled: z.union([z.string(), z.number()]).optional(),
  defaultDataset: z.object({ projectId: z.string().optional(), datasetId: z.string() }).optional(),
  destinationTable: tableReference.optional(),
  writeDisposition: z.string().optional(),
});
export type QueryConfiguration = z.infer<typeof queryConfiguration>;

/** A parameter's value as DuckDB's SQL. @throws BigQueryError `invalidQuery`, `notImplemented` */
const sqlOfParameter = ({
  parameterType: { type, arrayType },
  parameterValue: sent,
}: z.infer<typeof parameter>): string => {
  if (type.toUpperCase() === 'STRUCT') throw notImplemented('parameters of the type STRUCT');
  const scalar = scalarNamed(arrayType?.type ?? type);
  const one = (value: string | null | undefined): string =>
    value === undefined || value === null ? `CAST(NULL AS ${SCALARS[scalar]?.duck})` : sqlValue(scalar, value);
  if (type.toUpperCase() !== 'ARRAY') return one(sent.value);
  return `CAST([${(sent.arrayValues ?? []).map(({ value }) => one(value)).join(', ')}] AS ${SCALARS[scalar]?.duck}[])`;
};

/** A query that has been checked, and what it would read and yield. */
export interface PlannedQuery {
  sql: string;
  columns: string[];
  fields: Field[];
  tables: TableRecord[];
  location: string;
  bytesProcessed: number;
  bytesBilled: number;
}

const MEBIBYTE = 1_048_576;

/**
 * "Charges are rounded up to the nearest MB, with a minimum 10 MB data processed per table referenced by the query"
 * (https://cloud.google.com/bigquery/pricing). The real BigQuery counts only the columns that are read; this one counts
 * the whole table.
 */
const billedOf = (tables: readonly TableRecord[]): number =>
  tables.reduce((sum, { bytes }) => sum + Math.max(10, Math.ceil(bytes / MEBIBYTE)) * MEBIBYTE, 0);

/** The columns of a result. One without a name is called `f0_`, `f1_`, … */
const fieldsOf = (columns: readonly string[], types: readonly Parameters<typeof fieldOf>[1][]): Field[] => {
  let anonymous = 0;
  const fields = types.map((type, index) => {
    const column = columns[index] ?? '';
    const isNamed = /^[A-Za-z_]\w*$/.test(column) && column !== 'NULL' && !column.startsWith('current_');
    return fieldOf(isNamed ? column : `f${anonymous++}_`, type);
  });
  const names = fields.map(({ name }) => name.toLowerCase());
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined)
    throw new BigQueryError(
      'invalidQuery',
      `Duplicate column names in the result are not supported when a destination table is present. Found duplicate(s): ${repeated}`,
      'query',
    );
  return fields;
};

/**
 * Checks a query: its syntax, its tables, the rights of the account that runs it, and its cost.
 * @throws BigQueryError as the real BigQuery reports them, and `notImplemented`
 */
export const planQuery = async (
  state: BigQueryState,
  grant: Grant,
  configuration: QueryConfiguration,
  { project, location: wanted }: { project: string; location: string | undefined },
): Promise<PlannedQuery> => {
  if (configuration.useLegacySql)
    throw notImplemented('legacy SQL (useLegacySql: true, which is the default of the API)');
  const { queryParameters, defaultDataset } = configuration;
  const translated = translate(configuration.query, {
    project,
    defaultDataset:
      defaultDataset === undefined
        ? undefined
        : { project: defaultDataset.projectId ?? project, dataset: defaultDataset.datasetId },
    named: new Map(
      queryParameters.flatMap((one) => (one.name ? [[one.name.toLowerCase(), sqlOfParameter(one)] as const] : [])),
    ),
    positional: queryParameters.filter(({ name }) => !name).map(sqlOfParameter),
  });
  const [first] = translated.tables;
  const location =
    wanted ??
    (first === undefined ? undefined : state.store.datasets.get(`${first.project}.${first.dataset}`)?.location) ??
    'US';
  const keys = new Map(translated.tables.map((name) => [tableKey(name), name]));
  const tables = [...keys.values()].map((name) => {
    const table = state.store.table(name, location);
    requireOnTable(state, grant, 'bigquery.tables.getData', table);
    return table;
  });
  const bytesProcessed = tables.reduce((sum, { bytes }) => sum + bytes, 0);
  const bytesBilled = billedOf(tables);
  const limit = configuration.maximumBytesBilled;
  if (limit !== undefined && bytesBilled > Number(limit))
    throw new BigQueryError(
      'bytesBilledLimitExceeded',
      `Query exceeded limit for bytes billed: ${limit}. ${bytesBilled} or higher required.`,
    );
  const { columns, types } = await state.engine.prepare(translated.sql);
  return {
    sql: translated.sql,
    columns,
    fields: fieldsOf(columns, types),
    tables,
    location,
    bytesProcessed,
    bytesBilled,
  };
};

/** The table for the result: a new one for this job, or the one that the request names. */
const destinationOf = async (
  state: BigQueryState,
  grant: Grant,
  job: JobRecord,
  { destinationTable, writeDisposition = 'WRITE_EMPTY' }: QueryConfiguration,
): Promise<Pick<TableRecord, 'project' | 'dataset' | 'id' | 'owner'>> => {
  if (destinationTable === undefined) {
    const dataset = `_${shortHash(job.user)}`;
    await state.engine.run(`CREATE SCHEMA IF NOT EXISTS ${quoteName(`${job.project}.${dataset}`)}`);
    return { project: job.project, dataset, id: `anon${shortHash(job.id)}`, owner: job.user };
  }
  const { projectId: project, datasetId: dataset, tableId: id } = destinationTable;
  state.store.dataset(project, dataset, job.location);
  requireOnDataset(state, grant, 'bigquery.tables.create', { project, dataset });
  const former = state.store.tables.get(tableKey({ project, dataset, table: id }));
  if (writeDisposition === 'WRITE_APPEND') throw notImplemented('writeDisposition WRITE_APPEND');
  if (writeDisposition === 'WRITE_EMPTY' && former !== undefined && former.rows > 0)
    throw new BigQueryError('duplicate', `Already Exists: Table ${labelOf({ project, dataset, table: id })}`);
  return { project, dataset, id };
};

/**
 * Values of a result that DuckDB has and BigQuery refuses: sums beyond INT64, and arrays with NULL ("BigQuery raises an error if
 * a query result has an array which contains NULL elements": https://cloud.google.com/bigquery/docs/arrays#arrays_and_nulls).
 */
const refuseForeignValues = async (state: BigQueryState, table: TableRecord): Promise<void> => {
  for (const [index, { name, type, mode }] of table.fields.entries()) {
    const column = quoteName(table.columns[index] ?? name);
    const isArray = mode === 'REPEATED';
    if (!isArray && type !== 'INTEGER') continue;
    const fault = isArray
      ? `len(${column}) <> list_count(${column})`
      : `${column} NOT BETWEEN -9223372036854775808 AND 9223372036854775807`;
    const found = await state.engine.rows(`SELECT 1 FROM ${engineTable(table)} WHERE ${fault} LIMIT 1`);
    if (found.length === 0) continue;
    throw invalidQuery(isArray ? `Array cannot have a null element; error in writing field ${name}` : 'int64 overflow');
  }
};

/** Runs the query of a job, and stores its result as a table. */
export const runQuery = async (
  state: BigQueryState,
  grant: Grant,
  job: JobRecord,
  { configuration, signal }: { configuration: QueryConfiguration; signal: AbortSignal },
): Promise<void> => {
  const planned = await planQuery(state, grant, configuration, { project: job.project, location: job.location });
  const place = await destinationOf(state, grant, job, configuration);
  const { columns, fields } = planned;
  const { location } = job;
  const table: TableRecord = { ...place, fields, columns, rows: 0, bytes: 0, createdMs: state.context.now(), location };
  await state.engine.run(`CREATE OR REPLACE TABLE ${engineTable(table)} AS ${planned.sql}`, signal);
  await refuseForeignValues(state, table);
  await measure(state, table);
  state.store.tables.set(tableKey({ project: place.project, dataset: place.dataset, table: place.id }), table);
  job.result = { dataset: place.dataset, id: place.id };
  job.bytesProcessed = planned.bytesProcessed;
  job.bytesBilled = planned.bytesBilled;
  job.referenced = planned.tables.map(({ project, dataset, id }) => ({
    projectId: project,
    datasetId: dataset,
    tableId: id,
  }));
  job.configuration = withDestination(job.configuration, place);
};

/** The configuration of a job that is done names the table of its result, an anonymous one too. */
const withDestination = (
  configuration: Record<string, unknown>,
  { project, dataset, id }: Pick<TableRecord, 'project' | 'dataset' | 'id'>,
): Record<string, unknown> => {
  const destinationTable = { projectId: project, datasetId: dataset, tableId: id };
  return { ...configuration, query: { ...(configuration.query as object), destinationTable } };
};
