import type { Source, SourceFacts } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import type { QuerySource } from '../query-source.ts';
import type { SourceRequest } from '../source-access.ts';
import { createEncoder, type Encoder } from './encode.ts';
import { type Job, type JobConfig, jobPrefixOf, type QueryRun, runQuery } from './job.ts';
import type { QueryParameter } from './parameters.ts';
import { bytesOfResult, type Page, readPage } from './rows.ts';
import { type Staged, type StagingDependencies, stageResult } from './staged/staged-result.ts';

/** What is to be run for the bytes. */
interface JobRequest {
  /** Its name in errors. */
  name: string;
  parameters: readonly QueryParameter[];
  format: QuerySource['format'] | undefined;
  rawCells: boolean | undefined;
  /** With the same parts a retry finds the same job. */
  jobParts: readonly unknown[];
  /** What the bytes depend on, apart from their format. */
  identity: readonly unknown[];
  /** For the audit line. */
  facts: SourceFacts;
  /** Called when the bytes are first read. */
  config(signal: AbortSignal): Promise<JobConfig>;
}

/** Time to answer the caller before the request ends. */
const ANSWER_MARGIN_MS = 15_000;
/** Pub/Sub waits up to ten minutes for an answer. The job continues, and the next delivery of the message finds it. */
const MAX_MESSAGE_WAIT_MS = 540_000;

const waitUntilMs = (request: SourceRequest, nowMs: number): number => {
  const end = request.deadlineMs - ANSWER_MARGIN_MS;
  return request.allowedDestinations === undefined ? end : Math.min(end, nowMs + MAX_MESSAGE_WAIT_MS);
};

const TYPES = {
  csv: 'text/csv',
  jsonl: 'application/x-ndjson',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
} as const;
type Format = keyof typeof TYPES;

/** The encoder of the rows of a format, and the function that turns them into a file. */
const formatOf = async (
  format: Format,
  options: { rawCells: boolean },
): Promise<{ encoder: Encoder; fileOf(bytes: AsyncIterable<Buffer>): AsyncIterable<Buffer> }> => {
  if (format !== 'xlsx') return { encoder: createEncoder(format, options), fileOf: (bytes) => bytes };
  const { createSheetEncoder } = await import('./encode-xlsx.ts');
  const { workbookOf } = await import('../xlsx/workbook.ts');
  return { encoder: createSheetEncoder(), fileOf: workbookOf };
};

/**
 * The result of a job as bytes. The job is started when they are first read: by then the key is claimed, and a delivery that has
 * a receipt never gets there.
 */
export const createJobSource = (
  dependencies: StagingDependencies,
  asked: JobRequest,
  request: SourceRequest,
): Source => {
  const { name, parameters, format = 'csv', rawCells = false } = asked;
  const { signal } = request;
  const jobPrefix = jobPrefixOf(asked.jobParts);
  let job: Job | undefined;
  let staged: Staged | undefined;

  async function* open(as: Format, options: { rawCells: boolean }): AsyncGenerator<Buffer> {
    const config = await asked.config(signal);
    const run: QueryRun = {
      name,
      config,
      parameters,
      jobPrefix,
      signal,
      waitUntilMs: waitUntilMs(request, dependencies.now()),
      onJob: (each) => {
        job = each;
      },
    };
    let first: Page | undefined;
    const done = await runQuery(dependencies, run, async (each) => {
      first = await readPage(dependencies, run, each);
      return first !== undefined;
    });
    if (first === undefined) throw new CourierError('google-unavailable');
    staged = await stageResult(dependencies, run, { job: done, first });
    const { encoder, fileOf } = await formatOf(as, options);
    const result = { job: done, first, encoder };
    yield* fileOf(staged.by === 'extract' ? staged.open(encoder) : bytesOfResult(dependencies, run, result));
  }

  const sourceOf = (as: Format, options: { rawCells: boolean }): Source => ({
    size: undefined,
    mimeType: TYPES[as],
    // The key fixes the job and the job its result, so the same key has the same bytes.
    ...(request.idempotencyKey === undefined
      ? {}
      : { identity: `bigquery:${JSON.stringify([...asked.identity, format, rawCells])}` }),
    open: () => open(as, options),
    delivered: async () => {
      if (staged?.by === 'extract') await staged.remove();
    },
    facts: () => ({
      ...asked.facts,
      queryJob: job === undefined ? undefined : `${job.project}:${job.location}.${job.id}`,
      bytesBilled: job?.bytesBilled,
      resultBy: staged?.by,
      resultReason: staged?.reason,
    }),
  });
  const source = sourceOf(format, { rawCells });
  // A sheet has no formulas in texts, so they need no apostrophe there.
  return format === 'jsonl'
    ? source
    : { ...source, asRows: { ...sourceOf('csv', { rawCells: true }), quotedIsText: true } };
};
