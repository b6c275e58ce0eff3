import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BigQueryError } from './errors.ts';
import { type DatasetRecord, type JobRecord, labelOf, type TableName, type TableRecord } from './model.ts';

interface Saved {
  datasets: DatasetRecord[];
  tables: TableRecord[];
  jobs: JobRecord[];
}

/** What this BigQuery knows, besides the rows: datasets, tables and jobs. */
export interface Store {
  readonly datasets: Map<string, DatasetRecord>;
  readonly tables: Map<string, TableRecord>;
  readonly jobs: Map<string, JobRecord>;
  /** @throws BigQueryError `notFound` */
  dataset(project: string, id: string, location?: string): DatasetRecord;
  /** @throws BigQueryError `notFound`, also for a result that is older than a day */
  table(name: TableName, location?: string): TableRecord;
  save(): void;
}

export const datasetKey = (project: string, id: string): string => `${project}.${id}`;
export const tableKey = ({ project, dataset, table }: TableName): string => `${project}.${dataset}.${table}`;

/** "Query results … are stored in anonymous tables for approximately 24 hours" (bigquery/docs/cached-results). */
const RESULT_MS = 86_400_000;

const read = (file: string): Saved => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return { datasets: [], tables: [], jobs: [] };
  }
  return JSON.parse(text) as Saved;
};

/** A job that was running when the server ended has failed. */
const ended = (job: JobRecord, nowMs: number): JobRecord =>
  job.state === 'DONE'
    ? job
    : {
        ...job,
        state: 'DONE',
        endedMs: nowMs,
        error: { reason: 'jobInternalError', message: 'The local BigQuery was restarted.' },
      };

export const openStore = (folder: string, now: () => number): Store => {
  const file = join(folder, 'bigquery.json');
  const saved = read(file);
  const datasets = new Map(saved.datasets.map((one) => [datasetKey(one.project, one.id), one]));
  const tables = new Map(
    saved.tables.map((one) => [tableKey({ project: one.project, dataset: one.dataset, table: one.id }), one]),
  );
  const jobs = new Map(saved.jobs.map((one) => [`${one.project}.${one.id}`, ended(one, now())]));

  const dataset: Store['dataset'] = (project, id, location) => {
    const found = datasets.get(datasetKey(project, id));
    if (found !== undefined && (location === undefined || found.location === location)) return found;
    const where = location === undefined ? '' : ` was not found in location ${location}`;
    throw new BigQueryError('notFound', `Not found: Dataset ${project}:${id}${where}`);
  };

  return {
    datasets,
    tables,
    jobs,
    dataset,
    table(name, location) {
      const found = tables.get(tableKey(name));
      const isExpired = found?.owner !== undefined && now() - found.createdMs > RESULT_MS;
      if (found !== undefined && !isExpired && (location === undefined || found.location === location)) return found;
      if (found?.owner === undefined && !name.dataset.startsWith('_')) dataset(name.project, name.dataset, location);
      const where = location === undefined ? '' : ` was not found in location ${location}`;
      throw new BigQueryError('notFound', `Not found: Table ${labelOf(name)}${where}`);
    },
    save() {
      const all: Saved = { datasets: [...datasets.values()], tables: [...tables.values()], jobs: [...jobs.values()] };
      writeFileSync(`${file}.new`, JSON.stringify(all));
      renameSync(`${file}.new`, file);
    },
  };
};
