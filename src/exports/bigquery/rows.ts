import { z } from 'zod';
import { CourierError } from '../../errors.ts';
import { turn } from '../../turns.ts';
import type { Encoder, Field, Row } from './encode.ts';
import { type BigQueryDependencies, callBigQuery, type Job, type QueryRun, resultsPath } from './job.ts';
import { queryError, reasonOf } from './query-errors.ts';

const field: z.ZodType<Field> = z.lazy(() =>
  z.object({
    name: z.string(),
    type: z.string(),
    mode: z.string().optional(),
    fields: z.array(field).optional(),
  }),
);

const pageHead = z.object({
  schema: z.object({ fields: z.array(field).default([]) }),
  pageToken: z.string().optional(),
});

export interface Page {
  fields: readonly Field[];
  rows: readonly Row[];
  pageToken: string | undefined;
  /** Of the answer. */
  bytes: number;
}

const FIRST_ROWS = 1_000;
const MAX_ROWS = 50_000;
/** Two pages are in memory at a time, as JSON and as values. */
const PAGE_BYTES = 1_048_576;

/** The rows of a page are not checked one by one: they come from Google, and there are many. */
const pageOf = (body: Buffer): Page => {
  try {
    const answer = JSON.parse(body.toString()) as { rows?: Row[] };
    const { schema, pageToken } = pageHead.parse(answer);
    return { fields: schema.fields, rows: answer.rows ?? [], pageToken, bytes: body.byteLength };
  } catch (cause) {
    throw new CourierError('google-unavailable', { detail: 'BigQuery gave an unreadable answer.', cause });
  }
};

/** Reads one page of a job's result; undefined if the result no longer exists. */
export const readPage = async (
  dependencies: BigQueryDependencies,
  run: QueryRun,
  job: Job,
  { pageToken, maxResults = FIRST_ROWS }: { pageToken?: string; maxResults?: number } = {},
): Promise<Page | undefined> => {
  const answer = await callBigQuery(dependencies, {
    operation: 'bigquery.jobs.getQueryResults',
    method: 'GET',
    path: resultsPath(job, {
      maxResults,
      'formatOptions.useInt64Timestamp': true,
      ...(pageToken === undefined ? {} : { pageToken }),
    }),
    signal: run.signal,
  });
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw queryError(run.name, reasonOf(answer), answer.status);
  return pageOf(answer.body);
};

/** How many rows of this size make a page of a good size. */
const rowsFor = ({ bytes, rows }: Page): number =>
  Math.max(1, Math.min(MAX_ROWS, Math.floor(PAGE_BYTES / Math.max(1, bytes / Math.max(1, rows.length)))));

const BLOCK_ROWS = 250;

/** The result of a job as bytes. The next page is requested while this one is written. */
export async function* bytesOfResult(
  dependencies: BigQueryDependencies,
  run: QueryRun,
  { job, first, encoder }: { job: Job; first: Page; encoder: Encoder },
): AsyncGenerator<Buffer> {
  const head = encoder.head(first.fields);
  if (head !== '') yield Buffer.from(head);
  let page: Page | undefined = first;
  while (page !== undefined) {
    const { pageToken, rows }: Page = page;
    const next: Promise<Page | undefined> | undefined =
      pageToken === undefined ? undefined : readPage(dependencies, run, job, { pageToken, maxResults: rowsFor(page) });
    // It is awaited below; until then a failure must not end the process.
    next?.catch(() => undefined);
    for (let at = 0; at < rows.length; at += BLOCK_ROWS) {
      if (at > 0) await turn();
      const lines = rows.slice(at, at + BLOCK_ROWS).map((row) => encoder.line(first.fields, row));
      yield Buffer.from(lines.join(''));
    }
    page = await next;
    if (next !== undefined && page === undefined)
      throw new CourierError('google-unavailable', { detail: `The result of the query "${run.name}" has expired.` });
  }
}
