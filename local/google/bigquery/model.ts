import type { ErrorProto } from './errors.ts';

/** A column, as in `TableFieldSchema`. */
export interface Field {
  name: string;
  /** The names of the REST API: INTEGER, FLOAT, BOOLEAN, RECORD, … */
  type: string;
  mode: 'NULLABLE' | 'REQUIRED' | 'REPEATED';
  fields?: Field[];
  description?: string;
}

/** An entry of `Dataset.access`. */
export interface AccessEntry {
  role: string;
  userByEmail?: string;
  groupByEmail?: string;
  specialGroup?: string;
}

export interface DatasetRecord {
  project: string;
  id: string;
  location: string;
  access: AccessEntry[];
  labels: Record<string, string>;
  description?: string | undefined;
  createdMs: number;
}

export interface TableRecord {
  project: string;
  dataset: string;
  id: string;
  /** The columns, and the names that the engine has given them. */
  fields: Field[];
  columns: string[];
  rows: number;
  bytes: number;
  createdMs: number;
  /** The result of a query, in a hidden dataset. Only the account that ran the query may read it. */
  owner?: string | undefined;
  location: string;
}

export interface JobRecord {
  project: string;
  id: string;
  location: string;
  user: string;
  /** As it was sent, without what is output-only. */
  configuration: Record<string, unknown>;
  createdMs: number;
  startedMs?: number | undefined;
  endedMs?: number | undefined;
  state: 'PENDING' | 'RUNNING' | 'DONE';
  error?: ErrorProto | undefined;
  /** The table of a query's result, `dataset` and `id`. */
  result?: { dataset: string; id: string } | undefined;
  bytesProcessed: number;
  bytesBilled: number;
  referenced: { projectId: string; datasetId: string; tableId: string }[];
  /** The number of files of an extract job, for each of its URIs. */
  fileCounts?: number[] | undefined;
}

export interface TableName {
  project: string;
  dataset: string;
  table: string;
}

/** `project:dataset.table`, the form of error messages. */
export const labelOf = ({ project, dataset, table }: TableName): string => `${project}:${dataset}.${table}`;
