import type { Parameters } from '../../drive/call/parameters.ts';
import { type Method, requireOnTable } from '../call.ts';
import { BigQueryError } from '../errors.ts';
import type { Field, JobRecord, TableRecord } from '../model.ts';
import { type BigQueryState, readRows, shortHash } from '../state.ts';
import { type FormatOptions, type Row, rowOf } from '../values.ts';
import { tableNameIn } from './tables.ts';

/** "The maximum response size is 10 MB" (bigquery/quotas#query_jobs, getQueryResults and tabledata.list). */
const MAX_PAGE_BYTES = 10_000_000;
const CHUNK_ROWS = 5_000;
const DEFAULT_ROWS = 100_000;

/** A page token belongs to its table, and names the next row. */
const tokenOf = (table: TableRecord, next: number): string =>
  Buffer.from(JSON.stringify([shortHash(`${table.dataset}.${table.id}`).slice(0, 12), next])).toString('base64url');

const startOf = (table: TableRecord, { text }: Parameters): number => {
  const token = text('pageToken');
  if (token === undefined) return Number(text('startIndex') ?? 0);
  try {
    const [hash, next] = JSON.parse(Buffer.from(token, 'base64url').toString()) as [unknown, unknown];
    if (hash === shortHash(`${table.dataset}.${table.id}`).slice(0, 12) && typeof next === 'number') return next;
  } catch {
    // Not a token of this server.
  }
  throw new BigQueryError('invalid', 'Invalid value for pageToken', 'pageToken');
};

interface Page {
  rows: Row[];
  /** The row after the last one of this page. */
  next: number;
}

/** Reads rows until the page is full. A page has at least one row. */
const readPage = async (
  state: BigQueryState,
  table: TableRecord,
  {
    start,
    maxRows,
    fields,
    columns,
    format,
  }: { start: number; maxRows: number; fields: readonly Field[]; columns: readonly string[]; format: FormatOptions },
): Promise<Page> => {
  const rows: Row[] = [];
  let bytes = 0;
  const end = Math.min(table.rows, start + maxRows);
  for (let at = start; at < end; at += CHUNK_ROWS) {
    for (const values of await readRows(state, table, { start: at, count: Math.min(CHUNK_ROWS, end - at), columns })) {
      const row = rowOf(fields, values, format);
      bytes += JSON.stringify(row).length;
      if (bytes > MAX_PAGE_BYTES && rows.length > 0) return { rows, next: start + rows.length };
      rows.push(row);
    }
  }
  return { rows, next: start + rows.length };
};

const pageOf = async (
  state: BigQueryState,
  table: TableRecord,
  parameters: Parameters,
  selected: readonly Field[] = table.fields,
): Promise<{ rows?: Row[]; pageToken?: string; totalRows: string }> => {
  const start = startOf(table, parameters);
  const { rows, next } = await readPage(state, table, {
    start,
    maxRows: parameters.number('maxResults') ?? DEFAULT_ROWS,
    fields: selected,
    columns: selected.map((field) => table.columns[table.fields.indexOf(field)] ?? field.name),
    format: { useInt64Timestamp: parameters.flag('formatOptions.useInt64Timestamp') },
  });
  const totalRows = String(table.rows);
  return {
    ...(rows.length === 0 ? {} : { rows }),
    ...(next < table.rows ? { pageToken: tokenOf(table, next) } : {}),
    totalRows,
  };
};

/** The result of a job that is done. @throws BigQueryError `notFound` after a day */
export const resultsOf = async (state: BigQueryState, job: JobRecord, parameters: Parameters): Promise<object> => {
  if (job.result === undefined) throw new BigQueryError('invalid', `Job ${job.id} is not a query job.`);
  const table = state.store.table({ project: job.project, dataset: job.result.dataset, table: job.result.id });
  const page = await pageOf(state, table, parameters);
  return {
    jobComplete: true,
    schema: { fields: table.fields },
    totalBytesProcessed: String(job.bytesProcessed),
    cacheHit: false,
    ...page,
  };
};

export const tabledataList: Method = async (state, call) => {
  const table = state.store.table(tableNameIn(call));
  requireOnTable(state, call.grant, 'bigquery.tables.getData', table);
  const names = call.parameters.text('selectedFields')?.split(',');
  const missing = names?.find((name) => !table.fields.some((field) => field.name === name));
  if (missing !== undefined)
    throw new BigQueryError('invalid', `Field ${missing} not found in schema.`, 'selectedFields');
  const selected = names === undefined ? table.fields : table.fields.filter(({ name }) => names.includes(name));
  return {
    kind: 'bigquery#tableDataList',
    etag: String(table.createdMs),
    ...(await pageOf(state, table, call.parameters, selected)),
  };
};
