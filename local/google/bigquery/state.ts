import { createHash } from 'node:crypto';
import type { DuckDBValue } from '@duckdb/node-api';
import type { Discovery } from '../drive/discovery/discovery.ts';
import type { ServiceContext } from '../google-service.ts';
import type { StorageService } from '../storage/service.ts';
import type { Engine } from './engine.ts';
import type { TableRecord } from './model.ts';
import { quoteName } from './sql/literals.ts';
import type { Store } from './store.ts';

/** How the jobs of this BigQuery behave; tests change it. */
export interface JobSettings {
  /** Each job takes at least this long. */
  minMs: number;
  /** The size of the files of an extract job. Real ones have up to 1 GB; small ones show the same in less time. */
  extractBytes: number;
}

export interface BigQueryState {
  context: ServiceContext;
  discovery: Discovery;
  engine: Engine;
  store: Store;
  storage: StorageService;
  settings: JobSettings;
  /** The jobs that are running now, by `project.id`. */
  running: Map<string, { abort: AbortController; done: Promise<void> }>;
}

export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 40);

/** The table in the engine. */
export const engineTable = ({ project, dataset, id }: TableRecord): string =>
  `${quoteName(`${project}.${dataset}`)}.${quoteName(id)}`;

/** Rows of a table, in their order. Rows are only ever appended, so their row ids are consecutive. */
export const readRows = (
  { engine }: BigQueryState,
  table: TableRecord,
  { start, count, columns }: { start: number; count: number; columns?: readonly string[] },
): Promise<DuckDBValue[][]> => {
  const list = columns === undefined ? '*' : columns.map(quoteName).join(', ');
  return engine.rows(
    `SELECT ${list} FROM ${engineTable(table)} WHERE rowid >= ${start} AND rowid < ${start + count} ORDER BY rowid`,
  );
};

/** Bytes of each value, as BigQuery counts them: https://cloud.google.com/bigquery/pricing#data. */
const WIDTHS: Readonly<Record<string, number>> = {
  BIGNUMERIC: 32,
  BOOLEAN: 1,
  DATE: 8,
  DATETIME: 8,
  FLOAT: 8,
  INTEGER: 8,
  INTERVAL: 16,
  NUMERIC: 16,
  TIME: 8,
  TIMESTAMP: 8,
};

/** Counts the rows and bytes of a table. Texts, bytes and nested values count with their length, and two bytes each. */
export const measure = async ({ engine }: BigQueryState, table: TableRecord): Promise<void> => {
  const sizes = table.fields.map(({ type, mode }, index) => {
    const column = quoteName(table.columns[index] ?? '');
    const width = mode === 'REPEATED' ? undefined : WIDTHS[type];
    return width === undefined
      ? `coalesce(sum(strlen(CAST(${column} AS VARCHAR)) + 2), 0)`
      : `count(${column}) * ${width}`;
  });
  const [row = []] = await engine.rows(`SELECT count(*), ${sizes.join(' + ') || '0'} FROM ${engineTable(table)}`);
  table.rows = Number(row[0]);
  table.bytes = Number(row[1]);
};
