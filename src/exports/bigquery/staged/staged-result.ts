import { z } from 'zod';
import { asCourierError, CourierError } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
import { endOfNonCode } from '../../../text/sql.ts';
import { turn } from '../../../turns.ts';
import { listObjects } from '../../prefix/list-objects.ts';
import { type Prefix, parsePrefix } from '../../prefix/prefix.ts';
import { openObject } from '../../sources/cloud-storage.ts';
import { deleteObject } from '../../sources/delete-object.ts';
import { labelOf, type ObjectName } from '../../sources/object-name.ts';
import type { Encoder } from '../encode.ts';
import {
  type BigQueryDependencies,
  callBigQuery,
  type Job,
  parsed,
  type QueryRun,
  type TableReference,
} from '../job.ts';
import { queryError, reasonOf } from '../query-errors.ts';
import type { Page } from '../rows.ts';
import { checkColumns, rowsOfAvro } from './avro-file.ts';
import { AvroError, AvroSchemaError, isInAvro } from './avro-values.ts';
import { extractOnce } from './extract-job.ts';

export interface StagingDependencies extends BigQueryDependencies {
  /** The project to bill for a staging bucket whose requester pays. */
  userProject?: string | undefined;
  log: Log;
}

/** The result in files in Cloud Storage, or why it is to be read by pages. */
export type Staged =
  | { by: 'pages'; reason: string }
  | { by: 'extract'; reason: 'large'; open(encoder: Encoder): AsyncGenerator<Buffer>; remove(): Promise<void> };

/** As for joined objects: their names are in memory. A file of an export has up to 1 GB. */
const MAX_FILES = 10_000;

/**
 * True if the outermost SELECT has an ORDER BY, or may have one. "The ordering of exported table data is not guaranteed"
 * (https://cloud.google.com/bigquery/docs/exporting-data#export_limitations), so such a result is read by pages, which
 * keep the order.
 * @internal for tests
 */
export const isOrdered = (sql: string): boolean => {
  let depth = 0;
  const outermost: string[] = [];
  for (let at = 0; at < sql.length; ) {
    const end = endOfNonCode(sql, at);
    const character = sql[at] ?? '';
    if (end !== undefined) outermost.push(' ');
    else if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    else if (depth === 0) outermost.push(character);
    at = end ?? at + 1;
  }
  return /\border\s+by\b/i.test(outermost.join(''));
};

/** The logical size of a result, which is the same for each try; undefined if BigQuery does not report it. */
const sizeOf = async (
  dependencies: BigQueryDependencies,
  run: QueryRun,
  { projectId, datasetId, tableId }: TableReference,
): Promise<number | undefined> => {
  const answer = await callBigQuery(dependencies, {
    operation: 'bigquery.tables.get',
    method: 'GET',
    path: `projects/${projectId}/datasets/${datasetId}/tables/${tableId}`,
    signal: run.signal,
  });
  if (answer.status !== 200) {
    const refusal = queryError(run.name, reasonOf(answer), { status: answer.status });
    if (refusal.retryable) throw refusal;
    return undefined;
  }
  return Number(parsed(z.object({ numBytes: z.string().regex(/^\d+$/) }), answer).numBytes);
};

const unreadable = (label: string, cause: unknown): CourierError =>
  new CourierError('google-unavailable', { detail: `The exported file ${label} cannot be read.`, cause });

async function* bytesOfFiles(
  dependencies: StagingDependencies,
  run: QueryRun,
  { files, first, encoder }: { files: readonly ObjectName[]; first: Page; encoder: Encoder },
): AsyncGenerator<Buffer> {
  const head = encoder.head(first.fields);
  if (head !== '') yield Buffer.from(head);
  for (const file of files) {
    const { open } = await openObject(dependencies, file, { signal: run.signal });
    try {
      for await (const rows of rowsOfAvro(open(), first.fields)) {
        await turn();
        yield Buffer.from(rows.map((row) => encoder.line(first.fields, row)).join(''));
      }
    } catch (error) {
      throw error instanceof AvroError ? unreadable(labelOf(file), error) : error;
    }
  }
  if (encoder.tail !== '') yield Buffer.from(encoder.tail);
}

