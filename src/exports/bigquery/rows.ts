import { z } from 'zod';
import { CourierError } from '../../errors.ts';
import { createPageTokenCheck } from '../../page-tokens.ts';
import { turn } from '../../turns.ts';
import { parseAnswer, repeatedPage } from '../parse-answer.ts';
import { type AnswerRows, answerRows } from './answer-rows.ts';
import type { Encoder, Field } from './encode.ts';
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

export interface Page extends Pick<AnswerRows, 'rowBytes' | 'groups'> {
  fields: readonly Field[];
  pageToken: string | undefined;
}

const FIRST_ROWS = 1_000;
const MAX_ROWS = 100_000;
/** Two pages are in memory at a time, as bytes. Each costs a round trip. */
const PAGE_BYTES = 4_194_304;

/** The rows of a page are not checked one by one: they come from Google, and there are many. */
const pageOf = (body: Buffer): Page =>
  parseAnswer('BigQuery', () => {
    const { rest, rowBytes, groups } = answerRows(body);
    const { schema, pageToken } = pageHead.parse(rest);
    return { fields: schema.fields, pageToken, rowBytes, groups };
  });

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
      prettyPrint: false,
      ...(pageToken === undefined ? {} : { pageToken }),
    }),
    signal: run.signal,
  });
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw queryError(run.name, reasonOf(answer), { ...dependencies, status: answer.status });
  return pageOf(answer.body);
};

/** How many rows of this size a page should have. */
const rowsFor = ({ rowBytes }: Page): number =>
  Math.max(1, Math.min(MAX_ROWS, Math.floor(PAGE_BYTES / Math.max(1, rowBytes))));

/** The result of a job as bytes. The next page is requested while this one is written. */
export async function* bytesOfResult(
  dependencies: BigQueryDependencies,
  run: QueryRun,
  { job, first, encoder }: { job: Job; first: Page; encoder: Encoder },
): AsyncGenerator<Buffer> {
  const head = encoder.head(first.fields);
  if (head !== '') yield Buffer.from(head);
  let page: Page | undefined = first;
  const checkToken = createPageTokenCheck(() => repeatedPage('BigQuery'));
  while (page !== undefined) {
    const { pageToken, groups }: Page = page;
    checkToken(pageToken);
    const next: Promise<Page | undefined> | undefined =
      pageToken === undefined ? undefined : readPage(dependencies, run, job, { pageToken, maxResults: rowsFor(page) });
    // It is awaited below; until then a failure must not end the process.
    next?.catch(() => undefined);
    for (const rows of groups()) {
      await turn();
      yield Buffer.from(rows.map((row) => encoder.line(first.fields, row)).join(''));
    }
    page = await next;
    if (next !== undefined && page === undefined)
      throw new CourierError('google-unavailable', { detail: `The result of the query "${run.name}" has expired.` });
  }
  if (encoder.tail !== '') yield Buffer.from(encoder.tail);
}