/** Why the files cannot be read, if BigQuery writes a column in a form that is not known; the pages have it in a known one. */
const unknownForm = async (
  dependencies: StagingDependencies,
  run: QueryRun,
  { files: [file], fields }: { files: readonly ObjectName[]; fields: Page['fields'] },
): Promise<AvroSchemaError | undefined> => {
  if (file === undefined) return undefined;
  const { open } = await openObject(dependencies, file, { signal: run.signal });
  try {
    await checkColumns(open(), fields);
    return undefined;
  } catch (error) {
    if (error instanceof AvroSchemaError) return error;
    throw error;
  }
};

/** Deletes the files. What is left is deleted by the lifecycle rule of the bucket. */
const removeFiles = async (dependencies: StagingDependencies, files: readonly ObjectName[]): Promise<void> => {
  try {
    const atOnce = 8;
    for (let at = 0; at < files.length; at += atOnce)
      await Promise.all(files.slice(at, at + atOnce).map((file) => deleteObject(dependencies, file)));
  } catch (error) {
    dependencies.log.warn({ error: asCourierError(error) }, 'exported files of a query could not be deleted');
  }
};

/** The files of the export; none if they may not be listed. @throws CourierError `google-unavailable` */
const listFiles = async (dependencies: StagingDependencies, run: QueryRun, folder: Prefix): Promise<ObjectName[]> => {
  const files: ObjectName[] = [];
  try {
    for await (const { name, generation } of listObjects(dependencies, folder, { signal: run.signal }))
      if (files.push({ bucket: folder.bucket, object: name, generation }) > MAX_FILES) return [];
    return files;
  } catch (error) {
    if (asCourierError(error).retryable || run.signal.aborted) throw error;
    dependencies.log.warn({ query: run.name, error }, 'the exported files of a query cannot be listed');
    return [];
  }
};

/**
 * Decides how the result of a job is read, and exports it if it is large. What is decided depends on the job alone, so another
 * try reads the same bytes in the same order.
 * @throws CourierError `google-unavailable`, `query-forbidden`, `query-failed`
 */
export const stageResult = async (
  dependencies: StagingDependencies,
  run: QueryRun,
  { job, first }: { job: Job; first: Page },
): Promise<Staged> => {
  const { staging, sql } = run.config;
  const table = job.resultTable;
  const byPages = (reason: string): Staged => ({ by: 'pages', reason });
  if (staging === null) return byPages('no-staging');
  if (first.pageToken === undefined) return byPages('small');
  if (table === undefined) return byPages('no-table');
  if (isOrdered(sql)) return byPages('ordered');
  if (!first.fields.every(isInAvro)) return byPages('type');
  const size = await sizeOf(dependencies, run, table);
  if (size === undefined) return byPages('no-table');
  if (size <= staging.aboveBytes) return byPages('small');

  const folder = parsePrefix(`${staging.prefix}${job.id}/`);
  const extracted = await extractOnce(dependencies, run, job, {
    table,
    uri: `gs://${folder.bucket}/${folder.prefix}*.avro`,
  });
  if ('failure' in extracted) {
    const { failure } = extracted;
    dependencies.log.warn(
      { query: run.name, reason: failure },
      'a large result could not be exported; it is read by pages',
    );
    return byPages('extract-failed');
  }
  const files = await listFiles(dependencies, run, folder);
  // They were deleted after an earlier delivery or by hand, or the courier may not list them.
  if (files.length !== extracted.files) return byPages('files-missing');
  const error = await unknownForm(dependencies, run, { files, fields: first.fields });
  if (error !== undefined) {
    dependencies.log.warn(
      { query: run.name, error },
      'the exported files of a query cannot be understood; it is read by pages',
    );
    return byPages('file-form');
  }
  return {
    by: 'extract',
    reason: 'large',
    open: (encoder) => bytesOfFiles(dependencies, run, { files, first, encoder }),
    remove: () => removeFiles(dependencies, files),
  };
};
